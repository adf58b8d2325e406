// SPDX-License-Identifier: Apache-2.0
//
// The decoder of `Codable` types without a typed encoding of their own. SPEC: "Records of programs".
//
// Invariant: the whole encoding was checked by `TypedReader.skip` before a decoder is made, so each offset that a
// decoder holds is that of a well-formed, canonical value, at most 64 containers deep. What is left to go wrong is a
// value of another type than the program asks for: that is a `DecodingError` with the path to it.

import WarpFormat

struct RecordDecoder: Decoder {
  let bytes: [UInt8]
  let mode: TypedMode
  /// Where the value's tag is.
  let offset: Int
  let codingPath: [any CodingKey]
  /// Calls of `init(from:)` that this one is in.
  let calls: Int
  /// What an unkeyed container must be.
  let sequence: TypedTag
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// The one value that the rest of a reader holds, read as a record; the reader then stands behind it.
  static func read<Value: Decodable>(
    _ type: Value.Type, from reader: inout TypedReader
  ) throws -> Value {
    let offset = try reader.skip()
    let decoder = RecordDecoder(
      bytes: reader.bytes, mode: reader.mode, offset: offset, codingPath: [], calls: 0, sequence: .array)
    return try decoder.take(type)
  }

  /// A decoder of the value at another offset.
  func at(_ offset: Int, _ key: (any CodingKey)? = nil) -> RecordDecoder {
    RecordDecoder(
      bytes: bytes, mode: mode, offset: offset, codingPath: key.map { codingPath + [$0] } ?? codingPath,
      calls: calls, sequence: .array)
  }

  /// The value in this decoder's place.
  func take<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if let typed = type as? any WarpDecodable.Type {
      let value = try checked { (reader) throws(TypedEncodingError) -> Any in try reader.read(typed) }
      guard let value = value as? Value else { throw mismatch(type) }
      return value
    }
    guard calls < RecordLimits.calls else { throw mismatch(type, TypedEncodingError(.nestedTooDeep, at: offset)) }
    let inner = RecordDecoder(
      bytes: bytes, mode: mode, offset: offset, codingPath: codingPath, calls: calls + 1,
      sequence: type is any WrittenAsTuple.Type ? .tuple : .array)
    if let structure = type as? any StructurallyCoded.Type {
      guard let value = try structure.init(structureFrom: inner) as? Value else { throw mismatch(type) }
      return value
    }
    return try type.init(from: inner)
  }

  var tag: TypedTag { get throws { try checked { (reader) throws(TypedEncodingError) in try reader.peekTag() } } }

  /// The offsets of the elements of a sequence.
  func places(of tag: TypedTag) throws -> [Int] {
    try checked { (reader) throws(TypedEncodingError) in try reader.readPlaces(of: tag) }
  }

  /// The offsets of the keys and values of a map.
  func pairs() throws -> [(key: Int, value: Int)] {
    try checked { (reader) throws(TypedEncodingError) in try reader.readMapPlaces() }
  }

  private func checked<Result>(
    _ body: (inout TypedReader) throws(TypedEncodingError) -> Result
  ) throws -> Result {
    var reader = TypedReader(bytes, at: offset, mode: mode)
    do throws(TypedEncodingError) { return try body(&reader) } catch { throw mismatch(Result.self, error) }
  }

  /// The value here is not of this type.
  func mismatch(_ type: Any.Type, _ error: TypedEncodingError? = nil) -> DecodingError {
    let reason = error.map { "\($0.code) at byte \($0.offset)" } ?? "another type at byte \(offset)"
    return .typeMismatch(type, .init(codingPath: codingPath, debugDescription: reason, underlyingError: error))
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    var members: [String: Int] = [:]
    for (key, value) in try pairs() {
      // Names that differ in bytes but are equal in Swift can't be told apart.
      guard members.updateValue(value, forKey: try at(key).take(String.self)) == nil else {
        throw mismatch(type, TypedEncodingError(.notRepresentable, at: key))
      }
    }
    return KeyedDecodingContainer(Keyed(decoder: self, members: members))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    Unkeyed(decoder: self, places: try places(of: sequence))
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }
}
