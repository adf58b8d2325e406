// SPDX-License-Identifier: Apache-2.0
// What a worker does beside gets, sets, removals and walks, if it is to do everything: batches, counters and tokens that all
// change, a typed cache whose values are computed, forks.
//
//   counts | per counter: begun, ended | per token: adding, added, taking, taken |
//
// - A step is recorded before it begins and after it ended. Only those that a kill cut off may have had their effect or not,
//   so what is there lies between the two records.
// - Each value of the cache says which run of its key's computation made it, and when.

import CTorture
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// The counters and tokens of a run, and what is known of them.
struct CrewCounts {
  static let counters = 6
  private static let tokens = 32

  /// Whoever judges opens it with others in turns.
  static let shapes = [1000, 1500].map { StoreConfiguration(capacity: $0, maxKeySize: 16, maxValueSize: 64) }

  let store: SharedStore
  private let words: SharedWords

  init(_ directory: String, creates: Bool) throws {
    let count = 2 * CrewCounts.counters + 4 * CrewCounts.tokens
    words = try SharedWords(directory + "/counts-record", count: creates ? count : nil)
    var shape = CrewCounts.shapes[0]
    if !creates { shape.ifDifferent = .useExisting }
    store = try SharedStore.open(path: CrewCounts.path(directory), shape)
  }

  static func path(_ directory: String) -> String { directory + "/counts.warp" }
  private static func counter(_ number: Int) -> [UInt8] { Array("counter \(number)".utf8) }
  private static func token(_ number: Int) -> [UInt8] { Array("token \(number)".utf8) }

  /// False if it gave up, and then changed nothing.
  private func step(_ begun: Int, _ ended: Int, _ body: () throws -> Bool) throws -> Bool {
    words.add(begun, 1)
    do {
      if try body() { words.add(ended, 1) } else { words.add(begun, .max) }
      return true
    } catch let error as WarpError where error.code == .busy {
      words.add(begun, .max)
      return false
    }
  }

  /// Changes one of them; false if others were in the way.
  func change(_ random: inout SeededGenerator) throws -> Bool {
    if random.below(2) == 0 {
      let number = random.below(CrewCounts.counters)
      let key = CrewCounts.counter(number)
      return try step(2 * number, 2 * number + 1) {
        if number % 2 == 0 {
          try store.increment(key)
        } else {
          try store.update(key) { value in
            let sum = Increment.count(value) + 1
            value = (0..<8).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
          }
        }
        return true
      }
    }
    let number = random.below(CrewCounts.tokens)
    let (key, at) = (CrewCounts.token(number), 2 * CrewCounts.counters + 4 * number)
    return try random.below(2) == 0
      ? step(at, at + 1) { try store.add(key, value: [1]) } : step(at + 2, at + 3) { try store.take(key) != nil }
  }

  /// How many of them are not what they must be, when nobody changes them any more.
  func violations() throws -> Int {
    var wrong = 0
    for number in 0..<CrewCounts.counters {
      let key = CrewCounts.counter(number)
      let sum = number % 2 == 0 ? try store.increment(key, by: 0) : try Increment.count(store.get(key))
      let (begun, ended) = (Int(words.load(2 * number)), Int(words.load(2 * number + 1)))
      guard !(ended...max(begun, ended)).contains(sum) else { continue }
      System.explain("counter \(number) is \(sum), of \(begun) steps \(ended) ended\n")
      wrong += 1
    }
    for number in 0..<CrewCounts.tokens {
      let at = 2 * CrewCounts.counters + 4 * number
      let all = (0..<4).map { Int(words.load(at + $0)) }
      // Added and taken at least so often, and at most that often.
      let there = try store.get(CrewCounts.token(number)) == nil ? 0 : 1
      guard !((all[1] - all[2])...(all[0] - all[3])).contains(there) else { continue }
      System.explain("token \(number) is there \(there) times; adding, added, taking, taken: \(all)\n")
      wrong += 1
    }
    return wrong
  }

  /// How many steps ended.
  var steps: Int {
    var sum = (0..<CrewCounts.counters).reduce(0) { $0 + Int(words.load(2 * $1 + 1)) }
    for number in 0..<CrewCounts.tokens {
      let at = 2 * CrewCounts.counters + 4 * number
      sum += Int(words.load(at + 1)) + Int(words.load(at + 3))
    }
    return sum
  }
}

/// The typed cache of a run.
struct CrewCache {
  static let keys = 16
  private static let fresh: Int64 = 30_000_000
  private static let lifetime: Int64 = 50_000_000
  /// A value may be so late by the scheduler's fault, or because the process that asks for it was stopped.
  private static let slack: Int64 = 5_000_000_000

  let cache: Cache<Int, [UInt8]>
  /// Runs begun, by key.
  private let runs: SharedWords

  init(_ directory: String, creates: Bool) throws {
    runs = try SharedWords(directory + "/cache-record", count: creates ? CrewCache.keys : nil)
    cache = try Cache(
      "crew", in: .shared, capacity: 4 * CrewCache.keys,
      options: CacheOptions(
        freshFor: .nanoseconds(CrewCache.fresh), staleFor: .nanoseconds(CrewCache.lifetime - CrewCache.fresh),
        loadWait: .milliseconds(500), shards: 2, namespace: "warp-torture",
        directory: directory + "/cache", maxValueSize: 256))
  }

  /// Gets a value or computes it; nil if it is as it must be.
  func complaint(_ key: Int) -> String? {
    let began = System.bootTime()
    let value = cache.value(for: key) { key in
      let run = runs.add(key, 1)
      return Value.make(key: key, version: run, written: System.bootTime(), size: 32 + Int(run % 200))
    }
    guard let content = value.withUnsafeBytes({ Value.read($0) }) else { return "\(value.count) bytes, torn" }
    guard content.key == key, content.version <= runs.load(key), value.count == 32 + Int(content.version % 200)
    else { return "it is run \(content.version) of key \(content.key)" }
    let age = began - content.written
    return age > CrewCache.lifetime + CrewCache.slack ? "it is \(age) ns old" : nil
  }

  var computations: Int { (0..<CrewCache.keys).reduce(0) { $0 + Int(runs.load($1)) } }
}

struct CrewActs {
  private let counts: CrewCounts
  private let cache: CrewCache
  private var random: SeededGenerator

  init(_ directory: String, seed: UInt64) throws {
    counts = try CrewCounts(directory, creates: false)
    cache = try CrewCache(directory, creates: false)
    random = SeededGenerator(seed: seed)
  }

  mutating func act(_ worker: inout Worker) throws {
    switch random.below(1000) {
    case ..<200: try worker.readMany()
    case ..<400: try worker.writeMany()
    case ..<700: if try !counts.change(&random) { worker.count(.busyWrites) }
    case ..<998: try ask(&worker)
    default: try fork(&worker)
    }
  }

  private mutating func ask(_ worker: inout Worker) throws {
    let key = random.below(CrewCache.keys)
    // Computed anew although it is there.
    if random.below(50) == 0 { _ = try? cache.cache.remove(key) }
    if let complaint = cache.complaint(key) { worker.violation(.wrong, key, "of the cache: \(complaint)") }
  }

  /// A child uses all that it was born with, and ends without a farewell. It does not set keys: its parent may be killed,
  /// and whoever comes in its place sets them.
  private mutating func fork(_ worker: inout Worker) throws {
    let child = Glibc.fork()
    if child == 0 {
      _ = torture_die_with_parent()
      worker.tally = [Int](repeating: 0, count: worker.tally.count)
      do {
        for _ in 0..<10 {
          try worker.readMany()
          try worker.read(random.below(worker.history.keys))
          _ = try counts.change(&random)
          try ask(&worker)
        }
      } catch {
        System.explain("a child: \(error)\n")
        _exit(1)
      }
      let bad = [Tally.lost, .torn, .wrong, .stale].reduce(0) { $0 + worker.tally[$1.rawValue] }
      _exit(bad == 0 ? 0 : 1)
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    if status != 0 { worker.violation(.failures, 0, "a child ended with status \(status)") }
  }

  func close() {
    counts.store.close()
    cache.cache.close()
  }
}
