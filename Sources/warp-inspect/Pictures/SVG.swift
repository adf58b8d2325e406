// SPDX-License-Identifier: Apache-2.0
// A drawing as SVG 1.1 text. It follows the reader's choice of light or dark, needs no network and no font of its own,
// and stands alone in a file or inside a page.
//
// - Colours are names of tones (Palette.swift): a class each, whose colour the style sheet of the drawing gives.
// - Whatever text comes from a store is escaped; controls become U+FFFD.

struct SVG {
  let width: Int
  let height: Int
  /// What it shows, for those who can't see it.
  let title: String
  private var body = ""

  init(width: Int, height: Int, title: String) {
    (self.width, self.height, self.title) = (width, height, title)
  }

  enum Anchor: String { case start, middle, end }

  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ tone: Tone, radius: Double = 0,
    tip: String? = nil
  ) {
    let corners = radius > 0 ? " rx=\"\(SVG.number(radius))\"" : ""
    element(
      "rect",
      "x=\"\(SVG.number(x))\" y=\"\(SVG.number(y))\" width=\"\(SVG.number(width))\" height=\"\(SVG.number(height))\""
        + "\(corners) class=\"f-\(tone.rawValue)\"", tip)
  }

  mutating func circle(_ x: Double, _ y: Double, radius: Double, _ tone: Tone, tip: String? = nil) {
    element(
      "circle",
      "cx=\"\(SVG.number(x))\" cy=\"\(SVG.number(y))\" r=\"\(SVG.number(radius))\" class=\"f-\(tone.rawValue)\"",
      tip)
  }

  /// A line through all points.
  mutating func line(_ points: [(x: Double, y: Double)], _ tone: Tone, width: Double = 1, dash: String? = nil) {
    let places = points.map { "\(SVG.number($0.x)),\(SVG.number($0.y))" }.joined(separator: " ")
    let dashes = dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
    element(
      "polyline",
      "points=\"\(places)\" fill=\"none\" stroke-width=\"\(SVG.number(width))\"\(dashes) class=\"s-\(tone.rawValue)\"",
      nil)
  }

  /// - Parameter size: in pixels.
  mutating func text(
    _ x: Double, _ y: Double, _ text: String, _ tone: Tone = .strong, size: Int = 12, anchor: Anchor = .start,
    bold: Bool = false
  ) {
    let weight = bold ? " font-weight=\"600\"" : ""
    body +=
      "<text x=\"\(SVG.number(x))\" y=\"\(SVG.number(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor.rawValue)\""
      + "\(weight) class=\"f-\(tone.rawValue)\">\(SVG.escaped(text))</text>\n"
  }

  private mutating func element(_ name: String, _ attributes: String, _ tip: String?) {
    guard let tip else {
      body += "<\(name) \(attributes)/>\n"
      return
    }
    body += "<\(name) \(attributes)><title>\(SVG.escaped(tip))</title></\(name)>\n"
  }

  /// - Parameter isAlone: with the style sheet and the background; a page that holds the drawing has its own.
  func document(isAlone: Bool = true) -> String {
    let back = isAlone ? "<rect width=\"100%\" height=\"100%\" class=\"back\"/>\n" : ""
    let style = isAlone ? "<style>\(SVG.style)</style>\n" : ""
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
      + "height=\"\(height)\" role=\"img\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, monospace\">\n"
      + "<title>\(SVG.escaped(title))</title>\n\(style)\(back)\(body)</svg>\n"
  }

  /// The classes of all tones, light and, where the reader prefers it, dark.
  static let style: String = {
    func sheet(_ back: String, _ color: (Tone) -> String) -> String {
      ".back{fill:\(back)}"
        + Tone.allCases.map { ".f-\($0.rawValue){fill:\(color($0))}.s-\($0.rawValue){stroke:\(color($0))}" }
        .joined()
    }
    return sheet("#ffffff") { $0.light } + "@media (prefers-color-scheme:dark){" + sheet("#14171a") { $0.dark }
      + "}"
  }()

  /// For text and attributes of SVG and HTML.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n": result += " "
      case _ where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE:
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Hundredths, and no more digits than needed.
  static func number(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "0" }
    let hundredths = Int((value * 100).rounded())
    if hundredths % 100 == 0 { return String(hundredths / 100) }
    let text = String(abs(hundredths) % 100 + 100).dropFirst()
    return (hundredths < 0 ? "-" : "") + "\(abs(hundredths) / 100)." + text
  }
}
