// SPDX-License-Identifier: Apache-2.0
// `warp-inspect copy`: a store into a new one, while others use it. The old store is only read; the new one gets its name when
// all is in it (SPEC.md 24.4).

import ArgumentParser
import WarpFormat
import WarpTrace

struct Copy: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copies a store, in use or not, to a new one. Writes the new one.",
    discussion: """
      The copy has, of each shard, the entries of one moment, in their order, with
      deadlines, revisions anew, and marks; expired ones are left out. A shard that
      never holds still is copied entry by entry, and is named.

      With other parameters entries are carried over as when a program opens a store
      with others: what does not fit is left out, and if there are too many the new
      store's SIEVE chooses.

      A file that is there is replaced only with --force, and only if it is a store;
      whoever uses that goes on with the copy.

      Exit status: 0 all, 1 something is not in the copy, 2 no copy was made.

      Examples:
        warp-inspect copy sessions ./sessions-monday.warp
        warp-inspect copy sessions larger --capacity 200000
        warp-inspect copy ./a.warp ./b.warp --force --json | jq .copied
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A path or a name that is not taken.", completion: .file(extensions: ["warp"]))
  var new: String

  @Flag(help: "Replace a store that has the name.")
  var force = false

  @OptionGroup(title: "Parameters of the copy") var shape: StoreShape

  func run() throws {
    try reporting { _ in
      let path = try StoreNames.newPath(new)
      let image = try FileImage(path: try options.path)
      if let there = try System.status(path: path), there.isSameFile(as: try image.status()) {
        throw FormatError(.invalidArgument, "a store can't be copied to itself", path: path)
      }
      let moment = try image.moment()
      let header = try Header(shape.applied(to: image.header.parameters), hashSeed: image.header.hashSeed)
      let maker = try StoreMaker(path, header, moment.clock, replaces: force, policy: sievePolicy)
      var counts = MovedCounts(verb: "copied")
      var progress = Progress()
      defer { progress.clear() }
      // With the seed of the old store keys stay in their shards, and each queue stays as it is.
      if header.geometry.shardCount == image.geometry.shardCount {
        for index in 0..<image.geometry.shardCount {
          progress.show(
            "shard \(index + 1) of \(image.geometry.shardCount), \(Numbers.grouped(counts.moved)) entries")
          let harvest = try image.harvest(index)
          counts.note(harvest, index)
          for entry in harvest.entries {
            try counts.add(entry, to: maker, now: moment.now)
            if entry.stamp == harvest.handStamp { maker.setHand(atNewestOf: index) }
          }
        }
      } else {
        var harvests: [Harvest] = []
        for index in 0..<image.geometry.shardCount {
          harvests.append(try image.harvest(index))
          counts.note(harvests[index], index)
        }
        for entry in sideBySide(harvests.map(\.entries)) { try counts.add(entry, to: maker, now: moment.now) }
      }
      try maker.publish()
      progress.clear()
      try counts.print(json: options.json)
      if !moment.isExact {
        complain("the store was last used in another boot: what its entries still have to live is estimated")
      }
      return counts.isComplete
    }
  }

  /// The queues of all shards, each by its share (P4).
  private func sideBySide(_ queues: [[CarriedEntry]]) -> [CarriedEntry] {
    let longest = queues.map(\.count).max() ?? 0
    var walked = queues.map { _ in 0 }
    var result: [CarriedEntry] = []
    result.reserveCapacity(queues.reduce(0) { $0 + $1.count })
    for step in 0..<longest {
      for (index, queue) in queues.enumerated() {
        let end = queue.count * (step + 1) / longest
        result += queue[walked[index]..<end]
        walked[index] = end
      }
    }
    return result
  }
}
