// SPDX-License-Identifier: Apache-2.0
//
// Any typed encoding as a tree, for tools, fixtures and tests. SPEC: "Typed encoding".
//
// Decoding then encoding gives the same bytes. The other way round a tree that is not canonical is either refused
// (`some` without need, an integer in the wrong case, a key twice) or put in order (sets and maps).

/// Whatever a typed encoding can hold.
public indirect enum TypedValue: Sendable {
  case none
  /// Only around `none` or `some`.
  case some(TypedValue)
  case bool(Bool)
  case integer(Int128)
  /// Only above `Int128.max`.
  case largeInteger(UInt128)
  case double(Double)
  case float(Float)
  case string(String)
  case bytes([UInt8])
  /// The most significant byte is the UUID's first.
  case uuid(UInt128)
  case array([TypedValue])
  case tuple([TypedValue])
  /// Decoding gives the elements in the order of their bytes.
  case set([TypedValue])
  /// Decoding gives the pairs in the order of their keys' bytes.
  case map([(key: TypedValue, value: TypedValue)])
  case enumCase(name: String, values: [TypedValue])
  case codec(name: String, bytes: [UInt8])
}

/// Equality of what is encoded in value mode: floating-point numbers by their bits, text by its UTF-8 bytes, sets and
/// maps in the order in which they are given.
extension TypedValue: Equatable {
  public static func == (left: TypedValue, right: TypedValue) -> Bool {
    switch (left, right) {
    case (.none, .none): true
    case (.some(let left), .some(let right)): left == right
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.largeInteger(let left), .largeInteger(let right)): left == right
    case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern
    case (.float(let left), .float(let right)): left.bitPattern == right.bitPattern
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    case (.bytes(let left), .bytes(let right)): left == right
    case (.uuid(let left), .uuid(let right)): left == right
    case (.array(let left), .array(let right)): left == right
    case (.tuple(let left), .tuple(let right)): left == right
    case (.set(let left), .set(let right)): left == right
    case (.map(let left), .map(let right)): left.elementsEqual(right, by: ==)
    case (.enumCase(let left, let leftValues), .enumCase(let right, let rightValues)):
      left.utf8.elementsEqual(right.utf8) && leftValues == rightValues
    case (.codec(let left, let leftBytes), .codec(let right, let rightBytes)):
      left.utf8.elementsEqual(right.utf8) && leftBytes == rightBytes
    default: false
    }
  }
}

extension TypedValue: WarpDecodable {
  public static var typeDescriptor: [UInt8] { [TypedEncoding.anyDescriptor] }

  public func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    switch self {
    case .none: writer.appendNone()
    case .some(let wrapped):
      switch wrapped {
      case .none, .some: try writer.append(optional: wrapped)
      default: throw writer.failure(.unneededSome)
      }
    case .bool(let value): writer.append(value)
    case .integer(let value): writer.append(integer: value)
    case .largeInteger(let value):
      guard Int128(exactly: value) == nil else { throw writer.failure(.nonMinimalInteger) }
      writer.append(integer: value)
    case .double(let value): writer.append(value)
    case .float(let value): writer.append(value)
    case .string(let value): try writer.append(value)
    case .bytes(let value): try writer.append(bytes: value)
    case .uuid(let value): writer.append(uuid: value)
    case .array(let values): try writer.append(array: values)
    case .tuple(let values):
      try writer.appendTuple { (writer) throws(TypedEncodingError) in
        for value in values { try writer.append(value) }
      }
    case .set(let values): try writer.append(set: values)
    case .map(let pairs): try writer.append(map: pairs)
    case .enumCase(let name, let values):
      try writer.append(enumCase: name) { (writer) throws(TypedEncodingError) in
        for value in values { try writer.append(value) }
      }
    case .codec(let name, let bytes): try writer.append(codec: name, bytes: bytes)
    }
  }

  public init(from reader: inout TypedReader) throws(TypedEncodingError) {
    switch try reader.peekTag() {
    case .none:
      try reader.readNone()
      self = .none
    case .some:
      self = .some(
        try reader.readSome { (reader) throws(TypedEncodingError) in try TypedValue(from: &reader) })
    case .falseValue, .trueValue: self = .bool(try reader.readBool())
    case .integer, .unsigned64, .signed128: self = .integer(try reader.readInteger())
    case .unsigned128: self = .largeInteger(try reader.readInteger())
    case .double: self = .double(try reader.readDouble())
    case .float: self = .float(try reader.readFloat())
    case .string: self = .string(try reader.readString())
    case .bytes: self = .bytes(try reader.readBytes())
    case .uuid: self = .uuid(try reader.readUUID())
    case .array: self = .array(try reader.readArray())
    case .tuple:
      self = .tuple(
        try reader.readTuple { (reader, count) throws(TypedEncodingError) in
          try Self.values(count, from: &reader)
        })
    case .set: self = .set(try reader.readSet())
    case .map: self = .map(try reader.readMap())
    case .enumCase:
      self = try reader.readEnumCase { (reader, name, count) throws(TypedEncodingError) in
        .enumCase(name: name, values: try Self.values(count, from: &reader))
      }
    case .codec:
      let (name, bytes) = try reader.readCodec()
      self = .codec(name: name, bytes: bytes)
    }
  }

  private static func values(
    _ count: Int, from reader: inout TypedReader
  ) throws(TypedEncodingError) -> [TypedValue] {
    var result: [TypedValue] = []
    for _ in 0..<count { result.append(try reader.read(TypedValue.self)) }
    return result
  }
}
