// SPDX-License-Identifier: Apache-2.0
// The memory backend against a model: random operations with a seed, agreement after every single one. A disagreement
// ends the run with the seed and the number of the operation; WARP_SEED repeats it.

import Testing
import WarpKV
import WarpTestSupport

/// One shape of cache to compare.
private struct Shape: CustomTestStringConvertible, Sendable {
  var capacity: Int
  var shards = 1
  var weightLimit: Int?
  var operations: Int

  var testDescription: String { "capacity \(capacity), \(shards) shards, weight \(weightLimit ?? 0)" }
}

private let shapes: [Shape] = [
  Shape(capacity: 1, operations: 4000), Shape(capacity: 2, operations: 4000),
  Shape(capacity: 3, operations: 4000), Shape(capacity: 7, operations: 8000),
  Shape(capacity: 64, operations: 10_000), Shape(capacity: 1000, operations: 20_000),
  Shape(capacity: 67, shards: 4, operations: 10_000), Shape(capacity: 7, weightLimit: 20, operations: 8000),
  Shape(capacity: 200, weightLimit: 300, operations: 10_000),
  Shape(capacity: 50, shards: 2, weightLimit: 121, operations: 8000),
]

@Suite struct MemoryModelTests {
  @Test(arguments: shapes) fileprivate func numbersAsKeys(_ shape: Shape) throws {
    try compare(shape, seed: TestPlan.seed(UInt64(shape.capacity))) { Int(truncatingIfNeeded: $0) }
  }

  @Test(arguments: shapes) fileprivate func stringsAsKeys(_ shape: Shape) throws {
    try compare(shape, seed: TestPlan.seed(UInt64(shape.capacity) + 1000)) { "key \($0)" }
  }

  /// Deep: a million operations over all shapes.
  private func compare<Key: Hashable & Sendable>(
    _ shape: Shape, seed: UInt64, _ key: (UInt64) -> Key
  ) throws {
    let run = try MemoryRun(shape, seed: seed, key)
    for number in 0..<(TestPlan.isDeep ? 1_000_000 / shapes.count : shape.operations) {
      do {
        try run.step()
        if number % run.checkEvery == 0 { try run.compareAll() }
      } catch {
        Issue.record("seed \(seed), operation \(number): \(error)")
        return
      }
    }
    #expect(throws: Never.self) { try run.compareAll() }
  }

  /// SPEC.md's vector for exact SIEVE, call by call.
  @Test func theVectorOfTheSpecification() throws {
    let ids = [1, 2, 3, 1, 2, 4, 1, 5, 2, 3, 6, 1, 4, 4, 5, 7, 1, 2, 3, 1, 8, 2, 9, 1, 3]
    let cache = try MemoryBackend<Int, Int>(capacity: 3)
    let model = SieveModel<Int, Int>(capacity: 3)
    var outcome = ""
    for id in ids {
      let isHit = cache.get(id) != nil
      outcome += isHit ? "H" : "M"
      if !isHit { cache.set(id, to: id) }
      if model.get(id, at: 0) == nil { _ = model.set(id, id, deadline: nil, at: 0) }
      #expect(cache.keys() == model.order)
    }
    #expect(outcome == "MMMHHMHMMMMHMHMMHMMHMMMHM")
    #expect(cache.statistics.evictions == model.counts.evictions)
  }
}

/// A cache, a model for each of its shards, and random operations on both.
private final class MemoryRun<Key: Hashable & Sendable> {
  private let shape: Shape
  private let world = TestWorld()
  private let cache: MemoryBackend<Key, Int>
  private let models: [SieveModel<Key, Int>]
  private let keys: [Key]
  private var random: SeededGenerator
  let checkEvery: Int

  init(_ shape: Shape, seed: UInt64, _ key: (UInt64) -> Key) throws {
    self.shape = shape
    let world = self.world
    let weigher: MemoryBackend<Key, Int>.Weigher = { _, value in value % 16 }
    cache = try MemoryBackend<Key, Int>(
      capacity: shape.capacity, shards: shape.shards, weightLimit: shape.weightLimit,
      weigher: shape.weightLimit == nil ? nil : weigher, clock: { UInt64(world.time) })
    models = (0..<shape.shards).map { index in
      func share(_ whole: Int) -> Int { whole / shape.shards + (index < whole % shape.shards ? 1 : 0) }
      return SieveModel(capacity: share(shape.capacity), weightLimit: shape.weightLimit.map(share) ?? .max)
    }
    var random = SeededGenerator(seed: seed)
    keys = (0..<(shape.capacity * 5 / 2 + 1)).map { _ in key(random.next()) }
    checkEvery = max(1, shape.capacity / 4)
    self.random = random
  }

  func step() throws {
    world.advance(nanoseconds: Int64(random.below(2_000_000)))
    let now = world.time
    let key = keys[random.below(keys.count)]
    let model = models[cache.shardIndex(of: key)]
    switch random.below(1000) {
    case ..<450: try agree("get", cache.get(key), model.get(key, at: now))
    case ..<500: try agree("contains", cache.contains(key), model.isLive(key, at: now))
    case ..<550:
      let entry = model.isLive(key, at: now) ? model.entries[key] : nil
      let peeked = cache.peek(key)
      try agree("peek", peeked?.value, entry?.value)
      try agree("remaining", peeked?.remaining, entry?.deadline.map { .nanoseconds($0 - now) })
    case ..<900: try set(key, model, at: now)
    case ..<998:
      let value = model.entries[key]?.value
      let removed = cache.remove(key)
      try agree("remove", removed, model.remove(key, at: now) ? value : nil)
    default:
      cache.removeAll()
      for model in models { model.removeAll() }
    }
    try agree("count", cache.count, models.reduce(0) { $0 + $1.entries.count })
  }

  private func set(_ key: Key, _ model: SieveModel<Key, Int>, at now: Int64) throws {
    let value = random.below(1_000_000)
    let weight = shape.weightLimit == nil ? 0 : value % 16
    let lifetime: Int64? = random.below(3) == 0 ? Int64(1 + random.below(40_000_000)) : nil
    let result = try cache.set(key, to: value, timeToLive: lifetime.map { .nanoseconds($0) })
    if weight > model.weightLimit {
      model.skip(key, at: now)
      try agree("set", "\(result)", "skipped")
    } else {
      let outcome = model.set(
        key, value, weight: weight, deadline: lifetime.map { now + $0 }, at: now)
      try agree("set", "\(result)", "\(outcome)")
    }
  }

  func compareAll() throws {
    let now = world.time
    let entries = cache.entries()
    let live = models.flatMap { model in model.order.filter { model.isLive($0, at: now) } }
    try agree("order", entries.map(\.key), live)
    for entry in entries {
      try agree(
        "value", entry.value, models[cache.shardIndex(of: entry.key)].entries[entry.key]?.value)
    }
    let has = cache.statistics
    func sum(_ part: KeyPath<SieveModel<Key, Int>, Int>) -> Int { models.reduce(0) { $0 + $1[keyPath: part] } }
    try agree(
      "counters",
      [
        has.hits, has.misses, has.insertions, has.updates, has.evictions, has.expirations, has.removals,
        has.oversizeSkips, has.weight, has.count,
      ],
      [
        sum(\.counts.hits), sum(\.counts.misses), sum(\.counts.insertions), sum(\.counts.updates),
        sum(\.counts.evictions), sum(\.counts.expirations), sum(\.counts.removals), sum(\.counts.skips),
        sum(\.weight), sum(\.entries.count),
      ])
    try agree("balance", has.count, has.insertions - has.evictions - has.expirations - has.removals)
  }

  private func agree<Answer: Equatable>(_ what: String, _ has: Answer, _ wants: Answer) throws {
    if has != wants { throw Disagreement(description: "\(what): the cache says \(has), the model \(wants)") }
  }
}
