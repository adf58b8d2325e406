// SPDX-License-Identifier: Apache-2.0
// Charts of the figures: bars for the peers, curves over the number of entries. Each is a file of its own, in the reader's
// light or dark.

enum Charts {
  /// Writes the charts for which there are figures.
  static func write(_ findings: Findings, to directory: String) throws {
    if !Files.exists(directory) { try Files.makeDirectory(directory) }
    for (name, picture) in [("peers", peers(findings)), ("entries", entries(findings)), ("sizes", sizes(findings))]
    {
      if let picture { try Files.write(picture, to: "\(directory)/benchmark-\(name).svg") }
    }
  }

  // MARK: Bars

  /// How many times longer a get from each peer takes.
  private static func peers(_ findings: Findings) -> String? {
    let names = [
      "C, the same steps", "LMDB, long", "LMDB, renewed", "SQLite", "memcached, 32 in a batch", "memcached, single",
      "Redis, 32 in a batch", "Redis, single",
    ]
    var bars: [(name: String, times: Double)] = []
    for name in names {
      if name.hasPrefix("C,") {
        let figure = findings.figures.first {
          $0.group == "get" && $0.name == "get" && $0.entries == 100_000 && $0.valueSize == 64
        }
        if let figure { bars.append((name, 1 / figure.ratio)) }
      } else if let figure = findings.figures.first(where: {
        $0.name == name && $0.valueSize == 64 && $0.entries == 100_000
      }) {
        bars.append((name, figure.ratio))
      }
    }
    guard bars.count > 1 else { return nil }
    bars.insert(("WarpKV", 1), at: 0)
    return barChart(bars, title: "A get of 64 bytes among 100,000 entries: time, WarpKV = 1 (logarithmic)")
  }

  /// Bars on a logarithmic scale, since the slowest peer takes a thousand times longer than the fastest.
  static func barChart(_ bars: [(name: String, times: Double)], title: String) -> String {
    let (left, right, row) = (190.0, 60.0, 24.0)
    let width = 720.0
    let most = Powers.logarithm(max(10, bars.map(\.times).max() ?? 10))
    let least = Powers.logarithm(0.5)
    var picture = Drawing(width: width, height: 50 + row * Double(bars.count), title: title)
    picture.text(left, 20, title, anchor: "start", weight: 600)
    for (index, bar) in bars.enumerated() {
      let y = 36 + row * Double(index)
      let size = (width - left - right) * (Powers.logarithm(max(bar.times, 0.5)) - least) / (most - least)
      picture.text(left - 8, y + 14, bar.name, anchor: "end")
      picture.rectangle(left, y + 2, max(1, size), row - 7, series: bar.name == "WarpKV" ? 0 : 1)
      picture.text(left + size + 6, y + 14, Decimal.short(bar.times) + " ×", anchor: "start")
    }
    return picture.document
  }

  // MARK: Curves

  private static func entries(_ findings: Findings) -> String? {
    let lines = [("C, the same steps", "get in C"), ("WarpKV", "get")].map { label, name in
      Curve(
        name: label,
        points: findings.figures.filter {
          $0.group == "get" && $0.name == name && $0.valueSize == 64 && $0.distribution == "zipf"
        }
        .map { (Double($0.entries), $0.nanoseconds) })
    }
    return curves(lines, title: "Nanoseconds of a get of 64 bytes, by the number of entries") {
      Figure.count(Int($0))
    }
  }

  private static func sizes(_ findings: Findings) -> String? {
    let lines = [("C, the same steps", "get in C"), ("WarpKV", "get"), ("memcpy", "memcpy")].map { label, name in
      Curve(
        name: label,
        points: findings.figures.filter {
          $0.group == "get" && $0.name == name && $0.entries == 1000 && $0.distribution == "zipf"
        }
        .map { (Double($0.valueSize), $0.nanoseconds) })
    }
    return curves(lines, title: "Nanoseconds of a get among 1,000 entries, by the value's bytes") {
      Figure.size(Int($0))
    }
  }

  struct Curve {
    let name: String
    let points: [(x: Double, y: Double)]
  }

  private static let lineHeight = 15.0

  /// Nil with fewer than two points.
  static func curves(_ curves: [Curve], title: String, label: (Double) -> String) -> String? {
    let points = curves.flatMap(\.points)
    let places = Set(points.map(\.x)).sorted()
    guard places.count > 1, let top = points.map(\.y).max(), top > 0 else { return nil }
    let (left, bottom, width, height) = (60.0, 40.0, 720.0, 280.0)
    func x(_ value: Double) -> Double {
      let (least, most) = (Powers.logarithm(places[0]), Powers.logarithm(places[places.count - 1]))
      return left + (width - left - 150) * (Powers.logarithm(value) - least) / (most - least)
    }
    func y(_ value: Double) -> Double { height - bottom - (height - bottom - 44) * value / top }
    var picture = Drawing(width: width, height: height, title: title)
    picture.text(left, 20, title, anchor: "start", weight: 600)
    for part in 0...4 {
      let value = top * Double(part) / 4
      picture.line([(left, y(value)), (width - 150, y(value))], series: nil)
      picture.text(left - 6, y(value) + 4, Decimal.short(value), anchor: "end")
    }
    for place in places { picture.text(x(place), height - bottom + 18, label(place), anchor: "middle") }
    var names: [(name: String, x: Double, y: Double)] = []
    for (number, curve) in curves.enumerated() where !curve.points.isEmpty {
      let line = curve.points.sorted { $0.x < $1.x }.map { (x($0.x), y($0.y)) }
      picture.line(line, series: number)
      for point in line { picture.circle(point.0, point.1, series: number) }
      if let last = line.last { names.append((curve.name, last.0 + 8, last.1 + 4)) }
    }
    // Curves that end side by side have their names below each other.
    var lowest = -lineHeight
    for name in names.sorted(by: { $0.y < $1.y }) {
      lowest = max(name.y, lowest + lineHeight)
      picture.text(name.x, lowest, name.name, anchor: "start")
    }
    return picture.document
  }
}
