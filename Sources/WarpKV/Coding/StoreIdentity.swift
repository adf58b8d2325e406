// SPDX-License-Identifier: Apache-2.0
//
// Which file a typed store or a shared function has. SPEC: "Typed stores".
//
//     escape(name) - 16 hexadecimal digits
//
// Two programs share a store exactly when namespace, name, version and the types of keys and values agree. The digits
// hold all five; the readable part is for people who look into the directory. It is plain ASCII, because what counts as
// a letter elsewhere depends on the version of Unicode, and file systems disagree on how letters are spelled.

public import WarpFormat

/// What makes a typed store the same store for two programs.
public struct StoreIdentity: Hashable, Sendable {
  /// Keeps stores of one name in different programs apart.
  public let namespace: String
  /// As the program gave it.
  public let name: String
  /// Raised by the program when values of the same types mean something else than before.
  public let version: Int
  /// Of the key type (SPEC.md, "Type descriptors").
  public let keyDescriptor: [UInt8]
  /// Of the value type.
  public let valueDescriptor: [UInt8]

  /// - Parameters:
  ///   - name: any text but the empty one.
  ///   - namespace: nil: the module part of `fileID`. Programs with different modules share a store if they give the
  ///     same one.
  ///   - version: of what the values mean.
  ///   - keyDescriptor: see ``Codec/descriptor``.
  ///   - valueDescriptor: see ``Codec/descriptor``.
  ///   - fileID: of the caller, as `#fileID` gives it.
  /// - Throws: `invalidName` if the name is empty.
  public init(
    _ name: String, namespace: String? = nil, version: Int = 0, keyDescriptor: [UInt8], valueDescriptor: [UInt8],
    fileID: String = #fileID
  ) throws(WarpError) {
    guard !name.isEmpty || planted(.emptyNameTaken) else {
      throw WarpError(.invalidName, "a typed store or a shared function needs a name", field: "name")
    }
    self.name = name
    self.namespace = namespace ?? String(fileID.prefix { $0 != "/" })
    self.version = version
    self.keyDescriptor = keyDescriptor
    self.valueDescriptor = valueDescriptor
  }

  /// The name of the store, of at most 200 bytes of ASCII: a valid name for ``SharedStore``.
  ///
  /// - Throws: `invalidName` if namespace or name have 4 GiB or more.
  public var storeName: String {
    get throws(WarpError) {
      var writer = TypedWriter(mode: .key)
      do throws(TypedEncodingError) {
        try writer.append(
          tuple: namespace, name, planted(.versionNotInName) ? 0 : version, keyDescriptor, valueDescriptor)
      } catch {
        throw WarpError(.invalidName, "the name has no encoding: \(error.code)", field: "name")
      }
      let digits = String(XXH3.hash64(writer.bytes, seed: 0), radix: 16)
      let hash = String(repeating: "0", count: 16 - digits.count) + digits
      return Self.escaped(name, limit: Format.maximumNameSize - 1 - hash.count) + "-" + hash
    }
  }

  /// The name with every byte but ASCII letters, digits, `-`, `_` and a `.` that is not the first as `%XX`, cut behind the
  /// last whole character that fits.
  private static func escaped(_ name: String, limit: Int) -> String {
    var result = ""
    for scalar in name.unicodeScalars {
      var part = ""
      for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
        part += isKept(byte, first: result.isEmpty) ? String(Unicode.Scalar(byte)) : percent(byte)
      }
      guard result.utf8.count + part.utf8.count <= limit else { break }
      result += part
    }
    return result
  }

  private static func isKept(_ byte: UInt8, first: Bool) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
    case UInt8(ascii: "."): !first
    default: false
    }
  }

  private static func percent(_ byte: UInt8) -> String {
    (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
  }
}
