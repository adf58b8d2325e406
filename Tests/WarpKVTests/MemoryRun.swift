// SPDX-License-Identifier: Apache-2.0
// Random operations on a memory backend and on a model for each of its shards, compared one by one.
//
// The model of SIEVE knows neither ends of freshness nor revisions, so they are kept beside it: what is known of a key since
// it was last written. A revision is not foretold. It must stay while nobody writes the key, and be greater than all that
// its shard had given before the key was written.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

/// One shape of cache to compare.
struct MemoryShape: CustomTestStringConvertible, Sendable {
  var capacity: Int
  var shards = 1
  var weightLimit: Int?
  /// Of all sets, in thousandths: with a lifetime.
  var dated = 333
  var operations: Int

  var testDescription: String {
    "capacity \(capacity), \(shards) shards, weight \(weightLimit ?? 0), dated \(dated)"
  }
}

final class MemoryRun<Key: Hashable & Sendable> {
  private struct Facts {
    /// nil: never stale.
    var freshUntil: Int64?
    /// nil: not asked for since the last write.
    var revision: UInt64?
    /// What the shard had given when the key was written.
    var floor: UInt64 = 0
  }

  private let shape: MemoryShape
  private let world = TestWorld()
  private let cache: MemoryBackend<Key, Int>
  private let models: [SieveModel<Key, Int>]
  private let keys: [Key]
  private var random: SeededGenerator
  private var facts: [Key: Facts] = [:]
  /// By shard: the greatest revision seen.
  private var seen: [UInt64]
  private var staleHits = 0
  let checkEvery: Int

  init(_ shape: MemoryShape, seed: UInt64, _ key: (UInt64) -> Key) throws {
    self.shape = shape
    let world = self.world
    let weigher: MemoryBackend<Key, Int>.Weigher = { _, value in value % 16 }
    cache = try MemoryBackend<Key, Int>(
      capacity: shape.capacity, shards: shape.shards, weightLimit: shape.weightLimit,
      weigher: shape.weightLimit == nil ? nil : weigher, clock: { UInt64(world.time) })
    models = (0..<shape.shards).map { index in
      func share(_ whole: Int) -> Int { whole / shape.shards + (index < whole % shape.shards ? 1 : 0) }
      return SieveModel(
        capacity: share(shape.capacity), weightLimit: shape.weightLimit.map(share) ?? .max,
        sweepSlots: Format.sweepSlots, inPlace: true)
    }
    var random = SeededGenerator(seed: seed)
    keys = (0..<(shape.capacity * 5 / 2 + 1)).map { _ in key(random.next()) }
    checkEvery = max(1, shape.capacity / 4)
    seen = Array(repeating: 0, count: shape.shards)
    self.random = random
  }

  func step() throws {
    world.advance(nanoseconds: Int64(random.below(2_000_000)))
    let now = world.time
    let key = keys[random.below(keys.count)]
    let model = models[cache.shardIndex(of: key)]
    let live = model.isLive(key, at: now) ? model.entries[key] : nil
    switch random.below(1000) {
    case ..<350: try agree("get", cache.get(key), model.get(key, at: now))
    case ..<380:
      let some = (0..<4).map { _ in keys[random.below(keys.count)] }
      try agree(
        "getMany", cache.getMany(some),
        some.map { key in models[cache.shardIndex(of: key)].get(key, at: now) })
    case ..<420: try agree("contains", cache.contains(key), live != nil)
    case ..<460: try compare("peek", cache.peek(key), key, live, at: now)
    case ..<500:
      _ = model.get(key, at: now)
      let entry = cache.entry(key, counting: true)
      if entry?.isStale == true { staleHits += 1 }
      try compare("entry", entry, key, live, at: now)
    case ..<870: try set(key, live, at: now)
    case ..<900: try touch(key, live, at: now)
    case ..<930:
      _ = model.get(key, at: now)
      _ = model.remove(key, at: now)
      try agree("take", cache.take(key), live?.value)
    case ..<965:
      _ = model.remove(key, at: now)
      try agree("remove", cache.remove(key), live?.value)
    case ..<998:
      let revision = revision(for: key)
      let isRight = live != nil && facts[key]?.revision == revision
      if isRight { _ = model.remove(key, at: now) }
      try agree("remove if", cache.remove(key, ifRevision: revision), isRight ? live?.value : nil)
    default:
      cache.removeAll()
      for model in models { model.removeAll() }
      staleHits = 0
    }
    try agree("count", cache.count, models.reduce(0) { $0 + $1.entries.count })
  }

  /// The key's own, one of another key, or none there ever was. Afterwards the key's own is known.
  private func revision(for key: Key) -> UInt64 {
    if let entry = cache.peek(key) { facts[key]?.revision = entry.revision }
    switch random.below(4) {
    case 0: return UInt64(random.below(3))
    case 1: return facts[keys[random.below(keys.count)]]?.revision ?? 0
    default: return facts[key]?.revision ?? 7
    }
  }

  private func compare(
    _ what: String, _ has: CachedEntry<Key, Int>?, _ key: Key, _ wants: SieveModel<Key, Int>.Entry?, at now: Int64
  ) throws {
    try agree(what, has?.value, wants?.value)
    guard let has, let known = facts[key] else { return }
    try agree("key", has.key, key)
    try agree("remaining", has.remaining, wants?.deadline.map { .nanoseconds($0 - now) })
    try agree("stale", has.isStale, known.freshUntil.map { now >= $0 } ?? false)
    if let revision = known.revision {
      try agree("revision", has.revision, revision)
    } else if has.revision <= known.floor {
      throw Disagreement(description: "revision \(has.revision) after \(known.floor) of the same shard")
    }
    facts[key]?.revision = has.revision
    let shard = cache.shardIndex(of: key)
    seen[shard] = max(seen[shard], has.revision)
  }

  private func wrote(_ key: Key, freshUntil: Int64?) {
    facts[key] = Facts(freshUntil: freshUntil, floor: seen[cache.shardIndex(of: key)])
  }

  private func draw(_ thousandths: Int, below bound: Int) -> Int64? {
    random.below(1000) < thousandths ? Int64(1 + random.below(bound)) : nil
  }

  private func set(_ key: Key, _ live: SieveModel<Key, Int>.Entry?, at now: Int64) throws {
    let model = models[cache.shardIndex(of: key)]
    let value = random.below(1_000_000)
    let weight = shape.weightLimit == nil ? 0 : value % 16
    let whole = draw(shape.dated, below: 40_000_000)
    let fresh = draw(shape.dated / 3, below: 20_000_000)
    var condition = SetCondition.always
    switch random.below(4) {
    case 0: condition = .absent
    case 1: condition = .revision(revision(for: key))
    default: break
    }
    let lifetime = Lifetime(whole: UInt64(whole ?? 0), fresh: UInt64(fresh ?? 0))
    let result = cache.set(key, to: value, lifetime: lifetime, if: condition)
    let holds: Bool
    switch condition {
    case .always: holds = true
    case .absent: holds = live == nil
    case .revision(let revision): holds = live != nil && facts[key]?.revision == revision
    }
    guard holds else {
      try agree("set if", result, .refused)
      return
    }
    if weight > model.weightLimit {
      model.skip(key, at: now)
      try agree("set", result, .skipped)
    } else {
      let outcome = model.set(key, value, weight: weight, deadline: whole.map { now + $0 }, at: now)
      try agree("set", "\(result)", "\(outcome)")
      wrote(key, freshUntil: fresh.map { now + min($0, whole ?? .max) })
    }
  }

  private func touch(_ key: Key, _ live: SieveModel<Key, Int>.Entry?, at now: Int64) throws {
    let whole = draw(shape.dated, below: 40_000_000)
    let touched = cache.touch(key, lifetime: Lifetime(whole: UInt64(whole ?? 0)))
    try agree("touch", touched, live != nil)
    guard let live else { return }
    let weight = shape.weightLimit == nil ? 0 : live.value % 16
    _ = models[cache.shardIndex(of: key)].set(
      key, live.value, weight: weight, deadline: whole.map { now + $0 }, at: now)
    let freshUntil = facts[key]?.freshUntil
    wrote(key, freshUntil: freshUntil.map { min($0, whole.map { now + $0 } ?? .max) })
  }

  func compareAll() throws {
    let now = world.time
    let entries = cache.entries()
    let live = models.flatMap { model in model.order.filter { model.isLive($0, at: now) } }
    try agree("order", entries.map(\.key), live)
    try agree("keys", cache.keys(), live)
    for entry in entries {
      let model = models[cache.shardIndex(of: entry.key)]
      try compare("listed", entry, entry.key, model.entries[entry.key], at: now)
    }
    try agree("revisions", Set(entries.map { "\(cache.shardIndex(of: $0.key)) \($0.revision)" }).count, live.count)
    let has = cache.statistics
    func sum(_ part: KeyPath<SieveModel<Key, Int>, Int>) -> Int { models.reduce(0) { $0 + $1[keyPath: part] } }
    try agree(
      "counters",
      [
        has.hits, has.misses, has.insertions, has.updates, has.evictions, has.expirations, has.removals,
        has.oversizeSkips, has.weight, has.count, has.staleHits,
      ],
      [
        sum(\.counts.hits), sum(\.counts.misses), sum(\.counts.insertions), sum(\.counts.updates),
        sum(\.counts.evictions), sum(\.counts.expirations), sum(\.counts.removals), sum(\.counts.skips),
        sum(\.weight), sum(\.entries.count), staleHits,
      ])
    try agree("balance", has.count, has.insertions - has.evictions - has.expirations - has.removals)
  }

  private func agree<Answer: Equatable>(_ what: String, _ has: Answer, _ wants: Answer) throws {
    if has != wants { throw Disagreement(description: "\(what): the cache says \(has), the model \(wants)") }
  }
}
