// SPDX-License-Identifier: Apache-2.0
// A drawing as SVG that stands alone: no font and no script of its own, light or dark as the reader prefers. Series have colours
// that also differ in lightness.

struct Drawing {
  private let head: String
  private var body = ""

  init(width: Double, height: Double, title: String) {
    let size = "viewBox=\"0 0 \(Int(width)) \(Int(height))\" width=\"\(Int(width))\" height=\"\(Int(height))\""
    head = """
      <svg xmlns="http://www.w3.org/2000/svg" \(size) role="img" font-family="system-ui, sans-serif" font-size="12">
      <title>\(Drawing.escaped(title))</title>
      <style>\(Drawing.style)</style>
      <rect width="100%" height="100%" class="back"/>

      """
  }

  var document: String { head + body + "</svg>\n" }

  mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, series: Int) {
    body +=
      "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\" "
      + "rx=\"2\" class=\"f\(series)\"/>\n"
  }

  mutating func circle(_ x: Double, _ y: Double, series: Int) {
    body += "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"3.5\" class=\"f\(series)\"/>\n"
  }

  /// - Parameter series: nil: a line of the grid.
  mutating func line(_ points: [(Double, Double)], series: Int?) {
    let places = points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
    let name = series.map { "s\($0)" } ?? "grid"
    body += "<polyline points=\"\(places)\" fill=\"none\" class=\"\(name)\"/>\n"
  }

  mutating func text(_ x: Double, _ y: Double, _ text: String, anchor: String, weight: Int = 400) {
    body +=
      "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" font-weight=\"\(weight)\">"
      + "\(Drawing.escaped(text))</text>\n"
  }

  private func number(_ value: Double) -> String { Decimal.fixed(value, 1) }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.append(character)
      }
    }
  }

  private static let style =
    sheet("#ffffff", "#1c2024", "#d8dde3", ["#0b5fae", "#c2571a", "#6f7a85"])
    + "@media (prefers-color-scheme:dark){"
    + sheet("#14171a", "#e6e8ea", "#333a41", ["#69b1f2", "#f0a46c", "#a3adb7"]) + "}"

  private static func sheet(_ back: String, _ text: String, _ grid: String, _ series: [String]) -> String {
    ".back{fill:\(back)}text{fill:\(text)}.grid{stroke:\(grid);stroke-width:1}"
      + series.enumerated().map { ".f\($0){fill:\($1)}.s\($0){stroke:\($1);stroke-width:2}" }.joined()
  }
}
