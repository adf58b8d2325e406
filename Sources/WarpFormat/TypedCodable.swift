// SPDX-License-Identifier: Apache-2.0
//
// Which Swift types have a typed encoding, and what their descriptors are. SPEC: "Typed encoding", "Type descriptors".
//
// `[UInt8]` is bytes while every other array is an array. Swift has no overlapping conformances, so the element type
// decides: it may replace the three `…Array` members, and UInt8 does.

/// A type whose values can be written: what a key needs. Its conformance may be used in any isolation.
public protocol WarpEncodable: SendableMetatype {
  /// The tags of the type in order, as SPEC's "Type descriptors" lists them. Part of a shared store's identity.
  static var typeDescriptor: [UInt8] { get }

  /// Appends exactly one value.
  func encode(into writer: inout TypedWriter) throws(TypedEncodingError)

  /// The descriptor of an array of this type. Only an element with its own array form implements it.
  static var arrayDescriptor: [UInt8] { get }

  /// Appends an array of this type as one value. Only an element with its own array form implements it.
  static func encode(array: [Self], into writer: inout TypedWriter) throws(TypedEncodingError)
}

/// A type whose values can be written and read back.
public protocol WarpDecodable: WarpEncodable {
  /// Reads exactly one value.
  init(from reader: inout TypedReader) throws(TypedEncodingError)

  /// Reads an array of this type. Only an element with its own array form implements it.
  static func decodeArray(from reader: inout TypedReader) throws(TypedEncodingError) -> [Self]
}

extension WarpEncodable {
  public static var arrayDescriptor: [UInt8] { [TypedTag.array.rawValue] + typeDescriptor }

  public static func encode(array: [Self], into writer: inout TypedWriter) throws(TypedEncodingError) {
    try writer.append(array: array)
  }

  /// The encoding of this one value.
  public func typedBytes(mode: TypedMode) throws(TypedEncodingError) -> [UInt8] {
    var writer = TypedWriter(mode: mode)
    try writer.append(self)
    return writer.bytes
  }
}

extension WarpDecodable {
  public static func decodeArray(from reader: inout TypedReader) throws(TypedEncodingError) -> [Self] {
    try reader.readArray(of: Self.self)
  }

  /// The value that `typedBytes` encode; throws if they hold anything else or anything more.
  public init(typedBytes: [UInt8], mode: TypedMode) throws(TypedEncodingError) {
    var reader = TypedReader(typedBytes, mode: mode)
    self = try reader.read(Self.self)
    try reader.finish()
  }
}

// MARK: Scalars

extension Bool: WarpDecodable {
  public static var typeDescriptor: [UInt8] { [TypedTag.falseValue.rawValue] }
  public func encode(into writer: inout TypedWriter) { writer.append(self) }
  public init(from reader: inout TypedReader) throws(TypedEncodingError) { self = try reader.readBool() }
}

/// Integers of every width have one descriptor: a reader with a narrower type gets `notRepresentable`.
extension WarpEncodable where Self: FixedWidthInteger {
  public static var typeDescriptor: [UInt8] { [TypedTag.integer.rawValue] }
  public func encode(into writer: inout TypedWriter) { writer.append(integer: self) }
}

extension WarpDecodable where Self: FixedWidthInteger {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) { self = try reader.readInteger() }
}

/// Written out, unlike the other integers, because it is the commonest key.
extension Int: WarpDecodable {
  public func encode(into writer: inout TypedWriter) { writer.append(narrow: Int64(self)) }

  public init(from reader: inout TypedReader) throws(TypedEncodingError) { self = try reader.readInteger() }
}

extension Int8: WarpDecodable {}
extension Int16: WarpDecodable {}
extension Int32: WarpDecodable {}
extension Int64: WarpDecodable {}
extension Int128: WarpDecodable {}
extension UInt: WarpDecodable {}
extension UInt16: WarpDecodable {}
extension UInt32: WarpDecodable {}
extension UInt64: WarpDecodable {}
extension UInt128: WarpDecodable {}

extension UInt8: WarpDecodable {
  public static var arrayDescriptor: [UInt8] { [TypedTag.bytes.rawValue] }

  public static func encode(array: [UInt8], into writer: inout TypedWriter) throws(TypedEncodingError) {
    if planted(.bytesAsArray) { return try writer.append(array: array) }
    try writer.append(bytes: array)
  }

  public static func decodeArray(from reader: inout TypedReader) throws(TypedEncodingError) -> [UInt8] {
    try reader.readBytes()
  }
}

extension Double: WarpDecodable {
  public static var typeDescriptor: [UInt8] { [TypedTag.double.rawValue] }
  public func encode(into writer: inout TypedWriter) { writer.append(self) }
  public init(from reader: inout TypedReader) throws(TypedEncodingError) { self = try reader.readDouble() }
}

extension Float: WarpDecodable {
  public static var typeDescriptor: [UInt8] { [TypedTag.float.rawValue] }
  public func encode(into writer: inout TypedWriter) { writer.append(self) }
  public init(from reader: inout TypedReader) throws(TypedEncodingError) { self = try reader.readFloat() }
}

/// Written as its UTF-8 bytes: two spellings that Swift calls equal (composed, decomposed) are two keys.
extension String: WarpDecodable {
  public static var typeDescriptor: [UInt8] { [TypedTag.string.rawValue] }
  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) { try writer.append(self) }
  public init(from reader: inout TypedReader) throws(TypedEncodingError) { self = try reader.readString() }
}

/// An enumeration with raw values, or another type that is a name for one of another: it is written as that.
///
///     enum Color: String, WarpDecodable { case red, green }
extension WarpEncodable where Self: RawRepresentable, RawValue: WarpEncodable {
  public static var typeDescriptor: [UInt8] { RawValue.typeDescriptor }
  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) { try writer.append(rawValue) }
}

/// `notRepresentable` for a raw value that the type does not have.
extension WarpDecodable where Self: RawRepresentable, RawValue: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    let start = reader.offset
    guard let value = Self(rawValue: try reader.read(RawValue.self)) else {
      throw TypedEncodingError(.notRepresentable, at: start)
    }
    self = value
  }
}

// MARK: Containers

extension Optional: WarpEncodable where Wrapped: WarpEncodable {
  public static var typeDescriptor: [UInt8] { [TypedTag.none.rawValue] + Wrapped.typeDescriptor }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    try writer.append(optional: self)
  }
}

extension Optional: WarpDecodable where Wrapped: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) { self = try reader.readOptional() }
}

extension Array: WarpEncodable where Element: WarpEncodable {
  public static var typeDescriptor: [UInt8] { Element.arrayDescriptor }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    try Element.encode(array: self, into: &writer)
  }
}

extension Array: WarpDecodable where Element: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    self = try Element.decodeArray(from: &reader)
  }
}

extension Set: WarpEncodable where Element: WarpEncodable {
  public static var typeDescriptor: [UInt8] { [TypedTag.set.rawValue] + Element.typeDescriptor }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    try writer.append(set: self)
  }
}

/// Elements that differ in bytes but are equal in Swift (two spellings of a text) are `notRepresentable`.
extension Set: WarpDecodable where Element: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    let start = reader.offset
    let elements = try reader.readSet(of: Element.self)
    self.init(elements)
    guard count == elements.count else { throw TypedEncodingError(.notRepresentable, at: start) }
  }
}

extension Dictionary: WarpEncodable where Key: WarpEncodable, Value: WarpEncodable {
  public static var typeDescriptor: [UInt8] {
    [TypedTag.map.rawValue] + Key.typeDescriptor + Value.typeDescriptor
  }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    try writer.append(map: self)
  }
}

/// Keys that differ in bytes but are equal in Swift (two spellings of a text) are `notRepresentable`.
extension Dictionary: WarpDecodable where Key: WarpDecodable, Value: WarpDecodable {
  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    let start = reader.offset
    self = [:]
    for (key, value) in try reader.readMap(of: (Key, Value).self) {
      guard updateValue(value, forKey: key) == nil else {
        throw TypedEncodingError(.notRepresentable, at: start)
      }
    }
  }
}
