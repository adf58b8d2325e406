// SPDX-License-Identifier: Apache-2.0
// Advice for people and for scripts: the picture, a table, sentences; and one JSON object.

import WarpFormat
import WarpTrace

extension Advice {
  private static let pictureHeight = 13
  private static let widest = 100

  func print(to output: inout Output) throws(FormatError) {
    let width = min(output.width, Advice.widest)
    try output.line(output.strong(JSON.printable(source)))
    for line in wrapped(basis, width: width, indent: 0) { try output.line(line) }
    try output.line()
    let curve = Curve(points: points, knee: knee?.capacity, current: current)
    for line in curve.lines(width: width, height: Advice.pictureHeight, output.palette) { try output.line(line) }
    try output.line()
    try printTable(width, &output)
    try output.line()
    for text in sentences {
      let lines = wrapped(text, width: width, indent: 2)
      try output.line(output.strong(lines[0]))
      for line in lines.dropFirst() { try output.line(line) }
    }
    try sizes?.print(to: &output, width: width)
  }

  private func printTable(_ width: Int, _ output: inout Output) throws(FormatError) {
    let rows = points.map { point in
      [
        Numbers.grouped(point.capacity), Numbers.percent(point.hitRatio),
        room.size(of: point.capacity).map(Numbers.memory) ?? "too large", mark(point),
      ]
    }
    let titles = ["capacity", "hit ratio", "memory", ""]
    let widths = (0..<4).map { column in
      ([titles] + rows).map { $0[column].unicodeScalars.count }.max() ?? 0
    }
    // A narrow screen gets the first two columns.
    let columns = width < widths.prefix(3).reduce(4, +) ? 2 : 4
    for (index, row) in ([titles] + rows).enumerated() {
      var line = ""
      for column in 0..<min(columns, 3) {
        line += (column == 0 ? "" : "  ") + row[column].leftPadded(widths[column])
      }
      if columns > 3, !row[3].isEmpty { line += "  " + row[3] }
      try output.line(index == 0 ? output.palette.paint(line, .faint) : line)
    }
  }

  private func mark(_ point: CurvePoint) -> String {
    var marks: [String] = []
    if point.capacity == current { marks.append("now") }
    if point.capacity == knee?.capacity { marks.append("knee") }
    if point.capacity == target?.point?.capacity { marks.append("target") }
    return marks.joined(separator: ", ")
  }

  var json: JSON {
    .object([
      ("source", .string(source)), ("kind", .string("trace")),
      ("requests", .number(profile.requests)), ("keys", .number(profile.keys)),
      ("keysExact", .bool(profile.isExact)),
      ("seconds", .optional(profile.seconds)),
      ("exact", .bool(sampleSize == nil)), ("sampleSize", .optional(sampleSize)),
      ("maxKeySize", .number(room.maxKeySize)), ("maxValueSize", .number(room.maxValueSize)),
      ("points", .array(points.map(json))),
      ("knee", knee.map(json) ?? .null),
      ("current", points.first { $0.capacity == current }.map(json) ?? .null),
      (
        "target",
        target.map { .object([("hitRatio", .part($0.ratio)), ("point", $0.point.map(json) ?? .null)]) } ?? .null
      ),
      ("valueSizes", sizes?.json ?? .null),
      ("sentences", .array((sentences + [sizes?.sentence].compactMap { $0 }).map { .string($0) })),
    ])
  }

  private func json(_ point: CurvePoint) -> JSON {
    .object([
      ("capacity", .number(point.capacity)), ("hitRatio", .part(point.hitRatio)),
      ("memory", .optional(room.size(of: point.capacity))), ("rate", .part(point.rate)),
      ("requests", .number(point.taken)), ("misses", .number(point.misses)),
    ])
  }
}

extension ValueSizes {
  func print(to output: inout Output, width: Int) throws(FormatError) {
    if let sentence {
      let lines = wrapped(sentence, width: width, indent: 2)
      try output.line(output.strong(lines[0]))
      for line in lines.dropFirst() { try output.line(line) }
    }
    try output.line()
    let rows = steps.map { [Numbers.percent($0.part), Numbers.grouped($0.size), Numbers.percent($0.memory)] }
    let titles = [unit, "to bytes", "memory"]
    let widths = (0..<3).map { column in ([titles] + rows).map { $0[column].unicodeScalars.count }.max() ?? 0 }
    let columns = width < widths.reduce(4, +) ? 2 : 3
    for (index, row) in ([titles] + rows).enumerated() {
      let line = (0..<columns).map { row[$0].leftPadded(widths[$0]) }.joined(separator: "  ")
      try output.line(index == 0 ? output.palette.paint(line, .faint) : line)
    }
  }

  var json: JSON {
    .object([
      ("unit", .string(unit)), ("count", .number(histogram.total)), ("largest", .number(histogram.largest)),
      (
        "steps",
        .array(
          steps.map {
            .object([("part", .part($0.part)), ("size", .number($0.size)), ("memory", .part($0.memory))])
          })
      ),
    ])
  }
}

extension JSON {
  /// Six digits behind the point.
  static func part(_ value: Double) -> JSON {
    let millionths = Int((max(0, min(value, 1e9)) * 1e6).rounded())
    let digits = String(millionths % 1_000_000 + 1_000_000).dropFirst()
    return .number("\(millionths / 1_000_000).\(digits)")
  }

  /// A path as it is if it is printable, else quoted.
  static func printable(_ text: String) -> String {
    text.unicodeScalars.allSatisfy { (0x20..<0x7F).contains($0.value) } ? text : quoted(text)
  }
}
