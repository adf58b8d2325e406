// SPDX-License-Identifier: Apache-2.0
// Fields as text and as JSON values. Names, sizes and kinds come from the tables in WarpFormat, so a field added there
// shows up here.

import WarpFormat

/// Fields as text and as JSON values.
enum FieldText {
  private static let digits = Array("0123456789abcdef".utf8)

  static func hex(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// "0x" and two digits for each byte of the field, the most significant first.
  private static func hexNumber(_ field: Field, _ bytes: [UInt8]) -> String {
    "0x" + hex(bytes.slice(field).reversed())
  }

  private static func number(_ field: Field, _ bytes: [UInt8]) -> String {
    let value = bytes.integer(field)
    // The clock's base is the only number that may be below zero.
    return field == ClockFields.base ? String(Int64(bitPattern: value)) : String(value)
  }

  private static func plain(_ field: Field, _ bytes: [UInt8]) -> String {
    String(decoding: bytes.slice(field).prefix { $0 != 0 }, as: UTF8.self)
  }

  static func text(_ field: Field, _ bytes: [UInt8]) -> String {
    switch field.kind {
    case .integer: number(field, bytes)
    case .nanoseconds: number(field, bytes) + " ns"
    case .hex: hexNumber(field, bytes)
    case .bytes: hex(bytes.slice(field))
    // Quoted as in JSON, so that no bytes can steer the terminal.
    case .text: JSON.quoted(plain(field, bytes))
    }
  }

  static func json(_ field: Field, _ bytes: [UInt8]) -> JSON {
    switch field.kind {
    case .integer, .nanoseconds: .number(number(field, bytes))
    case .hex: .string(hexNumber(field, bytes))
    case .bytes: .string(hex(bytes.slice(field)))
    case .text: .string(plain(field, bytes))
    }
  }

  static func members(_ structure: Structure, _ bytes: [UInt8]) -> [(String, JSON)] {
    structure.fields.map { ($0.name, json($0, bytes)) }
  }
}
