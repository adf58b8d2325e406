// SPDX-License-Identifier: Apache-2.0
// The shared store against a model: random operations with a seed, agreement after every single one.
//
// A disagreement ends the run with the seed and the number of the operation; WARP_SEED repeats it.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

/// One shape of store to compare.
struct ModelCase: CustomTestStringConvertible, Sendable {
  var capacity: Int
  var maxKeySize = 40
  var maxValueSize = 300
  var eviction = StoreConfiguration.Eviction.sieve
  var verifyReads = false
  var operations: Int

  var testDescription: String { "capacity \(capacity), values to \(maxValueSize), eviction \(eviction)" }
}

private let cases: [ModelCase] = [
  ModelCase(capacity: 1, operations: 4000), ModelCase(capacity: 2, operations: 4000),
  ModelCase(capacity: 3, operations: 4000), ModelCase(capacity: 7, verifyReads: true, operations: 6000),
  ModelCase(capacity: 64, operations: 8000), ModelCase(capacity: 1000, operations: 12000),
  ModelCase(capacity: 1, maxKeySize: 0, maxValueSize: 0, operations: 500),
  ModelCase(capacity: 5, maxKeySize: 1, maxValueSize: 1, operations: 3000),
  ModelCase(capacity: 7, maxKeySize: 3000, maxValueSize: 20_000, operations: 2000),
  ModelCase(capacity: 7, eviction: .none, operations: 5000),
  ModelCase(capacity: 64, eviction: .none, operations: 6000),
]

/// Where store and model differ.
struct Disagreement: Error, CustomStringConvertible {
  let description: String
}

@Suite struct ModelTests {
  @Test(arguments: cases) func theStoreDoesWhatTheModelDoes(_ shape: ModelCase) throws {
    let seed = TestPlan.seed(UInt64(shape.capacity) &* 31 &+ UInt64(shape.maxValueSize))
    try withTemporaryDirectory { directory in
      let run = try ModelRun(shape, seed: seed, path: directory + "/model.warp")
      for number in 0..<(shape.operations * (TestPlan.isDeep ? 20 : 1)) {
        do {
          try run.step()
          if number % run.checkEvery == 0 { try run.compareAll() }
        } catch {
          Issue.record("seed \(seed), operation \(number): \(error)")
          return
        }
      }
      #expect(throws: Never.self) { try run.compareAll() }
      #expect(try Verifier(path: directory + "/model.warp").findings() == [], "seed \(seed)")
    }
  }
}

/// A store, its model, and random operations on both.
private final class ModelRun {
  private let shape: ModelCase
  private let world: TestWorld
  private let store: SharedStore
  private let model: SieveModel<[UInt8], [UInt8]>
  private let keys: [[UInt8]]
  private var random: SeededGenerator
  /// The highest revision of the last comparison, and what was set since then.
  private var revision: UInt64 = 0
  private var changed: Set<[UInt8]> = []

  let checkEvery: Int

  init(_ shape: ModelCase, seed: UInt64, path: String) throws {
    self.shape = shape
    world = TestWorld(seed: seed)
    let configuration = StoreConfiguration(
      capacity: shape.capacity, maxKeySize: shape.maxKeySize, maxValueSize: shape.maxValueSize, shards: 1,
      eviction: shape.eviction, verifyReads: shape.verifyReads)
    store = try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
    model = SieveModel(capacity: shape.capacity, evicts: shape.eviction == .sieve)
    var random = SeededGenerator(seed: seed)
    // Two and a half times the capacity, the empty key and keys of the largest size among them.
    var pool: Set<[UInt8]> = [[]]
    for number in 0..<(shape.capacity * 5 / 2 + 1) where shape.maxKeySize > 0 {
      let size = number == 0 ? shape.maxKeySize : 1 + random.below(shape.maxKeySize)
      pool.insert((0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }
    keys = pool.sorted { $0.lexicographicallyPrecedes($1) }
    checkEvery = max(1, shape.capacity / 4)
    self.random = random
  }

  func step() throws {
    world.advance(nanoseconds: Int64(random.below(2_000_000)))
    let now = world.time
    let key = keys[random.below(keys.count)]
    switch random.below(1000) {
    case ..<450: try agree("get", try store.get(key), model.get(key, at: now))
    case ..<500: try agree("contains", try store.contains(key), model.isLive(key, at: now))
    case ..<880: try set(key, at: now)
    case ..<970: try agree("remove", try store.remove(key), model.remove(key, at: now))
    case ..<995:
      let result = try store.set(key, to: [UInt8](repeating: 7, count: shape.maxValueSize + 1))
      model.skip(key, at: now)
      try agree("oversized set", result, .skipped)
    case ..<997:
      try store.removeAll()
      model.removeAll()
    default:
      let long = [UInt8](repeating: 1, count: shape.maxKeySize + 1)
      try agree("get of a long key", try store.get(long), nil)
      _ = model.get(long, at: now)
      try agree("remove of a long key", try store.remove(long), false)
    }
    try agree("count", try store.count, model.entries.count)
  }

  private func set(_ key: [UInt8], at now: Int64) throws {
    let size = random.below(10) == 0 ? shape.maxValueSize : random.below(shape.maxValueSize + 1)
    let fill = UInt8(truncatingIfNeeded: random.next())
    let value = (0..<size).map { UInt8(truncatingIfNeeded: $0) &+ fill }
    let lifetime: Int64? = random.below(3) == 0 ? Int64(1 + random.below(40_000_000)) : nil
    let outcome = model.set(key, value, deadline: lifetime.map { now + $0 }, at: now)
    do {
      let result = try store.set(key, to: value, timeToLive: lifetime.map { .nanoseconds($0) })
      try agree("set", "\(result)", "\(outcome)")
      changed.insert(key)
    } catch let error as WarpError {
      try agree("set", "\(error.code)", "\(outcome)")
    }
  }

  func compareAll() throws {
    let now = world.time
    var walked: [StoreEntry] = []
    try store.forEachEntry { walked.append($0) }
    let live = model.order.filter { model.isLive($0, at: now) }
    try agree("iteration", walked.map(\.key), live)
    for entry in walked {
      let expected = model.entries[entry.key]
      try agree("value in iteration", entry.value, expected?.value)
      try agree("remaining", entry.remaining, expected?.deadline.map { .nanoseconds($0 - now) })
      if changed.contains(entry.key), entry.revision <= revision {
        throw Disagreement(description: "a new revision, \(entry.revision), is not over \(revision)")
      }
    }
    try agree("distinct revisions", Set(walked.map(\.revision)).count, walked.count)
    revision = max(revision, walked.map(\.revision).max() ?? 0)
    changed = []
    let has = try store.statistics()
    let wants = model.counts
    try agree(
      "counters",
      [
        has.hits, has.misses, has.insertions, has.updates, has.evictions, has.expirations, has.removals,
        has.oversizeSkips, has.busyMisses, has.corrupt,
      ],
      [
        wants.hits, wants.misses, wants.insertions, wants.updates, wants.evictions, wants.expirations,
        wants.removals, wants.skips, 0, 0,
      ])
    try agree("balance", has.count, has.insertions - has.evictions - has.expirations - has.removals)
    try agree("bytes", has.storedBytes, model.entries.reduce(0) { $0 + $1.key.count + $1.value.value.count })
  }

  private func agree<Answer: Equatable>(_ what: String, _ has: Answer, _ wants: Answer) throws {
    if has != wants { throw Disagreement(description: "\(what): the store says \(has), the model \(wants)") }
  }
}
