// SPDX-License-Identifier: Apache-2.0
// What the subcommands write with: a buffered standard output, in colour on a terminal only.

import WarpFormat

/// Where a test wants to have what a command writes. Used by one thread at a time.
final class OutputSink: @unchecked Sendable {
  var output: [UInt8] = []
  var errors: [UInt8] = []
}

/// Standard output, written in large pieces.
struct Output {
  /// nil: the process's own standard output and error.
  @TaskLocal static var sink: OutputSink?

  /// EPIPE, the same number everywhere.
  static let brokenPipe: Int32 = 32
  private static let pieceSize = 1 << 16

  let palette = Palette(isColored: Terminal.isColored(1))
  /// Columns of the terminal, or what a file is written for.
  let width = Terminal.width()
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
    try Output.write(buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  /// Bytes to standard output, at once.
  static func write(_ bytes: [UInt8]) throws(FormatError) {
    if let sink {
      sink.output += bytes
    } else if !bytes.isEmpty {
      try System.write(1, bytes)
    }
  }

  /// On standard error.
  static func complain(_ text: String) {
    if let sink { sink.errors += Array(text.utf8) } else { try? System.write(2, Array(text.utf8)) }
  }

  func strong(_ text: String) -> String { palette.paint(text, .strong) }

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
