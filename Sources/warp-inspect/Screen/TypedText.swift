// SPDX-License-Identifier: Apache-2.0
// Typed keys and values (SPEC.md §22) for people in one line, and as the JSON document by which readers are compared
// (fixtures/typed/records.json).

import WarpFormat

enum TypedText {
  /// The value that some bytes are the canonical encoding of, to their end.
  static func decode(_ bytes: [UInt8], _ mode: TypedMode) throws(TypedEncodingError) -> TypedValue {
    var reader = TypedReader(bytes, mode: mode)
    let value = try reader.read(TypedValue.self)
    try reader.finish()
    return value
  }

  /// Whether a file has the name of a typed store: a name, "-" and 16 digits (SPEC.md §4.4).
  static func isTypedStore(_ path: String) -> Bool {
    guard path.hasSuffix(StoreFiles.fileExtension) else { return false }
    let name = path.dropLast(StoreFiles.fileExtension.count).split(separator: "/").last ?? ""
    let digits = name.utf8.suffix(16)
    return name.utf8.count > 17 && name.utf8.dropLast(16).last == UInt8(ascii: "-")
      && digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  // MARK: Text

  static func text(_ value: TypedValue) -> String {
    switch value {
    case .none: "none"
    case .some(let wrapped): "some(\(text(wrapped)))"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .largeInteger(let value): "\(value)"
    case .double(let value): "\(value)"
    case .float(let value): "\(value) as float"
    case .string(let text): JSON.quoted(text)
    case .bytes(let bytes): "0x" + FieldText.hex(bytes)
    case .uuid(let value): dashed(value)
    case .array(let values): "[\(list(values))]"
    case .tuple(let values): "(\(list(values)))"
    case .set(let values): "{\(list(values))}"
    case .map(let pairs): "{" + pairs.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", ") + "}"
    case .enumCase(let name, let values): ".\(escaped(name))" + (values.isEmpty ? "" : "(\(list(values)))")
    case .codec(let name, let bytes): "\(JSON.quoted(name)) 0x" + FieldText.hex(bytes)
    }
  }

  private static func list(_ values: [TypedValue]) -> String { values.map(text).joined(separator: ", ") }

  /// A name without its quotes.
  private static func escaped(_ name: String) -> String { String(JSON.quoted(name).dropFirst().dropLast()) }

  private static func dashed(_ value: UInt128) -> String {
    let digits = hex(value)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text += "-" }
      text.append(digit)
    }
    return text
  }

  private static func hex(_ value: UInt128) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }

  // MARK: JSON

  static func json(_ value: TypedValue) -> JSON {
    switch value {
    case .none: typed("none", .null)
    case .some(let wrapped): typed("some", json(wrapped))
    case .bool(let value): typed("bool", .bool(value))
    case .integer(let value): typed(name(of: value), .number("\(value)"))
    case .largeInteger(let value): typed("unsigned 128", .number("\(value)"))
    case .double(let value): number("double", value, value.bitPattern, digits: 16)
    case .float(let value): number("float", Double(value), UInt64(value.bitPattern), digits: 8)
    case .string(let text): typed("string", .string(text))
    case .bytes(let bytes): typed("bytes", .string(FieldText.hex(bytes)))
    case .uuid(let value): typed("UUID", .string(hex(value)))
    case .array(let values): several("array", values)
    case .tuple(let values): several("tuple", values)
    case .set(let values): several("set", values)
    case .map(let pairs):
      .object([
        ("type", .string("map")), ("pairs", .array(pairs.map { .array([json($0.key), json($0.value)]) })),
      ])
    case .enumCase(let name, let values):
      .object([
        ("type", .string("enum case")), ("name", .string(name)), ("values", .array(values.map(json))),
      ])
    case .codec(let name, let bytes):
      .object([
        ("type", .string("named codec")), ("name", .string(name)), ("value", .string(FieldText.hex(bytes))),
      ])
    }
  }

  private static func typed(_ type: String, _ value: JSON) -> JSON {
    .object([("type", .string(type)), ("value", value)])
  }

  private static func several(_ type: String, _ values: [TypedValue]) -> JSON {
    .object([("type", .string(type)), ("values", .array(values.map(json)))])
  }

  private static func name(of value: Int128) -> String {
    if Int64(exactly: value) != nil { return "integer" }
    return UInt64(exactly: value) != nil ? "unsigned 64" : "signed 128"
  }

  private static func number(_ type: String, _ value: Double, _ bits: UInt64, digits: Int) -> JSON {
    let hex = String(bits, radix: 16)
    let shown: JSON =
      value.isFinite ? .number("\(value)") : .string(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf")
    return .object([
      ("type", .string(type)), ("value", shown),
      ("bits", .string("0x" + String(repeating: "0", count: digits - hex.count) + hex)),
    ])
  }
}
