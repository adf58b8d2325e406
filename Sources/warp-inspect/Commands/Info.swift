// SPDX-License-Identifier: Apache-2.0
// `warp-inspect info`: one screen about a store. What it knows is in StoreFacts.swift.

import ArgumentParser
import WarpFormat

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows geometry, fill, hit ratio, clock and who is attached.",
    discussion: """
      Bytes used are those of keys and stored values; bytes allocated are what the
      file system has given the data file.

      Of each attached handle it shows the process, for how long it is attached,
      which shards it holds at this moment, how many keys it computes under a lease,
      and its state:
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

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.inspect { image, output in
      let facts = try StoreFacts(image)
      if options.json {
        try output.line(facts.json.text())
        return true
      }
      try output.line(output.strong(image.path))
      for (name, value) in facts.lines {
        var margin = name.padded(Info.nameWidth)
        for line in wrapped(value, width: 80 - Info.nameWidth, indent: 0) {
          try output.line(margin + line)
          margin = "".padded(Info.nameWidth)
        }
      }
      for line in facts.handles?.lines(nameWidth: Info.nameWidth) ?? [] { try output.line(line) }
      return true
    }
  }
}
