// SPDX-License-Identifier: Apache-2.0
// A hit-ratio curve in dots of Braille, 2 x 4 to a cell: capacity to the right on a logarithmic scale, hit ratio
// upwards.
//
//   85 % |          ⢀⣀⠤⠒⠉
//        |     ⣀⠔⠊⠁
//   50 % |⡠⠔⠊
//        +----------o---^--
//         100       knee now    140,000

import WarpTrace

/// Where things are in a picture of a curve, 0 to 1 in both directions.
struct CurveScale {
  let low: Double
  let high: Double
  private let first: Double
  private let last: Double

  /// Hit ratios between whole tenths; nil without points.
  init?(_ points: [CurvePoint]) {
    guard let first = points.first, let last = points.last else { return nil }
    let ratios = points.map(\.hitRatio)
    let low = ((ratios.min() ?? 0) * 10).rounded(.down) / 10
    let high = ((ratios.max() ?? 1) * 10).rounded(.up) / 10
    self.low = low
    self.high = max(high, low + 0.1)
    self.first = Sizes.logarithm(first.capacity)
    self.last = Sizes.logarithm(last.capacity)
  }

  func x(_ capacity: Int) -> Double {
    last > first ? min(1, max(0, (Sizes.logarithm(capacity) - first) / (last - first))) : 0.5
  }

  func y(_ hitRatio: Double) -> Double { min(1, max(0, (hitRatio - low) / (high - low))) }

  /// The capacity at a place between 0 and 1, to two digits.
  func capacity(at x: Double) -> Int {
    let exact = Sizes.power(first + x * (last - first))
    var unit = 1.0
    // Bound: the digits of a capacity.
    while exact >= 100 * unit { unit *= 10 }
    return Int((exact / unit).rounded() * unit)
  }
}

struct Curve {
  let points: [CurvePoint]
  let knee: Int?
  let current: Int?

  private static let margin = 7

  /// Lines of at most `width` columns.
  func lines(width: Int, height: Int, _ palette: Palette) -> [String] {
    guard let scale = CurveScale(points) else { return [] }
    let columns = max(8, width - Curve.margin)
    var dots = Dots(columns: columns, rows: height)
    var previous: (x: Double, y: Double)?
    for point in points {
      let place = (x: scale.x(point.capacity), y: scale.y(point.hitRatio))
      dots.line(from: previous ?? place, to: place)
      previous = place
    }
    func column(_ capacity: Int) -> Int { min(columns - 1, Int(scale.x(capacity) * Double(columns - 1) + 0.5)) }
    let nowColumn = current.map(column)
    var lines: [String] = []
    for row in 0..<height {
      let ratio = scale.high - (scale.high - scale.low) * Double(row) / Double(height - 1)
      let isLabelled = row == 0 || row == height - 1 || row == height / 2
      let label = isLabelled ? "\(Int((ratio * 100).rounded())) %" : ""
      var line = palette.paint(String(repeating: " ", count: 5 - label.count) + label + " │", .faint)
      for (index, cell) in dots.cells(row).enumerated() {
        if cell != Dots.blank {
          line += palette.paint(String(cell), .first)
        } else {
          line += index == nowColumn ? palette.paint("┊", .hand) : " "
        }
      }
      lines.append(line.withoutTrailingBlanks)
    }
    return lines + axis(scale, columns, column, palette)
  }

  private func axis(
    _ scale: CurveScale, _ columns: Int, _ column: (Int) -> Int, _ palette: Palette
  ) -> [String] {
    var line = Array(repeating: "─", count: columns)
    var names = Labels(columns: columns)
    if let current {
      line[column(current)] = palette.paint("▲", .hand)
      names.put("now", at: column(current))
    }
    if let knee, knee != current {
      line[column(knee)] = palette.paint("●", .good)
      names.put("knee", at: column(knee))
    }
    var numbers = Labels(columns: columns)
    numbers.put(Numbers.grouped(points[0].capacity), at: 0)
    numbers.put(Numbers.grouped(points[points.count - 1].capacity), at: columns - 1)
    for x in [0.5, 0.25, 0.75] {
      numbers.put(Numbers.grouped(scale.capacity(at: x)), at: Int(x * Double(columns - 1)))
    }
    let margin = String(repeating: " ", count: Curve.margin)
    let labels = [names.text, numbers.text].filter { !$0.isEmpty }.map { margin + palette.paint($0, .faint) }
    return [palette.paint("      └", .faint) + line.joined()] + labels
  }
}

/// A line of labels that leave each other room; those that come first win.
struct Labels {
  private var cells: [Character]

  init(columns: Int) { cells = Array(repeating: " ", count: columns) }

  /// Centred, or as far as the edges let it.
  mutating func put(_ text: String, at column: Int) {
    guard text.count <= cells.count else { return }
    let start = min(max(0, column - text.count / 2), cells.count - text.count)
    let end = start + text.count
    guard cells[max(0, start - 1)..<min(cells.count, end + 1)].allSatisfy({ $0 == " " }) else { return }
    cells.replaceSubrange(start..<end, with: text)
  }

  var text: String { String(cells).withoutTrailingBlanks }
}

/// A field of dots, 2 x 4 to a character.
struct Dots {
  static let blank: Character = "\u{2800}"

  private let columns: Int
  private let rows: Int
  private var bits: [UInt32]

  init(columns: Int, rows: Int) {
    (self.columns, self.rows) = (columns, rows)
    bits = Array(repeating: 0, count: columns * rows)
  }

  /// A straight line between two places, 0 to 1 in both directions, y upwards.
  mutating func line(from start: (x: Double, y: Double), to end: (x: Double, y: Double)) {
    let (width, height) = (Double(2 * columns - 1), Double(4 * rows - 1))
    let steps = max(1, Int(max(abs(end.x - start.x) * width, abs(end.y - start.y) * height).rounded(.up)))
    for step in 0...steps {
      let part = Double(step) / Double(steps)
      let x = Int(((start.x + part * (end.x - start.x)) * width).rounded())
      let y = Int(((1 - start.y - part * (end.y - start.y)) * height).rounded())
      set(x, y)
    }
  }

  private mutating func set(_ x: Int, _ y: Int) {
    guard (0..<2 * columns).contains(x), (0..<4 * rows).contains(y) else { return }
    // Braille numbers its dots down the left column, down the right one, and then the lowest pair.
    let left: [UInt32] = [0x01, 0x02, 0x04, 0x40]
    let right: [UInt32] = [0x08, 0x10, 0x20, 0x80]
    bits[y / 4 * columns + x / 2] |= (x % 2 == 0 ? left : right)[y % 4]
  }

  func cells(_ row: Int) -> [Character] {
    bits[row * columns..<(row + 1) * columns].map { Character(Unicode.Scalar(0x2800 + $0) ?? " ") }
  }
}

extension String {
  var withoutTrailingBlanks: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
