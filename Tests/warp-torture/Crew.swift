// SPDX-License-Identifier: Apache-2.0
// Workers on one store whose files change under them, and the judgement of what they saw.
//
//   records | worker: tally 12, longest get and set, followed, made, shape 4, id 2, is idle, figures 5, young 5 | … |
//
// - Each answer is judged by the history, as in the other commands. The store is in a directory of its own, so that
//   whatever is left there is seen.
// - A worker counts the stores that it makes itself: a handle that follows makes none.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// Words of the history that the workers look at.
enum CrewWords {
  static let stop = 1
  static let pause = 5
}

/// What a worker tells the others, in words that outlive it.
struct CrewRecord {
  static let size = 40

  enum Place: Int {
    case longestGet = 12
    case longestSet, followed, made, capacity, shards, maxKeySize, maxValueSize, firstID, secondID, isIdle
    case figures
    /// The figures of the last one that had just done its first operations.
    case young = 28
  }

  let words: SharedWords
  let index: Int

  private func at(_ place: Int) -> Int { index * CrewRecord.size + place }

  func word(_ place: Place, _ more: Int = 0) -> Int { at(place.rawValue + more) }
  func word(_ tally: Tally) -> Int { at(tally.rawValue) }
  subscript(_ place: Place, more: Int = 0) -> Int {
    get { Int(truncatingIfNeeded: words.load(word(place, more))) }
    nonmutating set { words.store(word(place, more), UInt64(truncatingIfNeeded: newValue)) }
  }
  subscript(_ tally: Tally) -> Int { Int(words.load(at(tally.rawValue))) }
  func add(_ tally: [Int]) {
    for (place, number) in tally.enumerated() where number > 0 { words.add(at(place), UInt64(number)) }
  }
  func raise(_ place: Place, to value: Int64) { if value > self[place] { self[place] = Int(value) } }

  /// The parameters and the id of the store that a handle has.
  var shape: [Int] {
    get { [Place.capacity, .shards, .maxKeySize, .maxValueSize, .firstID, .secondID].map { self[$0] } }
    nonmutating set {
      for (place, value) in zip(
        [Place.capacity, .shards, .maxKeySize, .maxValueSize, .firstID, .secondID], newValue)
      {
        self[place] = value
      }
    }
  }
}

extension SharedStore {
  /// What `CrewRecord.shape` holds.
  var shape: [Int] {
    let id = identity
    return [
      capacity, shards, maxKeySize, maxValueSize, Int(truncatingIfNeeded: id.0), Int(truncatingIfNeeded: id.1),
    ]
  }
}

struct CrewOptions: ParsableArguments {
  @Option(help: "Worker processes.") var workers = 4
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "Different keys; capacities are at least twice as many.") var keys = 7
  @Flag(help: "Workers use all kinds of operations, and the second does next to nothing.") var all = false

  func validate() throws {
    guard workers >= 1, keys >= 1 else { throw ValidationError("at least one worker and one key") }
  }
}

/// The workers of one run as their parent sees them.
struct Crew {
  let options: CrewOptions
  let directory: String
  /// Holds the store's files and nothing else.
  let place: String
  let history: History
  let words: SharedWords
  private(set) var children: [Child] = []
  /// Children that ended otherwise than asked for.
  private(set) var crashes = 0

  var path: String { place + "/store.warp" }
  var records: [CrewRecord] { (0..<options.workers).map { CrewRecord(words: words, index: $0) } }
  func sum(_ tally: Tally) -> Int { records.reduce(0) { $0 + $1[tally] } }
  func sum(_ place: CrewRecord.Place) -> Int { records.reduce(0) { $0 + $1[place] } }
  func longest(_ place: CrewRecord.Place) -> Double { Double(records.map { $0[place] }.max() ?? 0) / 1e6 }

  /// One record more than there are workers is the judge's.
  init(_ options: CrewOptions, _ directory: String) throws {
    self.options = options
    self.directory = directory
    place = try StoreDirectory.prepare(directory + "/store")
    history = try History(directory + "/history", workers: options.workers, keys: options.keys, creates: true)
    words = try SharedWords(directory + "/records", count: (options.workers + 1) * CrewRecord.size)
  }

  /// Starts all workers and waits until each has opened the store.
  mutating func start() throws {
    children = try (0..<options.workers).map { try spawn($0) }
    try history.words.barrier(History.barrier, parties: options.workers + 1, round: 1)
  }

  private func spawn(_ index: Int, again: Bool = false) throws -> Child {
    try Child(
      [
        "crew-worker", "--directory", directory, "--workers", "\(options.workers)", "--seed", "\(options.seed)",
        "--keys", "\(options.keys)", "--index", "\(index)",
      ] + (again ? ["--again"] : []) + (options.all ? ["--all"] : []))
  }

  /// Ends a worker in the middle of anything, and starts another in its place.
  mutating func kill(_ index: Int) throws {
    Glibc.kill(children[index].id, SIGKILL)
    if children[index].wait(seconds: 30).signal != SIGKILL { crashes += 1 }
    children[index] = try spawn(index, again: true)
  }

  /// A worker stands still for so many nanoseconds, wherever it is.
  mutating func hold(_ index: Int, _ nanoseconds: Int64) {
    if !children[index].stop() { crashes += 1 }
    System.sleep(nanoseconds)
    children[index].resume()
  }

  mutating func stop() {
    history.words.store(CrewWords.stop, 1)
    history.words.store(CrewWords.pause, 0)
    for child in children where !child.wait(seconds: 60).isClean { crashes += 1 }
  }

  /// Waits until every worker has done this many operations more.
  func advance(_ operations: Int = 50) -> Bool {
    let before = records.map { $0[Tally.operations] }
    return zip(records, before).allSatisfy { record, count in
      words.waits(record.word(.operations), atLeast: UInt64(count + operations))
    }
  }

  /// Judges every key once more, in peace, and the files. Closes the store.
  func settle(_ store: SharedStore) throws -> Settled {
    var judge = Worker(store: store, history: history, index: 0, seed: options.seed, maxSize: Shapes.valueSize)
    for key in 0..<options.keys { try judge.read(key) }
    try judge.walk()
    CrewRecord(words: words, index: options.workers).add(judge.tally)
    let statistics = try store.statistics()
    let balance =
      statistics.insertions - statistics.evictions - statistics.expirations - statistics.removals - statistics.count
    store.close()
    let findings = try Verifier(path: path).findings()
    for finding in findings.prefix(10) { System.explain("\(finding)\n") }
    let names = try System.list(place).sorted()
    let expected = ["store.warp", "store.warp-init", "store.warp-lock"]
    if names != expected { System.explain("left: \(names)\n") }
    let lost = sum(.lost) + judge.tally[Tally.lost.rawValue]
    let bad = [Tally.torn, .wrong, .stale, .failures].reduce(0) { $0 + sum($1) + judge.tally[$1.rawValue] }
    return Settled(
      lost: lost, bad: bad, findings: findings.count, leftovers: names == expected ? 0 : 1,
      evictions: statistics.evictions, corrupt: statistics.corrupt, balance: balance)
  }
}

/// What was found at the end of a run.
struct Settled {
  let lost: Int
  /// Torn, wrong, stale, failed.
  let bad: Int
  let findings: Int
  let leftovers: Int
  let evictions: Int
  let corrupt: Int
  /// 0 unless somebody died, or a replacement came, between a change and its counting.
  let balance: Int

  var violations: Int { lost + bad + findings + leftovers + evictions + corrupt }

  func add(to report: inout Report, _ crew: Crew) {
    report.add("operations", crew.sum(.operations))
    report.add("hits", crew.sum(.hits))
    report.add("lost", lost)
    for what in [Tally.wrong, .torn, .stale, .failures, .busyMisses, .busyWrites] {
      report.add("\(what)", crew.sum(what))
    }
    report.add("corrupt", corrupt)
    report.add("evictions", evictions)
    report.add("balance", balance)
    report.add("longestGetMs", crew.longest(.longestGet))
    report.add("longestSetMs", crew.longest(.longestSet))
    report.add("findings", findings)
    report.add("leftovers", leftovers)
    report.add("crashes", crew.crashes)
  }
}
