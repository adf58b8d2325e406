// SPDX-License-Identifier: Apache-2.0
// Two processes that want different parameters open one store at the same moment, over and over.
//
// - Both get a handle. Each makes at most one store in each opening, and one of the two at least makes one.
// - Afterwards both have the same store, with the parameters of one of them, and what each has set.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct ReplaceRace {
  let rounds: Int
  let seed: UInt64

  /// Words: three barriers, then for each round and process: stores made, id 2.
  private static let first = 8
  static func word(_ round: Int, _ index: Int) -> Int { first + (round * 2 + index) * 4 }
  static let failures = 3
  static let capacities = [16, 1024]

  struct Outcome {
    var rounds = 0
    var made = 0
    /// Openings that made several, and rounds that made none.
    var unasked = 0
    var several = 0
    var failures = 0
    var crashes = 0
    var findings = 0
    var leftovers = 0
    var seconds = 0.0

    var violations: Int { unasked + several + failures + crashes + findings + leftovers }

    func add(to report: inout Report) {
      report.add("races", rounds)
      report.add("raceReplacements", made)
      report.add("raceUnasked", unasked)
      report.add("raceSeveralStores", several)
      report.add("raceFailures", failures)
      report.add("raceCrashes", crashes)
      report.add("raceFindings", findings)
      report.add("raceLeftovers", leftovers)
      report.add("raceSeconds", seconds)
    }
  }

  func run(_ directory: String, _ watchdog: Watchdog) throws -> Outcome {
    let place = try StoreDirectory.prepare(directory + "/race")
    let words = try SharedWords(directory + "/race-words", count: ReplaceRace.word(rounds, 0))
    // Two that create it would draw ids that nobody uses.
    try SharedStore.open(path: place + "/store.warp", RaceWorker.shape(0)).close()
    let began = System.bootTime()
    let children = try (0..<2).map {
      try Child(["race-worker", "--directory", directory, "--rounds", "\(rounds)", "--index", "\($0)"])
    }
    var outcome = Outcome(rounds: rounds)
    var reached: UInt64 = 0
    while !children.allSatisfy(\.isDead) {
      // The last barrier of each round.
      if words.load(2) > reached { watchdog.progress() }
      reached = words.load(2)
      System.sleep(1_000_000)
    }
    for child in children where !child.wait().isClean { outcome.crashes += 1 }
    outcome.seconds = Double(System.bootTime() - began) / 1e9
    for round in 0..<rounds {
      let (a, b) = (ReplaceRace.word(round, 0), ReplaceRace.word(round, 1))
      let made = [a, b].map { Int(words.load($0)) }
      outcome.made += made[0] + made[1]
      if made.contains(where: { $0 > 1 }) || made == [0, 0] { outcome.unasked += 1 }
      if words.load(a + 1) != words.load(b + 1) || words.load(a + 2) != words.load(b + 2) { outcome.several += 1 }
    }
    outcome.failures = Int(words.load(ReplaceRace.failures))
    outcome.findings = try Verifier(path: place + "/store.warp").findings().count
    if try System.list(place).sorted() != ["store.warp", "store.warp-init", "store.warp-lock"] {
      outcome.leftovers = 1
    }
    return outcome
  }
}

struct RaceWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "race-worker", shouldDisplay: false)

  @Option var directory: String
  @Option var rounds: Int
  @Option var index: Int

  func run() throws {
    let words = try SharedWords(directory + "/race-words")
    let path = directory + "/race/v1/store.warp"
    var before: SharedStore?
    for round in 0..<rounds {
      func expect(_ isRight: Bool, _ what: String) {
        guard !isRight else { return }
        System.explain("race \(round), process \(index): \(what)\n")
        words.add(ReplaceRace.failures, 1)
      }
      try words.barrier(0, parties: 2, round: round + 1)
      let (store, made) = try Maker.open(path, RaceWorker.shape(index))
      let word = ReplaceRace.word(round, index)
      words.store(word, UInt64(made))
      try retryingBusy { try store.set("racer \(index)", to: value(round, index)) }
      try words.barrier(1, parties: 2, round: round + 1)
      // Nobody replaces any more: this brings the handle to the last store.
      expect(try store.count == 2, "\(try store.count) entries")
      for other in 0..<2 {
        expect(try store.get("racer \(other)") == value(round, other), "the value of \(other) is wrong")
      }
      expect(ReplaceRace.capacities.contains(store.capacity), "capacity \(store.capacity)")
      words.store(word + 1, store.identity.0)
      words.store(word + 2, store.identity.1)
      if let before {
        expect(try before.get("racer \(index)") == value(round, index), "an older handle reads something else")
        expect(before.identity == store.identity, "an older handle has another store")
        before.close()
      }
      before = store
      try words.barrier(2, parties: 2, round: round + 1)
    }
  }

  static func shape(_ index: Int) -> StoreConfiguration {
    StoreConfiguration(capacity: ReplaceRace.capacities[index], maxKeySize: 32, maxValueSize: 64)
  }

  private func value(_ round: Int, _ index: Int) -> [UInt8] { Array("\(round) \(index)".utf8) }
}
