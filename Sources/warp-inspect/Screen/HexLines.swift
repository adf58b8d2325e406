// SPDX-License-Identifier: Apache-2.0
// Annotated bytes: up to 16 a line, each field in a colour of its own or, without colours, between brackets; under each
// line the fields that begin in it, with value, meaning and section.
//
//   00002000 [04 00 00 00|04 00 00 00]00 00 00 00 00 00 00 00  |................|
//
// Lines of zeros that no field names are told together.

struct HexLines {
  private static let tones: [Tone] = [.first, .second, .third, .fourth, .fifth]
  private static let nameWidth = 18

  let palette: Palette
  let width: Int
  /// Offset of the first byte in the file.
  let base: Int
  let bytes: [UInt8]
  /// In the order of their offsets.
  let annotations: [Annotation]
  /// For each byte the number of the annotation that covers it.
  private let owners: [Int?]

  init(_ bytes: [UInt8], base: Int, _ annotations: [Annotation], palette: Palette, width: Int) {
    self.palette = palette
    self.width = width
    self.base = base
    self.bytes = bytes
    self.annotations = annotations
    var owners = [Int?](repeating: nil, count: bytes.count)
    for (number, annotation) in annotations.enumerated() {
      for offset in annotation.range.clamped(to: base..<(base + bytes.count)) { owners[offset - base] = number }
    }
    self.owners = owners
  }

  private var perLine: Int { width >= 78 ? 16 : width >= 46 ? 8 : 4 }
  private var offsetWidth: Int { perLine == 4 ? 6 : 8 }

  var lines: [String] {
    var lines: [String] = []
    var start = 0
    while start < bytes.count {
      let end = zeros(from: start)
      if end - start >= 2 * perLine {
        lines.append(
          palette.paint("".padded(offsetWidth) + "  \(Numbers.grouped(end - start)) bytes are zero", .faint))
        start = end
        continue
      }
      let row = start..<min(start + perLine, bytes.count)
      lines.append(line(row))
      for (number, annotation) in annotations.enumerated()
      where row.contains(annotation.offset - base) || (row.lowerBound == 0 && annotation.offset < base) {
        lines += text(number, annotation)
      }
      start = row.upperBound
    }
    return lines
  }

  /// The end of the whole lines from here on that are zero and have no name.
  private func zeros(from start: Int) -> Int {
    var end = start
    while end < bytes.count, bytes[end] == 0, owners[end] == nil { end += 1 }
    return end == bytes.count ? end : start + (end - start) / perLine * perLine
  }

  // MARK: Bytes

  private func line(_ row: Range<Int>) -> String {
    var text = palette.paint(place(row.lowerBound), .faint) + " "
    for place in row {
      text += boundary(place, in: row) + painted(FieldText.hex([bytes[place]]), place)
    }
    text += closing(row.upperBound) + String(repeating: "   ", count: perLine - row.count)
    guard perLine > 4 else { return text }
    return text + " |" + row.map { painted(HexLines.letter(bytes[$0]), $0) }.joined() + "|"
  }

  private func place(_ start: Int) -> String {
    let offset = String(base + start, radix: 16)
    return String(repeating: "0", count: max(0, offsetWidth - offset.utf8.count)) + offset
  }

  private func painted(_ text: String, _ place: Int) -> String {
    guard palette.isColored else { return text }
    guard let owner = owners[place] else { return palette.paint(text, .faint) }
    return palette.paint(text, tone(owner))
  }

  private func tone(_ number: Int) -> Tone {
    annotations[number].problem != nil ? .bad : HexLines.tones[number % HexLines.tones.count]
  }

  private static func letter(_ byte: UInt8) -> String {
    (0x20..<0x7F).contains(byte) ? String(UnicodeScalar(byte)) : "."
  }

  /// What stands before a byte: a bracket where a field begins or ends, unless colours tell.
  private func boundary(_ place: Int, in row: Range<Int>) -> String {
    guard !palette.isColored else { return " " }
    let owner = owners[place]
    let before = place > 0 ? owners[place - 1] : nil
    if owner == before { return " " }
    if place == row.lowerBound { return owner == nil ? " " : "[" }
    return owner == nil ? "]" : before == nil ? "[" : "|"
  }

  private func closing(_ end: Int) -> String {
    guard !palette.isColored, end > 0, let owner = owners[end - 1] else { return " " }
    return end < bytes.count && owners[end] == owner ? " " : "]"
  }

  // MARK: Fields

  private func text(_ number: Int, _ annotation: Annotation) -> [String] {
    let value = annotation.value + (annotation.note.map { " (\($0))" } ?? "")
    let name = annotation.name.padded(HexLines.nameWidth)
    let meaning = annotation.meaning + (annotation.meaning.isEmpty ? "" : "  ") + "§\(annotation.section)"
    var lines: [String] = []
    let indent = min(4, width / 8)
    let margin = String(repeating: " ", count: indent)
    let head = name + " " + value
    if indent + head.unicodeScalars.count + 2 + meaning.unicodeScalars.count <= width {
      lines.append(margin + palette.paint(name, tone(number)) + " " + value + "  " + palette.paint(meaning, .faint))
    } else {
      lines += folded(
        value, first: margin + palette.paint(name, tone(number)) + " ", HexLines.nameWidth + 1 + indent)
      lines += wrapped(meaning, width: width - 2 * indent, indent: 0)
        .map { margin + margin + palette.paint($0, .faint) }
    }
    if let problem = annotation.problem {
      lines += wrapped("wrong: " + problem, width: width - 2 * indent, indent: 2)
        .map { margin + margin + palette.paint($0, .bad) }
    }
    return lines
  }

  /// A value behind its name, and below it where the line is too short.
  private func folded(_ value: String, first: String, _ indent: Int) -> [String] {
    let room = max(12, width - indent)
    let parts = wrapped(value, width: room, indent: 0)
    return parts.enumerated().map { ($0.offset == 0 ? first : "".padded(min(indent, width / 3))) + $0.element }
  }
}
