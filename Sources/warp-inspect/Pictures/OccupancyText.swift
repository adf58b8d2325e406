// SPDX-License-Identifier: Apache-2.0
// The slots of a store on a terminal: with colours two rows of pixels a line, without them a letter for each cell.
//
// Slots go from left to right and on in the next row; in colours the lower half of a line is the row behind the upper
// half. A cell shows the use of most of its slots, and by its shade or by upper case how many of them that are.

struct OccupancyText {
  private static let mostRows = 24
  private static let tableWidth = 68

  let occupancy: Occupancy
  let palette: Palette
  let width: Int
  private let group: Int

  init(_ occupancy: Occupancy, palette: Palette, width: Int) {
    self.occupancy = occupancy
    self.palette = palette
    self.width = width
    let lanes = max(1, occupancy.lanes.count)
    let rows = max(1, OccupancyText.mostRows / lanes) * (palette.isColored ? 2 : 1)
    group = occupancy.grouping(most: rows * OccupancyText.columns(width, lanes))
  }

  private static func columns(_ width: Int, _ lanes: Int) -> Int { max(8, width - margin(width, lanes)) }
  /// Room for the names of the lanes, where there is any.
  private static func margin(_ width: Int, _ lanes: Int) -> Int { lanes > 1 && width >= 40 ? 12 : 0 }

  var slotsPerCell: Int { occupancy.slotsPerCell * group }

  var lines: [String] {
    var lines = wrapped(scale, width: width, indent: 2)
    for lane in occupancy.lanes { lines += self.lines(of: lane) }
    return lines
  }

  private var scale: String {
    let cell = "1 cell = \(slotsPerCell == 1 ? "1 slot" : "\(Numbers.grouped(slotsPerCell)) slots")"
    let halves = palette.isColored ? ", 2 cells a character" : ""
    let lanes = occupancy.lanes.count
    let shards = occupancy.lanes.first?.shards.count ?? 1
    let each =
      lanes == 1 ? "" : shards == 1 ? "; a block of rows is a shard" : "; a block of rows is \(shards) shards"
    let density = slotsPerCell == 1 ? "" : palette.isColored ? "; dark is sparse" : "; lower case is sparse"
    return cell + halves + density + each
  }

  // MARK: Cells

  private func lines(of lane: Occupancy.Lane) -> [String] {
    let cells = occupancy.cells(of: lane, by: group)
    let marks = Dictionary(self.marks(of: lane).map { ($0.cell, $0.mark) }) { first, _ in first }
    let columns = OccupancyText.columns(width, occupancy.lanes.count)
    let margin = OccupancyText.margin(width, occupancy.lanes.count)
    var label = margin == 0 ? "" : name(lane).padded(margin)
    var lines: [String] = []
    func row(_ start: Int) -> Range<Int> { min(start, cells.count)..<min(start + columns, cells.count) }
    for start in stride(from: 0, to: cells.count, by: palette.isColored ? 2 * columns : columns) {
      if palette.isColored {
        let pixels = [row(start), row(start + columns)].map { $0.map { OccupancyText.pixel(cells[$0], marks[$0]) } }
        lines.append(palette.paint(label, .faint) + palette.halves(pixels[0], pixels[1]))
      } else {
        lines.append(label + String(row(start).map { OccupancyText.letter(cells[$0], marks[$0]) }))
      }
      label = "".padded(margin)
    }
    return lines
  }

  /// All cells of a lane in one line.
  func letters(of lane: Occupancy.Lane) -> String {
    String(occupancy.cells(of: lane, by: group).map { OccupancyText.letter($0, nil) })
  }

  private func name(_ lane: Occupancy.Lane) -> String {
    lane.shards.count == 1
      ? "shard \(lane.shards.lowerBound)" : "\(lane.shards.lowerBound)-\(lane.shards.upperBound - 1)"
  }

  /// The hand's cell, and where each slot has its own, those of the oldest and the newest entry.
  private func marks(of lane: Occupancy.Lane) -> [(cell: Int, mark: Character)] {
    var marks: [(cell: Int, mark: Character)] = []
    for shard in occupancy.shards where lane.shards.contains(shard.index) {
      var named: [(Character, Int)] = [("H", shard.hand)]
      if slotsPerCell == 1 { named += [("o", shard.oldest), ("n", shard.newest)] }
      for (mark, slot) in named {
        if let place = occupancy.place(slot, of: shard.index, in: lane) {
          marks.append((place / slotsPerCell, mark))
        }
      }
    }
    return marks
  }

  /// Shades from few to all slots of a cell.
  private static func shades(_ use: SlotUse) -> [UInt8] {
    switch use {
    case .visited: [23, 30, 37, 44]
    case .live: [22, 28, 34, 40]
    case .expired: [58, 100, 142, 184]
    case .writing: [52, 88, 124, 160]
    case .free: [240, 242, 244, 246]
    case .unused: [236, 236, 236, 236]
    }
  }

  private static let handShade: UInt8 = 201

  private static func pixel(_ cell: SlotTally, _ mark: Character?) -> Pixel {
    if mark == "H" { return handShade }
    let use = cell.dominant
    // Bound: a use that has the most slots of six has at least a sixth of them.
    return shades(use)[min(3, max(0, cell[use] * 4 / max(1, cell.total)))]
  }

  private static func letter(_ cell: SlotTally, _ mark: Character?) -> Character {
    if let mark { return mark }
    let use = cell.dominant
    return letter(use, isDense: cell[use] * 4 >= cell.total * 3)
  }

  private static func letter(_ use: SlotUse, isDense: Bool) -> Character {
    switch use {
    case .visited: isDense ? "V" : "v"
    case .live: isDense ? "L" : "l"
    case .expired: isDense ? "E" : "e"
    case .writing: isDense ? "W" : "w"
    case .free: isDense ? "F" : "f"
    case .unused: isDense ? "." : ","
    }
  }

  // MARK: Legend

  /// A line for each use, with its mark, count, share and meaning.
  var legend: [String] {
    let counts = SlotUse.allCases.map { Numbers.grouped(occupancy.total[$0]) }
    let digits = counts.map(\.count).max() ?? 1
    var lines = zip(SlotUse.allCases, counts).map { use, count in
      let share = Double(occupancy.total[use]) / Double(max(1, occupancy.total.total)) * 100
      let percent = Numbers.tenths(share)
      return line(
        palette.isColored
          ? palette.swatch(OccupancyText.shades(use)[3]) : "\(OccupancyText.letter(use, isDense: true)) ",
        use.name.padded(14) + count.leftPadded(digits) + percent.leftPadded(7) + " %", use.meaning)
    }
    lines.append(
      line(
        palette.isColored ? palette.swatch(OccupancyText.handShade) : "H ", "hand".padded(14 + digits + 9),
        "where SIEVE goes on looking for a victim"))
    if !palette.isColored, slotsPerCell == 1 {
      lines.append(line("o ", "oldest".padded(14 + digits + 9), "the first entry of the queue"))
      lines.append(line("n ", "newest".padded(14 + digits + 9), "its last"))
    }
    return lines
  }

  /// The meaning is left out where it would not fit.
  private func line(_ mark: String, _ text: String, _ meaning: String) -> String {
    // On a narrow screen the spaces between the columns and the share go first.
    guard 2 + 1 + text.count <= width else {
      return "\(mark) "
        + text.split(separator: " ").filter { $0 != "%" && !$0.contains(".") }.joined(separator: " ")
    }
    guard 2 + 1 + text.count + 2 + meaning.count <= width else { return "\(mark) \(text)" }
    return "\(mark) \(text)  " + palette.paint(meaning, .faint)
  }

  // MARK: Shards

  /// A row for each shard; nothing where they are too many or the screen is too narrow.
  var table: [String] {
    guard occupancy.shards.count <= Occupancy.mostLanes, width >= OccupancyText.tableWidth else { return [] }
    let titles = ["shard", "entries", "visited", "expired", "hand", "oldest", "newest", "mean", "longest"]
    let rows = occupancy.shards.map { shard in
      let slots = [shard.hand, shard.oldest, shard.newest].map { $0 == 0 ? "-" : Numbers.grouped($0) }
      let counts = [shard.tally.entries + shard.tally[.expired], shard.tally[.visited], shard.tally[.expired]]
      return [String(shard.index)] + counts.map { Numbers.grouped($0) } + slots
        + [Numbers.hundredths(shard.probes.mean), String(shard.probes.longest)]
    }
    let widths = titles.indices.map { column in ([titles] + rows).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      zip(cells, widths).map { $0.leftPadded($1) }.joined(separator: "  ")
    }
    return [palette.paint(line(titles), .faint)] + rows.map(line)
  }

  // MARK: Probes

  /// A bar for each distance from the home bucket.
  var probes: [String] {
    let probes = occupancy.probes
    let facts =
      "probe lengths: mean \(Numbers.hundredths(probes.mean)), longest \(probes.longest); at this load of "
      + "\(Numbers.hundredths(probes.load)) random hashes have a mean of \(Numbers.hundredths(probes.expectedMean))"
    var lines = wrapped(facts, width: width, indent: 2)
    var rows = probes.lengths.prefix(OccupancyText.probeRows).enumerated().map { ("\($0.offset)", $0.element) }
    rows.append(("\(OccupancyText.probeRows)+", probes.lengths.dropFirst(OccupancyText.probeRows).reduce(0, +)))
    if probes.beyond > 0 { rows.append(("too far", probes.beyond)) }
    while let last = rows.last, last.1 == 0 { rows.removeLast() }
    let digits = rows.map { Numbers.grouped($0.1).count }.max() ?? 0
    let most = rows.map(\.1).max() ?? 0
    let room = max(4, min(40, width - 9 - digits - 12))
    for (name, count) in rows {
      if width < 40 {
        let start = name.suffix(3).description.leftPadded(3) + " " + Numbers.grouped(count).leftPadded(digits) + " "
        lines.append(start + Bars.lying(Double(count), of: Double(most), width: max(1, width - start.count)))
        continue
      }
      let share = Double(count) / Double(max(1, probes.entries)) * 100
      let bar = Bars.lying(Double(count), of: Double(most), width: room)
      let tone: Tone = name == "too far" ? .bad : .live
      lines.append(
        name.leftPadded(7) + "  " + Numbers.grouped(count).leftPadded(digits)
          + Numbers.tenths(share).leftPadded(7) + " %  " + palette.paint(bar, tone))
    }
    return lines
  }

  private static let probeRows = 12
}
