// SPDX-License-Identifier: Apache-2.0
// Advice for people and for scripts: the picture, a table, sentences; and one JSON object.

import WarpFormat
import WarpTrace

extension Advice {
  private static let pictureHeight = 13
  private static let widest = 100

  func print(to output: inout Output) throws(FormatError) {
    for line in lines(width: output.width, output.palette) { try output.line(line) }
  }

  /// Everything for people, in lines of at most `width` columns; a path stays whole.
  func lines(width: Int, _ palette: Palette) -> [String] {
    let width = min(width, Advice.widest)
    let curve = Curve(points: points, knee: knee?.capacity, current: current)
    var lines = [palette.paint(source.shown, .strong)] + wrapped(basis, width: width, indent: 0) + [""]
    lines += curve.lines(width: width, height: Advice.pictureHeight, palette) + [""]
    lines += Advice.table(
      ["capacity", "hit ratio", "memory", ""],
      points.map { point in
        let memory = room.size(of: point.capacity).map(Numbers.bytes) ?? "too large"
        return [Numbers.grouped(point.capacity), Numbers.percent(point.hitRatio), memory, mark(point)]
      }, width, palette)
    lines += [""] + sentences.flatMap { Advice.strongFirst(wrapped($0, width: width, indent: 2), palette) }
    return lines + (sizes?.lines(width: width, palette) ?? [])
  }

  /// Columns under titles, numbers to the right and a fourth column of words to the left. A narrow screen gets the
  /// first two.
  static func table(_ titles: [String], _ rows: [[String]], _ width: Int, _ palette: Palette) -> [String] {
    let widths = titles.indices.map { column in
      ([titles] + rows).map { $0[column].unicodeScalars.count }.max() ?? 0
    }
    let columns = width < widths.reduce(2 * (widths.count - 1), +) ? 2 : titles.count
    return ([titles] + rows).enumerated().map { index, row in
      let cells = (0..<columns).map { $0 == 3 ? row[$0] : row[$0].leftPadded(widths[$0]) }
      let line = cells.joined(separator: "  ").withoutTrailingBlanks
      return index == 0 ? palette.paint(line, .faint) : line
    }
  }

  static func strongFirst(_ lines: [String], _ palette: Palette) -> [String] {
    [palette.paint(lines[0], .strong)] + lines.dropFirst()
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
  func lines(width: Int, _ palette: Palette) -> [String] {
    let sentence = sentence.map { Advice.strongFirst(wrapped($0, width: width, indent: 2), palette) } ?? []
    let rows = steps.map { [Numbers.percent($0.part), Numbers.grouped($0.size), Numbers.percent($0.memory)] }
    return sentence + [""] + Advice.table([unit, "to bytes", "memory"], rows, width, palette)
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
}
