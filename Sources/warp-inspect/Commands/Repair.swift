// SPDX-License-Identifier: Apache-2.0
// `warp-inspect repair`: a new store from what is sound in a damaged file (SPEC.md 24.5). The damaged file is only read.

import ArgumentParser
import WarpFormat
import WarpTrace

struct Repair: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a new store from what is sound in a damaged one.",
    discussion: """
      Every slot is looked at by itself: an entry is saved if its sizes, checksum and
      hash are right, whatever tables, queues and counts say. Of several entries with
      one key the one that was written last is saved. The order is kept. The damaged
      file is never changed, and nobody should be using it.

      A damaged header is told from itself, since most of it is there twice; if that
      does not do, give the parameters with which the store was made, or --like a
      store that has the same. A file of a newer version is refused unless
      --as-version-1 says that its header is wrong.

      Exit status: 0 nothing was lost, 1 something was (each with the rule that it
      breaks), 2 no store was made.

      Examples:
        warp-inspect repair ./damaged.warp ./repaired.warp
        warp-inspect repair ./damaged.warp ./repaired.warp --like ./sibling.warp
        warp-inspect repair ./damaged.warp ./r.warp --capacity 1000 --max-key-size 64 \\
          --max-value-size 256
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A path or a name that is not taken.", completion: .file(extensions: ["warp"]))
  var new: String

  @Option(help: "A store with the same parameters.", completion: .file(extensions: ["warp"]))
  var like: String?

  @Flag(name: .customLong("as-version-1"), help: "Take the file for one of version 1 whatever its header says.")
  var asVersion1 = false

  @Flag(help: "Replace a store that has the name.")
  var force = false

  @OptionGroup(title: "Parameters of the damaged store") var shape: StoreShape

  func validate() throws {
    if like != nil, shape.isGiven { throw ValidationError("--like and parameters exclude each other.") }
    if shape.isGiven, shape.capacity == nil { throw ValidationError("Of the parameters --capacity is needed.") }
  }

  func run() throws {
    try reporting { _ in
      let path = try StoreNames.newPath(new)
      let file = try SalvagedFile(try options.path, parameters: try parameters(), isOurs: asVersion1)
      if let there = try System.status(path: path), there.isSameFile(as: file.status) {
        throw FormatError(.invalidArgument, "a store can't be repaired in place: give another name", path: path)
      }
      var counts = MovedCounts(verb: "saved")
      let geometry = file.guess.header.geometry
      // What is saved decides about the new header and its clock, so it is looked at before anything is made.
      var (latest, hasFrames) = (UInt64(0), false)
      for index in 0..<geometry.shardCount {
        for entry in try file.harvest(index).entries {
          latest = max(latest, entry.written)
          hasFrames = hasFrames || entry.codec == Format.codecZstd
        }
      }
      let moment = try file.moment(latest: latest)
      var given = file.guess.header.parameters
      given.zstd = given.zstd || hasFrames
      let header = try Header(given, hashSeed: file.guess.header.hashSeed)
      let maker = try StoreMaker(path, header, moment.clock, replaces: force, policy: sievePolicy)
      var progress = Progress()
      defer { progress.clear() }
      for index in 0..<geometry.shardCount {
        progress.show("shard \(index + 1) of \(geometry.shardCount), \(Numbers.grouped(counts.moved)) entries")
        let harvest = try file.harvest(index)
        counts.note(harvest, index)
        for entry in harvest.entries { try counts.add(entry, to: maker, now: nil) }
      }
      // Our own bug, if there is anything; then no store is made.
      if let finding = try maker.findings().first {
        throw FormatError(.corruptShard, "the new store is not sound: \(finding.message)", rule: finding.rule)
      }
      try maker.publish()
      progress.clear()
      try counts.print(json: options.json, header: file.guess.problem)
      return counts.isComplete
    }
  }

  /// What the caller knows of the damaged store.
  private func parameters() throws(FormatError) -> Parameters? {
    if let like { return try FileImage(path: StoreNames.path(like)).header.parameters }
    return shape.isGiven ? shape.applied(to: Parameters()) : nil
  }
}
