// SPDX-License-Identifier: Apache-2.0
// A line in pieces, each with its tone, so that it can be cut to a width before the colours make it longer.

struct StyledLine {
  private var pieces: [(text: String, tone: Tone?)] = []

  init(_ text: String = "", _ tone: Tone? = nil) { add(text, tone) }

  mutating func add(_ text: String, _ tone: Tone? = nil) {
    if !text.isEmpty { pieces.append((text, tone)) }
  }

  /// Columns.
  var width: Int { pieces.reduce(0) { $0 + $1.text.unicodeScalars.count } }

  /// Puts a text at the right end of a line of this width, if there is room.
  mutating func addRight(_ text: String, _ tone: Tone? = nil, width: Int) {
    let gap = width - self.width - text.unicodeScalars.count
    guard gap >= 1 else { return }
    add(String(repeating: " ", count: gap))
    add(text, tone)
  }

  /// At most `width` columns.
  func text(width: Int, _ palette: Palette) -> String {
    var rest = width
    var result = ""
    for (text, tone) in pieces where rest > 0 {
      let part = text.cut(rest)
      rest -= part.unicodeScalars.count
      result += tone.map { palette.paint(part, $0) } ?? part
    }
    return result
  }
}
