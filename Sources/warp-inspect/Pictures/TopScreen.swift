// SPDX-License-Identifier: Apache-2.0
// The screen of `top`: from two samples, the rates before, and a size to lines. It asks nobody anything, so a test can draw
// it without a terminal or a store.
//
// Invariant: at most as many lines as the size has rows, and none wider than its columns. What matters least is left out
// first: of the rates the rare ones, then shards, then processes.

import WarpFormat

/// What the user has chosen.
struct TopView: Equatable {
  enum Order: String, CaseIterable { case operations, pid, name, age }

  var order = Order.operations
  var isPaused = false
  var showsHelp = false
  /// Seconds.
  var interval = 1.0
  /// A sentence about what happened to the store.
  var note: String?
}

struct TopScreen {
  let title: String
  /// nil: the first sample.
  let before: TopSample?
  let now: TopSample
  /// The newest last, with that between the two samples.
  let history: [TopRates]
  let view: TopView
  let columns: Int
  let rows: Int

  static let keys = [
    ("q", "quit"), ("p, space", "pause and go on"), ("s", "sort the processes by the next column"),
    ("+ -", "look less or more often"), ("?", "this help, and back"),
  ]

  private var labelWidth: Int { columns < 40 ? 10 : 12 }
  private var rates: TopRates { history.last ?? TopRates(now, now) }

  func lines(_ palette: Palette) -> [String] {
    var lines = [head]
    let room = rows - 2
    if view.showsHelp {
      lines += help.prefix(max(0, room))
    } else if room > 0 {
      let summary = summary(atMost: room <= 8 ? min(6, room) : min(11, max(8, room / 2)))
      var rest = room - summary.count
      let processes = processes(atMost: rest <= 4 ? rest : max(3, rest / 2))
      rest -= processes.count
      lines += summary + processes + shards(atMost: rest)
    }
    if rows > 1 { lines.append(foot) }
    return lines.prefix(max(0, rows)).map { $0.text(width: columns, palette) }
  }

  private var head: StyledLine {
    let end = view.isPaused ? "PAUSED" : "every \(Numbers.tenths(view.interval)) s"
    let room = columns - end.count - 1
    var line = StyledLine(title.cutLeft(room > 8 ? room : columns), .strong)
    line.addRight(end, view.isPaused ? .warning : .faint, width: columns)
    return line
  }

  private var foot: StyledLine {
    if let note = view.note { return StyledLine(note, .warning) }
    if columns < 40 { return StyledLine("q quit  ? help", .faint) }
    return StyledLine(
      columns < 72
        ? "q quit  p pause  s sort  ? help"
        : "q quit  p pause  s sort (\(view.order.rawValue))  + - interval  ? help", .faint)
  }

  private var help: [StyledLine] {
    let keys = TopScreen.keys.map { key, text in
      var line = StyledLine(key.padded(10), .strong)
      line.add(text)
      return line
    }
    let text = """
      Rates are each second, since the last look; a curve is scaled to its highest. Of a process they are known while \
      nobody else counts in its place. A bar of a shard is its fill, and ┃ in it is the hand of SIEVE, on its way from the \
      oldest entry (left) to the newest. Behind it * says that somebody writes there, ~ that its owner is stopped, ! that \
      its owner is dead.
      """
    return [StyledLine()] + keys + [StyledLine()] + folded(text, width: columns).map { StyledLine($0) }
  }
}

// MARK: - Totals and rates

extension TopScreen {
  /// The most important lines, in the order of the screen.
  private func summary(atMost count: Int) -> [StyledLine] {
    let rates: [(rank: Int, line: StyledLine)] = [
      (0, fill), (1, hitRatio), (2, rate("gets/s", .first) { $0.gets }), (8, rate("hits/s", .good) { $0[.hits] }),
      (5, rate("misses/s", .warning) { $0[.misses] }), (3, rate("sets/s", .fourth) { $0.sets }),
      (4, rate("evicted/s", .third) { $0[.evictions] }), (9, rate("expired/s", .expired) { $0[.expirations] }),
      (10, rate("removed/s", .fifth) { $0[.removals] }), (6, trouble), (7, health),
    ]
    let last = rates.map(\.rank).sorted().prefix(count).last ?? -1
    return rates.filter { $0.rank <= last }.map(\.line)
  }

  private var fill: StyledLine {
    let share = now.capacity > 0 ? Double(now.entries) / Double(now.capacity) : 0
    var line = bar("fill", share, .live)
    line.add("  \(Numbers.grouped(now.entries)) of \(Numbers.grouped(now.capacity))")
    line.add("  \(Numbers.bytes(now.bytesAllocated))", .faint)
    return line
  }

  private var hitRatio: StyledLine {
    guard let counters = now.counters else { return StyledLine("hit ratio".padded(labelWidth) + "no lock file") }
    let gets = Double(counters[.hits]) + Double(counters[.misses]) + Double(counters[.busyMisses])
    let ever = gets > 0 ? Double(counters[.hits]) / gets : 0
    var line = bar("hit ratio", rates.hitRatio ?? 0, .good)
    line.add(rates.hitRatio == nil ? "  no gets now" : "")
    line.add("  \(Numbers.tenths(ever * 100)) % of all", .faint)
    return line
  }

  private func bar(_ label: String, _ share: Double, _ tone: Tone) -> StyledLine {
    let percent = (Numbers.tenths(min(9.99, share) * 100) + " %").leftPadded(7)
    let width = columns < 40 ? max(1, columns - labelWidth - 8) : max(8, min(28, columns - 60))
    var line = StyledLine(label.padded(labelWidth))
    line.add(StoreFacts.bar(share, of: 1, width: width), tone)
    line.add(" " + percent)
    return line
  }

  private func rate(_ label: String, _ tone: Tone, _ value: (TopRates) -> Double) -> StyledLine {
    var line = StyledLine(label.padded(labelWidth))
    line.add(Numbers.short(value(rates)).leftPadded(6) + "  ")
    line.add(Bars.spark(history.suffix(max(0, columns - line.width)).map(value)), tone)
    return line
  }

  private var trouble: StyledLine {
    let parts = [
      ("waits", rates[.waits]), ("retries", rates[.retries]), ("busy", rates[.busyMisses] + rates.failures),
      ("stale", rates[.staleHits]), ("recoveries", Double(now.counters?[.recoveries] ?? 0)),
    ]
    var line = StyledLine("waiting".padded(labelWidth))
    for (index, (name, value)) in parts.enumerated() {
      let isSum = name == "recoveries"
      line.add((index == 0 ? "" : "  ") + "\(name) ", .faint)
      line.add(Numbers.short(value) + (isSum ? "" : "/s"), value > 0 && name != "waits" ? .warning : nil)
    }
    return line
  }

  private var health: StyledLine {
    var line = StyledLine("health".padded(labelWidth))
    line.add(now.health.text, now.health.tone)
    return line
  }
}
