// SPDX-License-Identifier: Apache-2.0
//
// The encoder of `Codable` types without a typed encoding of their own. SPEC: "Records of programs".
//
// At every level the type decides: a type with a typed encoding is written by that; Optional, Set and Dictionary as what
// they are, whatever they hold; everything else by its own `encode(to:)`. The static type decides, because the decoder
// knows no other.

import WarpFormat

/// The limits of the coder in both directions.
enum RecordLimits {
  /// How many calls of `encode(to:)` or `init(from:)` may be in each other: the depth of containers bounds those that
  /// open one, this bounds the others, such as wrappers that encode as the one value they hold.
  static let calls = 4 * TypedEncoding.maximumDepth
}

/// A type of the standard library whose own Codable conformance says less than the typed encoding can.
protocol StructurallyCoded {
  func encode(structureTo encoder: RecordEncoder) throws
  init(structureFrom decoder: RecordDecoder) throws
}

struct RecordEncoder: Encoder {
  let node: RecordNode
  let codingPath: [any CodingKey]
  /// Calls of `encode(to:)` that this one is in.
  let calls: Int
  /// What an unkeyed container becomes.
  let sequence: RecordNode.Sequence
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(
    _ node: RecordNode, path: [any CodingKey] = [], calls: Int = 0, sequence: RecordNode.Sequence = .array
  ) {
    self.node = node
    self.codingPath = path
    self.calls = calls
    self.sequence = sequence
  }

  /// An encoder of a part of what this one encodes.
  func encoder(of node: RecordNode, _ key: (any CodingKey)?) -> RecordEncoder {
    RecordEncoder(node, path: key.map { codingPath + [$0] } ?? codingPath, calls: calls)
  }

  /// Puts a value in this encoder's place.
  func put<Value: Encodable>(_ value: Value) throws {
    guard calls < RecordLimits.calls else { throw TypedEncodingError(.nestedTooDeep, at: 0) }
    // Members that are there belong to a value that was encoded before, and must not mix with those of this one.
    guard case .nothing = node.content else {
      node.content = .contradiction
      return
    }
    if Value.self is any WarpDecodable.Type, let value = value as? any WarpEncodable {
      return node.put(.value(value))
    }
    let isTuple = Value.self is any WrittenAsTuple.Type
    let inner = RecordEncoder(node, path: codingPath, calls: calls + 1, sequence: isTuple ? .tuple : .array)
    if let value = value as? any StructurallyCoded {
      try value.encode(structureTo: inner)
    } else {
      try value.encode(to: inner)
    }
  }

  /// A node of its own that holds a value.
  func node<Value: Encodable>(of value: Value, _ key: (any CodingKey)? = nil) throws -> RecordNode {
    let part = RecordNode()
    try encoder(of: part, key).put(value)
    return part
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    node.becomeRecord()
    return KeyedEncodingContainer(Keyed(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    node.becomeSequence(sequence)
    return Unkeyed(encoder: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }
}

extension RecordEncoder {
  /// The names and values of a record. A generic function is the witness of those for each type of the standard library,
  /// except for the 128-bit integers: theirs have defaults, which throw, and a default wins against a generic function.
  struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: RecordEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func member(_ key: any CodingKey) -> RecordEncoder {
      encoder.encoder(
        of: encoder.node.member(planted(.memberNumbersWritten) ? "\(key.intValue ?? 0)" : key.stringValue), key)
    }

    func encodeNil(forKey key: Key) { member(key).node.put(.optional(nil)) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try member(key).put(value) }
    func encode(_ value: Int128, forKey key: Key) throws { try member(key).put(value) }
    func encode(_ value: UInt128, forKey key: Key) throws { try member(key).put(value) }

    /// Nil has no entry. A value that is written as `none` itself gets a `some`, as in an optional.
    func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
      guard let value else {
        if planted(.absentMemberWritten) { encodeNil(forKey: key) }
        return
      }
      let part = member(key)
      part.node.put(.optional(try part.node(of: value)))
    }

    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { member(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { member(key).unkeyedContainer() }

    func superEncoder() -> any Encoder { member(RecordKey.superKey) }

    func superEncoder(forKey key: Key) -> any Encoder { member(key) }
  }

  struct Unkeyed: UnkeyedEncodingContainer {
    let encoder: RecordEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }
    var count: Int { encoder.node.count }

    func next() -> RecordEncoder {
      let key = RecordKey(intValue: count)
      return encoder.encoder(of: encoder.node.element(), key)
    }

    func encodeNil() { next().node.put(.optional(nil)) }

    func encode<Value: Encodable>(_ value: Value) throws { try next().put(value) }
    func encode(_ value: Int128) throws { try next().put(value) }
    func encode(_ value: UInt128) throws { try next().put(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
      next().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }

    func superEncoder() -> any Encoder { next() }
  }

  struct Single: SingleValueEncodingContainer {
    let encoder: RecordEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() { encoder.node.put(.optional(nil)) }

    func encode<Value: Encodable>(_ value: Value) throws { try encoder.put(value) }
    func encode(_ value: Int128) throws { try encoder.put(value) }
    func encode(_ value: UInt128) throws { try encoder.put(value) }
  }
}

/// A name or a position in a path, for errors and for `super`.
struct RecordKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  static let superKey = RecordKey(stringValue: "super")

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init(intValue: Int) {
    stringValue = "\(intValue)"
    self.intValue = intValue
  }
}
