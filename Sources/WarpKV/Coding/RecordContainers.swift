// SPDX-License-Identifier: Apache-2.0
//
// The three containers that a decoder of records hands out. SPEC: "Records of programs".
//
// A generic function is the witness of those that the protocols ask for each type of the standard library; the 128-bit
// integers need their own, as in the encoder.

import WarpFormat

extension RecordDecoder {
  struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: RecordDecoder
    /// Where the value of each name is.
    let members: [String: Int]
    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { members.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

    func member(_ key: any CodingKey) throws -> RecordDecoder {
      guard let offset = members[key.stringValue] else {
        throw DecodingError.keyNotFound(
          key, .init(codingPath: codingPath, debugDescription: "the record at byte \(decoder.offset) lacks it"))
      }
      return decoder.at(offset, key)
    }

    func decodeNil(forKey key: Key) throws -> Bool { try member(key).tag == .none }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
      try member(key).take(type)
    }

    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try member(key).take(type) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try member(key).take(type) }

    /// The mirror of `encodeIfPresent`: what is there is read as an optional.
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
      contains(key) || planted(.missingMemberRefused) ? try member(key).optional(type) : nil
    }

    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try member(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      try member(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try member(RecordKey.superKey) }

    func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }
  }

  struct Unkeyed: UnkeyedDecodingContainer {
    let decoder: RecordDecoder
    /// Where each element is.
    let places: [Int]
    var currentIndex = 0
    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { places.count }
    var isAtEnd: Bool { currentIndex == places.count }

    /// A decoder of the next element. It is passed only once it was decoded, as the protocol asks.
    func next() throws -> RecordDecoder {
      guard currentIndex < places.count else {
        throw DecodingError.valueNotFound(
          Any.self, .init(codingPath: codingPath, debugDescription: "there are only \(places.count) elements"))
      }
      return decoder.at(places[currentIndex], RecordKey(intValue: currentIndex))
    }

    private mutating func passing<Result>(_ body: (RecordDecoder) throws -> Result) throws -> Result {
      let result = try body(try next())
      currentIndex += 1
      return result
    }

    mutating func decodeNil() throws -> Bool {
      guard try next().tag == .none else { return false }
      currentIndex += 1
      return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try passing { try $0.take(type) } }
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try passing { try $0.take(type) } }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try passing { try $0.take(type) } }

    mutating func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try passing { try $0.container(keyedBy: type) } }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
      try passing { try $0.unkeyedContainer() }
    }

    mutating func superDecoder() throws -> any Decoder { try passing { $0 } }
  }

  struct Single: SingleValueDecodingContainer {
    let decoder: RecordDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    /// Answers false if the tag can't be read: whatever is decoded instead then says why.
    func decodeNil() -> Bool { (try? decoder.tag) == TypedTag.none }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.take(type) }
    func decode(_ type: Int128.Type) throws -> Int128 { try decoder.take(type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try decoder.take(type) }
  }
}
