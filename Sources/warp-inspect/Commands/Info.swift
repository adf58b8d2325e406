// SPDX-License-Identifier: Apache-2.0
// `warp-inspect info`: one screen about a store. What it knows is in Facts/StoreFacts.swift.

import ArgumentParser
import WarpFormat

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows health, geometry, fill, hit ratio, deadlines and who is attached.",
    discussion: """
      Health is what a glance tells: sound, attention (something waits, or the next
      user repairs it), damaged, or ended (the store was replaced or deleted). Only
      verify checks every byte.

      Bytes used are those of keys and stored values; bytes allocated are what the
      file system has given the data file. Counters are those since the last reset.

      Age: the format keeps when an entry was last written, and the order of
      insertion, not its time. Shown are the entries at the old ends of the queues
      (the one longest ago; it was inserted then or before) and at the new ends.

      Deadlines and compression are exact up to \(Format.surveySlots) used slots, else those of as
      many sampled slots, and the screen says so.

      Of each attached handle it shows the process, for how long it is attached, how
      many operations it counted (at most, if others had its place before), which
      shards it holds at this moment, how many keys it computes under a lease, and
      its state:
      - alive;
      - stopped, by a signal, a debugger or the freezer of its control group: sets in
        a shard that it holds throw busy until it goes on;
      - dead: the next writer takes its shards over and recovers them;
      - elsewhere: in another PID namespace, and its lock is held;
      - unlocked: alive, but it closed its files without detaching.
      Read-only handles are not registered and not shown.

      Examples:
        warp-inspect info sessions
        warp-inspect info --json ./cache.warp | jq .hitRatio
        warp-inspect info --json sessions | jq '.lock.attached, .lock.owners'
      """)

  private static let nameWidth = 14
  private static let mostColumns = 100

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.inspect { image, output in
      let facts = try StoreFacts(image)
      if options.json {
        try output.line(facts.json.text())
        return true
      }
      let width = min(output.width, Info.mostColumns)
      try output.line(output.strong(image.path.shown))
      for line in facts.lines(bar: max(6, min(20, width / 4))) {
        for text in Info.text(line, width: width, output.palette) { try output.line(text) }
      }
      for line in facts.handles?.lines(nameWidth: Info.nameWidth, width: width) ?? [] { try output.line(line) }
      return true
    }
  }

  /// The name and the value beside it, or below it on a narrow screen.
  static func text(_ line: StoreFacts.Line, width: Int, _ palette: Palette) -> [String] {
    let isNarrow = width < 40
    let indent = isNarrow ? 2 : nameWidth
    var values = folded(line.value, width: width - indent)
    if let tone = line.tone, let first = values.first {
      let word = first.prefix { $0 != " " }
      values[0] = palette.paint(String(word), tone) + first.dropFirst(word.count)
    }
    let margin = "".padded(indent)
    if isNarrow { return [line.name.cut(width)] + values.map { margin + $0 } }
    return values.enumerated().map { ($0 == 0 ? line.name.padded(nameWidth) : margin) + $1 }
  }
}
