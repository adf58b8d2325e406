// SPDX-License-Identifier: Apache-2.0
// What the subcommands write with: a buffered standard output and the ways to show a field.
//
// Names, sizes and kinds of fields come from the tables in WarpFormat, so a field added there shows up here.

import WarpFormat

/// Standard output, written in large pieces.
struct Output {
  /// EPIPE, the same number everywhere.
  static let brokenPipe: Int32 = 32
  private static let pieceSize = 1 << 16

  let isTerminal = System.isTerminal(1)
  private var buffer: [UInt8] = []

  mutating func write(_ text: String) throws(FormatError) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Output.pieceSize { try flush() }
  }

  mutating func line(_ text: String = "") throws(FormatError) {
    try write(text)
    try write("\n")
  }

  mutating func flush() throws(FormatError) {
    if !buffer.isEmpty { try System.write(1, buffer) }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Bold on a terminal, unless NO_COLOR is set.
  func strong(_ text: String) -> String {
    isTerminal && System.environment("NO_COLOR") == nil ? "\u{1B}[1m\(text)\u{1B}[0m" : text
  }

  /// One field: absolute offset, name, value.
  mutating func field(_ field: Field, in bytes: [UInt8], base: Int) throws(FormatError) {
    try line("\(padded(base + field.offset))  \(field.name.padded(18))  \(FieldText.text(field, bytes))")
  }

  mutating func structure(_ structure: Structure, in bytes: [UInt8], base: Int) throws(FormatError) {
    for field in structure.fields { try self.field(field, in: bytes, base: base) }
  }

  /// Bytes with their offsets, 16 a line, at most `limit`.
  mutating func bytes(_ bytes: [UInt8], base: Int, limit: Int) throws(FormatError) {
    let shown = min(bytes.count, limit)
    for start in stride(from: 0, to: shown, by: 16) {
      let row = bytes[start..<min(start + 16, shown)]
      var digits = ""
      for (index, byte) in row.enumerated() {
        if index > 0, index % 2 == 0 { digits += " " }
        digits += FieldText.hex([byte])
      }
      let letters = String(decoding: row.map { (0x20..<0x7F).contains($0) ? $0 : 0x2E }, as: UTF8.self)
      try line("\(padded(base + start))  \(digits.padded(39))  \(letters)")
    }
    if shown < bytes.count { try line("\(padded(nil))  ... \(bytes.count - shown) more bytes") }
  }

  private func padded(_ offset: Int?) -> String {
    let digits = offset.map(String.init) ?? ""
    return String(repeating: " ", count: max(0, 15 - digits.utf8.count)) + digits
  }
}

extension String {
  func padded(_ width: Int) -> String {
    let missing = width - unicodeScalars.count
    return missing > 0 ? self + String(repeating: " ", count: missing) : self
  }
}

/// Lines of at most `width` columns, those behind the first indented. A longer word stays whole.
func wrapped(_ text: String, width: Int, indent: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, line.unicodeScalars.count + 1 + word.unicodeScalars.count > width {
      lines.append(line)
      line = String(repeating: " ", count: indent) + word
    } else {
      line += (line.isEmpty ? "" : " ") + word
    }
  }
  return lines + [line]
}

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
