// SPDX-License-Identifier: Apache-2.0
// The lower parts of the screen of `top`: a row for each process, a bar for each shard. Both take at most the rows that
// they are given, titles included, and say how much they leave out.

import WarpFormat

extension TopScreen {
  private static let table = Table(columns: [
    .init(title: "process", rank: 0, isNumber: false), .init(title: "pid", rank: 2),
    .init(title: "state", rank: 3, isNumber: false), .init(title: "attached", rank: 4),
    .init(title: "ops/s", rank: 1), .init(title: "holds", rank: 5), .init(title: "computes", rank: 6),
  ])

  func processes(atMost count: Int) -> [StyledLine] {
    guard count >= 2 else { return [] }
    if now.handles.isEmpty { return [StyledLine("nobody is attached", .faint)] }
    let all = sorted
    let shown = all.prefix(all.count > count - 1 ? max(1, count - 2) : count - 1)
    let rows = shown.map { handle, rate in
      [
        handle.name.cut(columns < 40 ? 8 : 15), "\(handle.pid)", "\(handle.state)",
        handle.age.map { Numbers.duration($0) } ?? "-", rate.map(Numbers.short) ?? "-",
        handle.shards == 0 ? "-" : "\(handle.shards)", handle.leases == 0 ? "-" : "\(handle.leases)",
      ]
    }
    let groups = TopScreen.table.lines(Array(rows), width: columns)
    var lines = groups[0].prefix(1).map { StyledLine($0, .faint) }
    for (group, (handle, _)) in zip(groups.dropFirst(), shown) {
      let tone: Tone? =
        switch handle.state {
        case .alive, .elsewhere: nil
        case .stopped, .unlocked: .warning
        case .dead: .bad
        }
      lines += group.suffix(1).map { StyledLine($0, tone) }
    }
    if shown.count < all.count, lines.count < count {
      lines.append(StyledLine("and \(all.count - shown.count) more", .faint))
    }
    return lines
  }

  private var sorted: [(TopSample.Handle, rate: Double?)] {
    let handles = now.handles.map { handle in (handle, rate: before.flatMap { now.rate(of: handle, since: $0) }) }
    return handles.sorted { a, b in
      switch view.order {
      case .operations where (a.rate ?? -1) != (b.rate ?? -1): (a.rate ?? -1) > (b.rate ?? -1)
      case .name where a.0.name != b.0.name: a.0.name < b.0.name
      case .age where a.0.age != b.0.age: (a.0.age ?? -1) > (b.0.age ?? -1)
      default: (a.0.pid, a.0.entry) < (b.0.pid, b.0.entry)
      }
    }
  }

  // MARK: Shards

  func shards(atMost count: Int) -> [StyledLine] {
    guard count >= 2, !now.shards.isEmpty else { return [] }
    let across = max(1, min(now.shards.count, columns / 20))
    let shown = now.shards.prefix((count - 1) * across)
    let width = columns / across
    let some =
      shown.count == now.shards.count ? "\(now.shards.count)" : "0 to \(shown.count - 1) of \(now.shards.count)"
    var lines = [StyledLine("shards \(some)", .faint)]
    for first in stride(from: 0, to: shown.count, by: across) {
      var line = StyledLine()
      for index in first..<min(first + across, shown.count) { add(index, shown[index], width: width, to: &line) }
      lines.append(line)
    }
    return lines
  }

  /// A number, a bar of the fill with the hand in it, the fill, and who is at work.
  private func add(_ index: Int, _ shard: TopSample.Shard, width: Int, to line: inout StyledLine) {
    let share = shard.capacity > 0 ? min(1, Double(shard.entries) / Double(shard.capacity)) : 0
    let cells = max(1, min(24, width - 12))
    let bar = Array(StoreFacts.bar(share, of: 1, width: cells))
    line.add("\(index)".leftPadded(4) + " ", .faint)
    if let hand = shard.hand, share > 0 {
      let place = min(cells - 1, Int(hand * share * Double(cells)))
      line.add(String(bar[..<place]), .live)
      line.add("┃", .hand)
      line.add(String(bar[(place + 1)...]), .live)
    } else {
      line.add(String(bar), .live)
    }
    line.add("\(Int((share * 100).rounded()))%".leftPadded(5))
    let mark: (String, Tone?) =
      switch shard.owner {
      case .none: (" ", nil)
      case .stopped: ("~", .warning)
      case .dead: ("!", .bad)
      case .alive, .elsewhere, .unlocked: ("*", .good)
      }
    line.add(mark.0, mark.1)
    line.add(String(repeating: " ", count: max(0, width - cells - 11)))
  }
}
