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
  var compression = StoreConfiguration.Compression.none
  var operations: Int

  var testDescription: String {
    "capacity \(capacity), values to \(maxValueSize), eviction \(eviction), compression \(compression)"
  }
}

private let cases: [ModelCase] =
  [
    ModelCase(capacity: 1, operations: 4000), ModelCase(capacity: 2, operations: 4000),
    ModelCase(capacity: 3, operations: 4000), ModelCase(capacity: 7, verifyReads: true, operations: 6000),
    ModelCase(capacity: 64, operations: 8000), ModelCase(capacity: 1000, operations: 12000),
    ModelCase(capacity: 1, maxKeySize: 0, maxValueSize: 0, operations: 500),
    ModelCase(capacity: 5, maxKeySize: 1, maxValueSize: 1, operations: 3000),
    ModelCase(capacity: 7, maxKeySize: 3000, maxValueSize: 20_000, operations: 2000),
    ModelCase(capacity: 7, eviction: .none, operations: 5000),
    ModelCase(capacity: 64, eviction: .none, operations: 6000),
  ] + zstdCases

#if Zstd
  private let zstdCases = [
    ModelCase(capacity: 20, compression: .zstd(level: 1, threshold: 16), operations: 4000),
    ModelCase(capacity: 5, verifyReads: true, compression: .zstd(level: 1, threshold: 16), operations: 2000),
  ]
#else
  private let zstdCases: [ModelCase] = []
#endif

/// What the model holds under a key.
struct Held: Equatable {
  var bytes: [UInt8]
  /// Nanoseconds; nil: for as long as it lives.
  var freshUntil: Int64?
  var revision: UInt64 = 0
}

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
  private let model: SieveModel<[UInt8], Held>
  private var staleHits = 0
  private var full = 0
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
      eviction: shape.eviction, compression: shape.compression,
      maxRawSize: shape.compression == .none ? nil : shape.maxValueSize, verifyReads: shape.verifyReads)
    store = try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
    model = SieveModel(capacity: shape.capacity, evicts: shape.eviction == .sieve, sweepSlots: 4)
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
    case ..<330: try agree("get", try store.get(key), model.get(key, at: now)?.bytes)
    case ..<350:
      let wanted = (0..<random.below(40)).map { _ in keys[random.below(keys.count)] }
      let values =
        try random.below(2) == 0 ? store.getMany(wanted) : store.getBatches(wanted, room: shape.maxValueSize)
      try agree("get many", values, wanted.map { model.get($0, at: now)?.bytes })
    case ..<400: try entry(key, at: now)
    case ..<450: try agree("contains", try store.contains(key), model.isLive(key, at: now))
    case ..<700: try set(key, at: now)
    case ..<740: try add(key, at: now)
    case ..<780: try replace(key, at: now)
    case ..<820: try touch(key, at: now)
    case ..<870: try increment(key, at: now)
    case ..<900: try update(key, at: now)
    case ..<930:
      let value = model.get(key, at: now)
      if value != nil { _ = model.remove(key, at: now) }
      try agree("take", try store.take(key), value?.bytes)
    case ..<970: try agree("remove", try store.remove(key), model.remove(key, at: now))
    case ..<995:
      let result = try store.set(key, to: [UInt8](repeating: 7, count: shape.maxValueSize + 1))
      model.skip(key, at: now)
      try agree("oversized set", result, .skipped)
    case ..<997:
      try store.removeAll()
      model.removeAll()
      (staleHits, full) = (0, 0)
    default:
      let long = [UInt8](repeating: 1, count: shape.maxKeySize + 1)
      try agree("get of a long key", try store.get(long), nil)
      _ = model.get(long, at: now)
      try agree("remove of a long key", try store.remove(long), false)
    }
    try agree("count", try store.count, model.entries.count)
  }

  private func value() -> [UInt8] {
    let size = random.below(10) == 0 ? shape.maxValueSize : random.below(shape.maxValueSize + 1)
    let fill = UInt8(truncatingIfNeeded: random.next())
    return (0..<size).map { UInt8(truncatingIfNeeded: shape.compression == .none ? $0 : $0 / 16) &+ fill }
  }

  /// Nanoseconds, in one of three cases.
  private func lifetime() -> Int64? { random.below(3) == 0 ? Int64(1 + random.below(40_000_000)) : nil }

  /// Writes to both. The model's answer is nil if nothing is to be written, and the store then says `no`.
  private func write<Answer>(
    _ what: String, _ key: [UInt8], no: Answer, _ outcome: SieveModel<[UInt8], Held>.SetOutcome?,
    _ body: () throws -> Answer
  ) throws {
    do {
      let answer = try body()
      if let outcome {
        changed.insert(key)
        // Only a set tells whether the key was there.
        if answer is SetResult { try agree(what, "\(answer)", "\(outcome)") }
        if outcome == .full { throw Disagreement(description: "\(what): the store has room, the model not") }
      } else {
        try agree(what, "\(answer)", "\(no)")
      }
    } catch let error as WarpError {
      try agree(what, "\(error.code)", "\(outcome.map { "\($0)" } ?? "nothing to write")")
      if error.code == .full { full += 1 }
    }
  }

  private func set(_ key: [UInt8], at now: Int64) throws {
    let (value, lifetime, fresh) = (value(), lifetime(), lifetime())
    let deadline = lifetime.map { now + $0 }
    let freshUntil = fresh.map { min(now + $0, deadline ?? .max) }
    let outcome = model.set(key, Held(bytes: value, freshUntil: freshUntil), deadline: deadline, at: now)
    try write("set", key, no: .refused, outcome) {
      try store.set(
        key, to: value, timeToLive: lifetime.map { .nanoseconds($0) }, freshFor: fresh.map { .nanoseconds($0) })
    }
  }

  private func add(_ key: [UInt8], at now: Int64) throws {
    let (value, lifetime) = (value(), lifetime())
    let outcome =
      model.isLive(key, at: now)
      ? nil : model.set(key, Held(bytes: value), deadline: lifetime.map { now + $0 }, at: now)
    try write("add", key, no: false, outcome) {
      try store.add(key, value: value, timeToLive: lifetime.map { .nanoseconds($0) })
    }
  }

  /// With the revision that an entry has, or had, or another.
  private func replace(_ key: [UInt8], at now: Int64) throws {
    let (value, lifetime) = (value(), lifetime())
    let (found, fits) = (try entry(key, at: now), random.below(4) > 0)
    let outcome =
      found == nil || !fits
      ? nil : model.set(key, Held(bytes: value), deadline: lifetime.map { now + $0 }, at: now)
    try write("replace", key, no: false, outcome) {
      try store.replace(
        key, with: value, ifRevision: (found?.revision ?? 1) + (fits ? 0 : 1),
        timeToLive: lifetime.map { .nanoseconds($0) })
    }
  }

  private func touch(_ key: [UInt8], at now: Int64) throws {
    let deadline = lifetime().map { now + $0 }
    var outcome: SieveModel<[UInt8], Held>.SetOutcome?
    if model.isLive(key, at: now), var held = model.entries[key]?.value {
      held.freshUntil = held.freshUntil.map { min($0, deadline ?? .max) }
      outcome = model.set(key, held, deadline: deadline, at: now)
    }
    try write("touch", key, no: false, outcome) {
      try store.touch(key, timeToLive: deadline.map { .nanoseconds($0 - now) })
    }
  }

  private func increment(_ key: [UInt8], at now: Int64) throws {
    let (amount, lifetime) = (random.below(2000) - 1000, lifetime())
    let old = model.isLive(key, at: now) ? model.entries[key] : nil
    if shape.maxValueSize < 9 {
      #expect(throws: WarpError.self) { try store.increment(key, by: amount) }
      return
    }
    // Tag 10 and an i64, as SPEC.md chapter 22 says.
    guard old.map({ $0.value.bytes.count == 9 && $0.value.bytes[0] == 0x10 }) ?? true else {
      let error = #expect(throws: WarpError.self) { try store.increment(key, by: amount) }
      return try agree("increment of no integer", error?.code, .notAnInteger)
    }
    let before = old.map { $0.value.bytes.dropFirst().reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
    let sum = (before.map { Int(bitPattern: UInt($0)) } ?? 5) &+ amount
    let bytes = [0x10] + (0..<8).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
    let outcome = model.set(
      key, Held(bytes: bytes, freshUntil: old?.value.freshUntil),
      deadline: old == nil ? lifetime.map { now + $0 } : old?.deadline, at: now)
    try write("increment", key, no: 0, outcome) {
      let answer = try store.increment(
        key, by: amount, initially: 5, timeToLive: lifetime.map { .nanoseconds($0) })
      try agree("the sum", answer, sum)
      return answer
    }
  }

  /// Leaves another value, or none.
  private func update(_ key: [UInt8], at now: Int64) throws {
    let value = random.below(3) == 0 ? nil : value()
    let before = model.get(key, at: now)
    if before?.freshUntil.map({ now >= $0 }) == true { staleHits += 1 }
    var outcome: SieveModel<[UInt8], Held>.SetOutcome?
    if let value {
      outcome = model.set(key, Held(bytes: value), deadline: nil, at: now)
    } else if before != nil {
      _ = model.remove(key, at: now)
    }
    try write("update", key, no: 0, outcome) {
      try store.update(key) { held in
        try agree("update sees", held, before?.bytes)
        held = value
        return 0
      }
    }
  }

  @discardableResult
  private func entry(_ key: [UInt8], at now: Int64) throws -> StoreEntry? {
    let deadline = model.entries[key]?.deadline
    let held = model.get(key, at: now)
    let isStale = held?.freshUntil.map { now >= $0 } ?? false
    if isStale { staleHits += 1 }
    let entry = try store.entry(for: key)
    try agree("entry", entry?.value, held?.bytes)
    try agree("key of entry", entry?.key, held == nil ? nil : key)
    try agree("remaining", entry?.remaining, held == nil ? nil : deadline.map { .nanoseconds($0 - now) })
    try agree("stale", entry?.isStale ?? false, isStale)
    return entry
  }

  func compareAll() throws {
    let now = world.time
    var walked: [StoreEntry] = []
    try store.forEachEntry { walked.append($0) }
    let live = model.order.filter { model.isLive($0, at: now) }
    try agree("iteration", walked.map(\.key), live)
    for entry in walked {
      let expected = model.entries[entry.key]
      try agree("value in iteration", entry.value, expected?.value.bytes)
      try agree("stale in iteration", entry.isStale, expected?.value.freshUntil.map { now >= $0 } ?? false)
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
        has.oversizeSkips, has.staleHits, has.busyMisses, has.corrupt, has.busySets, has.noSpaceSets,
      ],
      [
        wants.hits, wants.misses, wants.insertions, wants.updates, wants.evictions, wants.expirations,
        wants.removals, wants.skips, staleHits, 0, 0, 0, 0,
      ])
    try agree("full sets", has.fullSets, full)
    try agree("balance", has.count, has.insertions - has.evictions - has.expirations - has.removals)
    let bytes = model.entries.reduce(0) { $0 + $1.key.count + $1.value.value.bytes.count }
    if shape.compression == .none {
      try agree("bytes", has.storedBytes, bytes)
    } else if has.storedBytes > bytes || has.savedBytes < 0 {
      throw Disagreement(description: "compression takes more than it saves: \(has.storedBytes) for \(bytes)")
    }
  }

  private func agree<Answer: Equatable>(_ what: String, _ has: Answer, _ wants: Answer) throws {
    if has != wants { throw Disagreement(description: "\(what): the store says \(has), the model \(wants)") }
  }
}
