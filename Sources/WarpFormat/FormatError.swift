// SPDX-License-Identifier: Apache-2.0
// What can go wrong with an argument, a file or the system. Our own bugs hit a precondition instead; a miss is no
// error. The library never ends its host because of what a file holds.

/// An error with a code to switch over and a sentence that says what, where and what to do.
///
/// Every error that WarpFormat and WarpKV throw is of this type.
public struct FormatError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Which rule was broken. Stable: code may switch over it.
  public enum Code: String, Sendable, CaseIterable {
    // Arguments
    case invalidName, invalidCapacity, invalidShardCount, invalidKeySize, invalidValueSize, invalidTimeToLive
    case invalidArgument, keyTooLarge, notEncodable
    // Files
    case truncated, notAStore, foreignByteOrder, unsupportedVersion, unsupportedFeatures, corruptHeader
    case corruptGeometry, corruptState, corruptShard, corruptLockFile, lockFileMissing, parametersDiffer, needsZstd
    case insecureDirectory, insecureFile, unsupportedFileSystem, notFound, clockDomainMismatch
    // System
    case noSpace, fileSizeLimit, readOnly, unsupportedPlatform, tooManyProcesses, system
    // Operations
    case busy, full, closed, superseded, descriptorLost, backendUnavailable, notAnInteger, integerOverflow
  }

  public let code: Code
  /// What happened and what to do about it.
  public let message: String
  /// The file or directory.
  public var path: String?
  /// Byte offset in the file.
  public var offset: Int?
  /// The field or parameter.
  public var field: String?
  /// The rule's id in SPEC.md.
  public var rule: String?
  /// The system's error number.
  public var errno: Int32?

  public init(
    _ code: Code, _ message: String, path: String? = nil, offset: Int? = nil, field: String? = nil,
    rule: String? = nil, errno: Int32? = nil
  ) {
    self.code = code
    self.message = message
    self.path = path
    self.offset = offset
    self.field = field
    self.rule = rule
    self.errno = errno
  }

  public var description: String {
    var text = "\(code.rawValue): \(message)"
    var places: [String] = []
    if let path { places.append(path) }
    if let field { places.append("field \(field)") }
    if let offset { places.append("offset \(offset)") }
    if let rule { places.append(rule) }
    if let errno { places.append("errno \(errno)") }
    if !places.isEmpty { text += " (" + places.joined(separator: ", ") + ")" }
    return text
  }

  /// The same error, naming the file.
  func at(_ path: String) -> FormatError {
    var copy = self
    copy.path = copy.path ?? path
    return copy
  }
}
