// SPDX-License-Identifier: Apache-2.0
// `warp-torture increment`: processes that change the same few keys by operations that depend on what is there, while some of
// them are killed, and nothing is lost or done twice.
//
// - Each step is recorded outside the store, before it begins and after it ended. Only those that a kill cut off may have
//   had their effect or not, so a sum lies between the two records, and without kills it equals both.
// - Of the adds of one key, and of the takes of one key, at most one wins.

import ArgumentParser
import WarpFormat
import WarpKV
import WarpTestSupport

struct IncrementOptions: ParsableArguments {
  @Option(help: "Steps of each process; a killed one starts again with as many.") var operations = 20_000
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "Processes.") var processes = 4

  static let keys = 3
  /// Keys that are added once, and as many that are there from the start and taken once.
  static let tokens = 4000

  /// Words of the record.
  static let begun = 0
  static let ended = begun + 2 * keys
  static let added = ended + 2 * keys
  static let taken = added + tokens
  static let count = taken + tokens

  static let shape = StoreConfiguration(capacity: 20_000, maxKeySize: 8, maxValueSize: 16)

  static func key(_ kind: Character, _ number: Int) -> [UInt8] {
    Array("\(kind)\(number)".utf8)
  }
}

struct Increment: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Increments, updates, adds and takes of the same keys.")

  @OptionGroup var options: IncrementOptions
  @Option(help: "How many processes are killed and started again.") var kills = 0
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    try withTemporaryDirectory { directory in
      typealias O = IncrementOptions
      let words = try SharedWords(directory + "/record", count: O.count)
      let store = try SharedStore.open(path: directory + "/increment.warp", O.shape)
      try store.setMany((0..<O.tokens).map { (O.key("p", $0), [1]) })
      func start(_ index: Int, _ life: Int) throws -> Child {
        try Child([
          "increment-worker", "--directory", directory, "--operations", "\(options.operations)", "--processes",
          "\(options.processes)", "--seed", "\(options.seed &+ UInt64(index + 1000 * life))",
        ])
      }
      var children = try (0..<options.processes).map { try start($0, 0) }
      var random = SeededGenerator(seed: options.seed)
      var crashes = 0
      for life in 0..<kills {
        System.sleep(Int64(1_000_000 + random.below(9_000_000)))
        let victim = random.below(children.count)
        children[victim].send(9)
        let ending = children[victim].wait()
        // It may have ended by itself just before.
        if ending.signal != 9, !ending.isClean { crashes += 1 }
        children[victim] = try start(victim, life + 1)
      }
      crashes += children.count { !$0.wait(seconds: 600).isClean }
      try report(words, store, crashes)
    }
  }

  private func report(_ words: SharedWords, _ store: SharedStore, _ crashes: Int) throws {
    typealias O = IncrementOptions
    var (wrong, total) = (0, 0)
    for number in 0..<O.keys {
      let sums = [
        try retryingBusy { try store.increment(O.key("i", number), by: 0) },
        try Increment.count(store.get(O.key("u", number))),
      ]
      for (kind, sum) in sums.enumerated() {
        let begun = Int(words.load(O.begun + 2 * number + kind))
        let ended = Int(words.load(O.ended + 2 * number + kind))
        if !(ended...begun).contains(sum) || kills == 0 && begun != ended { wrong += 1 }
        total += sum
      }
    }
    let twice = (0..<O.tokens).count { words.load(O.added + $0) > 1 || words.load(O.taken + $0) > 1 }
    let added = (0..<O.tokens).count { words.load(O.added + $0) == 1 }
    let taken = (0..<O.tokens).count { words.load(O.taken + $0) == 1 }
    let statistics = try store.statistics()
    var report = Report()
    report.add("command", "increment")
    report.add("processes", options.processes)
    report.add("seed", Int(truncatingIfNeeded: options.seed))
    report.add("kills", kills)
    report.add("sum", total)
    report.add("added", added)
    report.add("taken", taken)
    report.add("wrongSums", wrong)
    report.add("wonTwice", twice)
    report.add("recoveries", statistics.recoveries)
    report.add("busySets", statistics.busySets)
    report.add("corrupt", statistics.corrupt)
    report.add("crashes", crashes)
    try report.finish(
      json: json, violations: wrong + twice + crashes + statistics.corrupt + (min(total, added, taken) == 0 ? 1 : 0)
    )
  }

  static func count(_ bytes: [UInt8]?) -> Int {
    (bytes ?? []).reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}

struct IncrementWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "increment-worker", shouldDisplay: false)

  @OptionGroup var options: IncrementOptions
  @Option var directory: String

  func run() throws {
    typealias O = IncrementOptions
    let words = try SharedWords(directory + "/record")
    let store = try SharedStore.open(path: directory + "/increment.warp", O.shape)
    var random = SeededGenerator(seed: options.seed)
    for _ in 0..<options.operations {
      let number = random.below(O.keys)
      switch random.below(10) {
      case ..<5:
        words.add(O.begun + 2 * number, 1)
        try retryingBusy { try store.increment(O.key("i", number)) }
        words.add(O.ended + 2 * number, 1)
      case ..<8:
        words.add(O.begun + 2 * number + 1, 1)
        try retryingBusy { try update(store, O.key("u", number)) }
        words.add(O.ended + 2 * number + 1, 1)
      case ..<9:
        let token = random.below(O.tokens)
        if try retryingBusy({ try store.add(O.key("a", token), value: [1]) }) { words.add(O.added + token, 1) }
      default:
        let token = random.below(O.tokens)
        if try retryingBusy({ try store.take(O.key("p", token)) }) != nil { words.add(O.taken + token, 1) }
      }
    }
    store.close()
  }

  /// Under heavy use it may give up; it then has changed nothing.
  private func update(_ store: SharedStore, _ key: [UInt8]) throws {
    try store.update(key) { value in
      let sum = Increment.count(value) + 1
      value = (0..<8).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
    }
  }
}
