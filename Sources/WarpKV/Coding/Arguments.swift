// SPDX-License-Identifier: Apache-2.0
//
// The arguments of a function as one key. SPEC: "Typed encoding", tuple.
//
// Swift's tuples conform to nothing, so a list of arguments is a struct. Two and three have types of their own because
// the compiler turns those into plain field accesses; any other number, also none, is an `ArgumentPack`. All are written
// as a tuple, by their own conformance and by the coder of `Codable` types alike, so that one list has one encoding.

public import WarpFormat

/// A type that the coder of `Codable` types writes as a tuple although it asks for an unkeyed container.
protocol WrittenAsTuple {}

/// Two arguments as one key.
@frozen
public struct Arguments2<First: Hashable & Sendable, Second: Hashable & Sendable>: Hashable, Sendable {
  /// The first argument.
  public let first: First
  /// The second argument.
  public let second: Second

  /// The arguments in their order.
  @inlinable
  public init(_ first: First, _ second: Second) {
    self.first = first
    self.second = second
  }

  @inlinable
  public static func == (left: Self, right: Self) -> Bool {
    left.first == right.first && left.second == right.second
  }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    first.hash(into: &hasher)
    second.hash(into: &hasher)
  }
}

/// Three arguments as one key.
@frozen
public struct Arguments3<
  First: Hashable & Sendable, Second: Hashable & Sendable, Third: Hashable & Sendable
>: Hashable, Sendable {
  /// The first argument.
  public let first: First
  /// The second argument.
  public let second: Second
  /// The third argument.
  public let third: Third

  /// The arguments in their order.
  @inlinable
  public init(_ first: First, _ second: Second, _ third: Third) {
    self.first = first
    self.second = second
    self.third = third
  }

  @inlinable
  public static func == (left: Self, right: Self) -> Bool {
    left.first == right.first && left.second == right.second && left.third == right.third
  }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    first.hash(into: &hasher)
    second.hash(into: &hasher)
    third.hash(into: &hasher)
  }
}

/// Any number of arguments as one key.
@frozen
public struct ArgumentPack<each Argument: Hashable & Sendable>: Hashable, Sendable {
  /// The arguments in their order.
  public let values: (repeat each Argument)

  /// The arguments in their order.
  @inlinable
  public init(_ values: repeat each Argument) {
    self.values = (repeat each values)
  }

  @inlinable
  public static func == (left: Self, right: Self) -> Bool {
    for (one, other) in repeat (each left.values, each right.values) {
      guard one == other else { return false }
    }
    return true
  }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    repeat (each values).hash(into: &hasher)
  }
}

// MARK: Typed encoding

extension Arguments2: WarpEncodable where First: WarpEncodable, Second: WarpEncodable {
  public static var typeDescriptor: [UInt8] { TypedEncoding.descriptor(tuple: First.self, Second.self) }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    try writer.append(tuple: first, second)
  }
}

extension Arguments2: WarpDecodable where First: WarpDecodable, Second: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    (first, second) = try reader.readTuple(of: First.self, Second.self)
  }
}

extension Arguments3: WarpEncodable where First: WarpEncodable, Second: WarpEncodable, Third: WarpEncodable {
  public static var typeDescriptor: [UInt8] { TypedEncoding.descriptor(tuple: First.self, Second.self, Third.self) }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    try writer.append(tuple: first, second, third)
  }
}

extension Arguments3: WarpDecodable where First: WarpDecodable, Second: WarpDecodable, Third: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    (first, second, third) = try reader.readTuple(of: First.self, Second.self, Third.self)
  }
}

extension ArgumentPack: WarpEncodable where repeat each Argument: WarpEncodable {
  public static var typeDescriptor: [UInt8] { TypedEncoding.descriptor(tuple: repeat (each Argument).self) }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    try writer.append(tuple: repeat each values)
  }
}

extension ArgumentPack: WarpDecodable where repeat each Argument: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    values = try reader.readTuple(of: repeat (each Argument).self)
  }
}

// MARK: Codable

extension Arguments2: WrittenAsTuple {}
extension Arguments3: WrittenAsTuple {}
extension ArgumentPack: WrittenAsTuple {}

extension Arguments2: Encodable where First: Encodable, Second: Encodable {
  public func encode(to encoder: any Encoder) throws {
    var parts = encoder.unkeyedContainer()
    try parts.encode(first)
    try parts.encode(second)
  }
}

extension Arguments2: Decodable where First: Decodable, Second: Decodable {
  public init(from decoder: any Decoder) throws {
    var parts = try decoder.unkeyedContainer()
    first = try parts.decode(First.self)
    second = try parts.decode(Second.self)
    try parts.requireEnd()
  }
}

extension Arguments3: Encodable where First: Encodable, Second: Encodable, Third: Encodable {
  public func encode(to encoder: any Encoder) throws {
    var parts = encoder.unkeyedContainer()
    try parts.encode(first)
    try parts.encode(second)
    try parts.encode(third)
  }
}

extension Arguments3: Decodable where First: Decodable, Second: Decodable, Third: Decodable {
  public init(from decoder: any Decoder) throws {
    var parts = try decoder.unkeyedContainer()
    first = try parts.decode(First.self)
    second = try parts.decode(Second.self)
    third = try parts.decode(Third.self)
    try parts.requireEnd()
  }
}

extension ArgumentPack: Encodable where repeat each Argument: Encodable {
  public func encode(to encoder: any Encoder) throws {
    var parts = encoder.unkeyedContainer()
    repeat try parts.encode(each values)
  }
}

extension ArgumentPack: Decodable where repeat each Argument: Decodable {
  public init(from decoder: any Decoder) throws {
    var parts = try decoder.unkeyedContainer()
    self.init(repeat try parts.decode((each Argument).self))
    try parts.requireEnd()
  }
}

extension UnkeyedDecodingContainer {
  /// A list of arguments has exactly as many values as it has parts.
  fileprivate func requireEnd() throws {
    guard isAtEnd else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: codingPath, debugDescription: "more values than arguments"))
    }
  }
}
