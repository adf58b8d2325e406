// SPDX-License-Identifier: Apache-2.0
//
// The typed encoding: how keys and values of the common types become bytes that every process and language agrees on.
// SPEC: "Typed encoding".
//
//     +-----+---------------------------------------------+
//     | tag | payload: fixed size, or a 4-byte size/count  |      all numbers little-endian
//     +-----+---------------------------------------------+      a tag fixes how its payload is read
//
// Invariants:
// - Injective: different values have different encodings, and no encoding is a proper prefix of another.
// - Canonical: a value has exactly one encoding in a mode. Integers use the smallest tag that holds them, maps and
//   sets are sorted by the bytes of their keys, `some` stands only where it is needed.
// - The reader refuses whatever the writer would not have written, with a code and a byte offset.
//
// Here: the registry of tags, the two modes, the error. TypedWriter and TypedReader are the two directions,
// TypedCodable.swift the protocols, TypedValue.swift any encoding as a tree.

/// The first byte of every encoded value. Numbers that are not listed are reserved and refused.
public enum TypedTag: UInt8, Sendable, CaseIterable {
  // 0x00 stays unassigned for ever: zeroed memory must not decode. 0x01-0x0F: values without payload, and `some`.
  case none = 0x01
  case falseValue = 0x02
  case trueValue = 0x03
  case some = 0x04
  // 0x10-0x1F: numbers.
  case integer = 0x10
  case unsigned64 = 0x11
  case signed128 = 0x12
  case unsigned128 = 0x13
  case double = 0x18
  case float = 0x19
  // 0x20-0x2F: text and bytes.
  case string = 0x20
  case bytes = 0x21
  case uuid = 0x22
  // 0x30-0x3F: containers.
  case array = 0x30
  case tuple = 0x31
  case set = 0x32
  case map = 0x33
  // 0x40-0x4F: things with a name.
  case enumCase = 0x40
  case codec = 0x41
  // 0x50-0x7E and 0x80-0xFF are reserved; 0x7F ("any value") occurs in type descriptors only.
}

/// Whether floating-point numbers are made equal or kept.
public enum TypedMode: Sendable {
  /// For keys: -0.0 becomes 0.0 and every NaN the one canonical NaN, so that equal keys are equal bytes.
  case key
  /// For values: the bits of every number are kept.
  case value
}

/// The limits and fixed bit patterns of the typed encoding.
public enum TypedEncoding {
  /// How many containers (array, tuple, set, map, enum case, `some`) may enclose each other.
  public static let maximumDepth = 64
  /// The descriptor of "any value": a byte that begins no encoding.
  public static let anyDescriptor: UInt8 = 0x7F

  @usableFromInline static var canonicalDoubleNaN: UInt64 { 0x7FF8_0000_0000_0000 }
  @usableFromInline static var canonicalFloatNaN: UInt32 { 0x7FC0_0000 }

  @inlinable
  package static func bits(of value: Double, _ mode: TypedMode) -> UInt64 {
    if mode == .value { return value.bitPattern }
    if value.isNaN { return canonicalDoubleNaN }
    return value == 0 ? 0 : value.bitPattern
  }

  @inlinable
  package static func bits(of value: Float, _ mode: TypedMode) -> UInt32 {
    if mode == .value { return value.bitPattern }
    if value.isNaN { return canonicalFloatNaN }
    return value == 0 ? 0 : value.bitPattern
  }

  /// A name as it stands in a type descriptor: 4-byte UTF-8 byte count, then the bytes.
  public static func descriptor(_ tag: TypedTag, name: String) -> [UInt8] {
    [tag.rawValue] + sizeField(name.utf8.count) + Array(name.utf8)
  }

  /// The descriptor of a tuple: 4-byte count, then that of each type.
  public static func descriptor<each Element: WarpEncodable>(
    tuple types: repeat (each Element).Type
  ) -> [UInt8] {
    var parts: [UInt8] = []
    for type in repeat each types { parts += type.typeDescriptor }
    return [TypedTag.tuple.rawValue] + sizeField(count(of: repeat each types)) + parts
  }

  /// How many types there are.
  static func count<each Element>(of types: repeat (each Element).Type) -> Int {
    var count = 0
    for _ in repeat each types { count += 1 }
    return count
  }

  private static func sizeField(_ size: Int) -> [UInt8] {
    let size = UInt32(clamping: size)
    return (0..<4).map { UInt8(truncatingIfNeeded: size >> ($0 * 8)) }
  }
}

/// Why bytes are not a typed encoding, or why a value has none.
public struct TypedEncodingError: Error, Equatable, Sendable {
  public enum Code: String, Sendable, CaseIterable {
    /// The bytes end inside a tag or a fixed-size field.
    case truncated
    /// A declared size or count is more than the bytes that follow could hold.
    case sizeBeyondEnd
    /// A tag that this version does not define.
    case unknownTag
    /// More than ``TypedEncoding/maximumDepth`` containers enclose each other.
    case nestedTooDeep
    /// An integer stands under a wider tag than it needs.
    case nonMinimalInteger
    /// A key holds -0.0 or a NaN other than the canonical one.
    case nonCanonicalFloat
    /// A string or a name is not valid UTF-8.
    case invalidUTF8
    /// The keys of a map or the elements of a set are not in ascending order of their bytes.
    case unsorted
    /// A key of a map or an element of a set occurs twice.
    case duplicate
    /// `some` stands around something that is neither `none` nor `some`.
    case unneededSome
    /// Bytes follow the value.
    case trailingBytes
    /// Well-formed, but not of the type that the caller asked for.
    case wrongType
    /// The right kind of value, but the caller's type cannot hold it.
    case notRepresentable
    /// When writing: a size or count does not fit 32 bits.
    case tooLarge
    /// A conformance wrote or read another number of values than it had to.
    case wrongValueCount
  }

  public let code: Code
  /// The byte offset in the encoding at which the offending field starts (when writing: how much was written).
  public let offset: Int

  public init(_ code: Code, at offset: Int) {
    self.code = code
    self.offset = offset
  }
}
