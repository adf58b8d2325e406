// SPDX-License-Identifier: Apache-2.0
// Files as a test damages and compares them.

import WarpFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

public enum TestFiles {
  /// All bytes of a file.
  public static func read(_ path: String) throws -> [UInt8] {
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    return try System.read(file, at: 0, count: System.status(file, path).size, path)
  }

  /// Makes a file of these bytes, mode 0600, in the place of what was there.
  public static func write(_ path: String, _ bytes: [UInt8]) throws {
    try System.remove(path)
    let file = try System.open(path, .createExclusive)
    defer { System.close(file) }
    try System.write(file, at: 0, bytes, path)
  }

  /// Changes a file in place.
  public static func patch(_ path: String, at offset: Int, _ bytes: [UInt8]) throws {
    let file = try System.open(path, .readWrite)
    defer { System.close(file) }
    try System.write(file, at: offset, bytes, path)
  }

  /// Changes bytes of a header page, data or lock, and makes its checksum right again.
  public static func patchHeader(_ path: String, at offset: Int, _ bytes: [UInt8]) throws {
    try patch(path, at: offset, bytes)
    let page = [UInt8](try read(path).prefix(HeaderFields.checksum.offset))
    let sum = XXH3.hash64(page, seed: 0)
    try patch(
      path, at: HeaderFields.checksum.offset, (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt64($0))) })
  }

  /// The names in a directory but that of the creation lock, which is empty and may be made by any attempt.
  public static func names(_ directory: String) throws -> [String] {
    try System.list(directory).filter { !$0.hasSuffix("-init") }
  }

  public static func exists(_ path: String) throws -> Bool { try System.status(path: path) != nil }

  /// What a directory holds, for comparison: name, mode, size and a hash of the bytes of each file.
  public static func snapshot(_ directory: String) throws -> [String] {
    try names(directory).map { name in
      let path = directory + "/" + name
      guard let status = try System.status(path: path) else { return name }
      let mode = String(status.permissions, radix: 8)
      guard status.isRegular else { return "\(name) \(mode) inode \(status.inode)" }
      let hash = status.size <= 64 << 20 ? XXH3.hash64(try read(path), seed: 0) : 0
      return "\(name) \(mode) \(status.size) \(hash)"
    }
  }

  /// Little-endian bytes.
  public static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
