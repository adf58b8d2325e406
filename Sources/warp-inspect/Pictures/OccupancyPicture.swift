// SPDX-License-Identifier: Apache-2.0
// The slots of a store as a drawing: a column for each cell, in which the uses of its slots lie one on another, so that
// the picture shows every slot's share and not only the most frequent use.
//
// Bound: at most `mostCells` cells of at most four rectangles each, and equal neighbours become one rectangle.

/// Slots in their order, each lane in rows from left to right. For a file of its own or for a page.
func occupancyPicture(_ occupancy: Occupancy) -> SVG { OccupancyPicture(occupancy).drawn() }

private struct OccupancyPicture {
  private static let width = 960
  private static let margin = 24.0
  private static let mostCells = 4800
  /// From the bottom of a column to its top; the background stands for what was never used.
  private static let order: [(SlotUse, Tone)] = [
    (.visited, .visited), (.live, .live), (.expired, .expired), (.writing, .bad), (.free, .faint),
  ]
  private static let headHeight = 84.0
  private static let bodyHeight = 620.0

  let occupancy: Occupancy
  let cellWidth: Double
  let rowHeight: Double
  let columns: Int
  let rows: Int
  let group: Int
  let labelWidth: Double

  init(_ occupancy: Occupancy) {
    self.occupancy = occupancy
    let lanes = max(1, occupancy.lanes.count)
    labelWidth = lanes > 1 ? 74 : 0
    let room = Double(OccupancyPicture.width) - 2 * OccupancyPicture.margin - labelWidth
    group = occupancy.grouping(most: OccupancyPicture.mostCells / lanes)
    let longest = occupancy.lanes.map(\.cells.count).max() ?? 1
    let cells = (longest + group - 1) / group
    if group * occupancy.slotsPerCell == 1 {
      // Squares, as large as the page has room for.
      let sizes: [Double] = [28, 24, 20, 16, 14, 12, 10, 8, 7, 6, 5]
      func rows(_ size: Double) -> Int { (cells + Int(room / size) - 1) / Int(room / size) }
      cellWidth = sizes.first { Double(lanes * rows($0)) * $0 <= OccupancyPicture.bodyHeight } ?? 4
      rowHeight = cellWidth
      columns = max(1, Int(room / cellWidth))
      self.rows = rows(cellWidth)
    } else {
      // Columns that fill the width; a few rows of them if there are few lanes.
      columns = min(cells, Int(room / 3))
      cellWidth = room / Double(max(1, columns))
      self.rows = (cells + columns - 1) / columns
      rowHeight = max(7, min(36, OccupancyPicture.bodyHeight / Double(self.rows * lanes) - 4))
    }
  }

  private var laneHeight: Double { Double(rows) * (rowHeight + gap) + (occupancy.lanes.count > 1 ? 4 : 6) }
  private var gap: Double { slotsPerCell == 1 ? 0 : 2 }
  private var showsEnds: Bool { rowHeight >= 14 && (occupancy.lanes.first?.shards.count ?? 0) == 1 }
  private var slotsPerCell: Int { occupancy.slotsPerCell * group }

  func drawn() -> SVG {
    let top = OccupancyPicture.headHeight
    let height = Int(top + Double(occupancy.lanes.count) * laneHeight + 22)
    var svg = SVG(width: OccupancyPicture.width, height: height, title: "Occupancy of \(occupancy.path)")
    head(&svg)
    for (index, lane) in occupancy.lanes.enumerated() { draw(lane, top + Double(index) * laneHeight, &svg) }
    return svg
  }

  // MARK: Words

  private func head(_ svg: inout SVG) {
    let margin = OccupancyPicture.margin
    let entries = occupancy.total.entries + occupancy.total[.expired]
    svg.text(margin, 30, "Slots", size: 18, bold: true)
    let cell = slotsPerCell == 1 ? "a square is a slot" : "a column is \(Numbers.grouped(slotsPerCell)) slots"
    svg.text(
      margin + 62, 30,
      "\(Numbers.grouped(entries)) entries in \(Numbers.grouped(occupancy.total.total)) slots; \(cell)", .faint,
      size: 13)
    var x = margin
    for (use, tone) in OccupancyPicture.order + [(.unused, .free)] {
      let count = occupancy.total[use]
      if count == 0, use == .writing { continue }
      let share = Double(count) / Double(max(1, occupancy.total.total)) * 100
      let text = "\(use.name) \(Numbers.tenths(share)) %"
      svg.rectangle(x, 47, 12, 12, tone, radius: 2, tip: "\(use.name): \(Numbers.grouped(count)). \(use.meaning)")
      svg.text(x + 18, 57.5, text, .strong, size: 12)
      x += 18 + Double(text.count) * 7.4 + 16
    }
    svg.line([(x, 46), (x, 60)], .hand, width: 3)
    svg.text(x + 8, 57.5, "hand", .strong, size: 12)
    x += 8 + 4 * 7.4 + 16
    for name in showsEnds ? ["oldest", "newest"] : [] {
      end(x + 6, 53, name, &svg)
      svg.text(x + 18, 57.5, name, .strong, size: 12)
      x += 18 + 6 * 7.4 + 16
    }
  }

  private func name(_ lane: Occupancy.Lane) -> String {
    lane.shards.count == 1
      ? "shard \(lane.shards.lowerBound)" : "\(lane.shards.lowerBound)–\(lane.shards.upperBound - 1)"
  }

  // MARK: Cells

  private func draw(_ lane: Occupancy.Lane, _ top: Double, _ svg: inout SVG) {
    let left = OccupancyPicture.margin + labelWidth
    if labelWidth > 0 {
      svg.text(left - 10, top + min(rowHeight, 14) / 2 + 4, name(lane), .faint, size: 11, anchor: .end)
    }
    let cells = occupancy.cells(of: lane, by: group)
    for row in 0..<rows {
      let part = min(row * columns, cells.count)..<min((row + 1) * columns, cells.count)
      guard !part.isEmpty else { continue }
      draw(Array(cells[part]), first: part.lowerBound, left, top + Double(row) * (rowHeight + gap), &svg)
    }
    marks(lane, left, top, &svg)
  }

  private func draw(_ cells: [SlotTally], first: Int, _ left: Double, _ top: Double, _ svg: inout SVG) {
    if inset == 0 { svg.rectangle(left, top, Double(cells.count) * cellWidth, rowHeight, .free) }
    var start = 0
    while start < cells.count {
      var end = start + 1
      while inset == 0, end < cells.count, cells[end] == cells[start] { end += 1 }
      // Whole pixels, or light would shine through between neighbours.
      let x = left + (Double(start) * cellWidth).rounded()
      let width = left + (Double(end) * cellWidth).rounded() - x - inset
      if inset > 0 {
        let tone = OccupancyPicture.order.first { cells[start][$0.0] > 0 }?.1 ?? .free
        svg.rectangle(
          x, top, width, rowHeight - inset, tone, radius: 2,
          tip: "slot \(first + start + 1): \(cells[start].dominant.name)")
      } else {
        stack(cells[start], x, top, width, &svg)
      }
      start = end
    }
  }

  /// Between squares; columns stand close.
  private var inset: Double { slotsPerCell == 1 ? 1 : 0 }

  /// One end of the queue: its letter in a disc.
  private func end(_ x: Double, _ y: Double, _ name: String, _ svg: inout SVG) {
    let radius = slotsPerCell == 1 ? min(6.5, cellWidth / 2 - 1) : 6.5
    svg.circle(x, y, radius: radius, .strong, tip: name)
    svg.text(x, y + 3.5, String(name.prefix(1)), .free, size: 10, anchor: .middle, bold: true)
  }

  /// The uses of a cell's slots from the bottom up.
  private func stack(_ cell: SlotTally, _ x: Double, _ top: Double, _ width: Double, _ svg: inout SVG) {
    let parts = OccupancyPicture.order.filter { cell[$0.0] > 0 }
    var count = parts.reduce(0) { $0 + cell[$1.0] }
    // The topmost first and down to the bottom, so that the others lie over it without a seam.
    for (use, tone) in parts.reversed() {
      let height = Double(count) / Double(max(1, cell.total)) * rowHeight
      svg.rectangle(x, top + rowHeight - height, width, height, tone)
      count -= cell[use]
    }
  }

  /// Where the hand stands, and in a single lane the oldest and the newest entry.
  private func marks(_ lane: Occupancy.Lane, _ left: Double, _ top: Double, _ svg: inout SVG) {
    func corner(_ slot: Int, _ shard: Int) -> (x: Double, y: Double)? {
      guard let place = occupancy.place(slot, of: shard, in: lane) else { return nil }
      let cell = place / slotsPerCell
      return (left + Double(cell % columns) * cellWidth, top + Double(cell / columns) * (rowHeight + gap))
    }
    for shard in occupancy.shards where lane.shards.contains(shard.index) {
      if showsEnds {
        for (slot, name) in [(shard.oldest, "oldest"), (shard.newest, "newest")] {
          guard let at = corner(slot, shard.index) else { continue }
          end(at.x + (cellWidth - inset) / 2, at.y + (rowHeight - inset) / 2, name, &svg)
        }
      }
      if let at = corner(shard.hand, shard.index) {
        svg.line(
          [(at.x + cellWidth / 2, at.y - 2), (at.x + cellWidth / 2, at.y + rowHeight + 2)], .hand,
          width: max(2, min(4, cellWidth / 4)))
      }
    }
  }
}
