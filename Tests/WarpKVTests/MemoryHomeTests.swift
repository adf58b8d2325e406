// SPDX-License-Identifier: Apache-2.0
// Entries that are often asked for come to their home buckets; nobody is lost on the way, and readers stop writing.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct MemoryHomeTests {
  private static let seed = MemorySeed(1, 2)

  /// Of 4,000 entries a hundred get nine gets in ten.
  @Test func whatIsAskedForComesHome() throws {
    try check(MemoryBackend<Int, Int>(capacity: 4000, seed: Self.seed)) { $0 }
    // Larger than what a bucket holds.
    try check(MemoryBackend<Int, InlineArray<8, Int>>(capacity: 4000, seed: Self.seed)) { .init(repeating: $0) }
  }

  private func check<Value: Sendable>(_ cache: MemoryBackend<Int, Value>, _ value: (Int) -> Value) {
    for key in 0..<4000 { cache.set(key, to: value(key)) }
    // Those that came last found most homes taken.
    let hot = Array(3900..<4000)
    func away(_ keys: some Sequence<Int>) -> Int { keys.count { cache.probeLength(of: $0) != 0 } }
    let (before, all) = (away(hot), away(0..<4000))
    #expect(before >= 10, "the seed makes a table in which hot keys are behind their homes")
    var random = SeededGenerator(seed: 7)
    for _ in 0..<200_000 {
      _ = cache.get(random.below(10) == 0 ? random.below(4000) : hot[random.below(hot.count)])
    }
    // Two hot ones may have one home.
    #expect(away(hot) <= before / 3, "\(before) before")
    #expect(
      away(0..<4000) <= all + all / 10, "one that leaves its home makes room for one that comes: \(all) before")
    #expect(cache.longestProbe < 200)
    for key in 0..<4000 { #expect(cache.get(key) != nil) }
  }

  /// Sets pay for the moves of readers: where nothing is stored any more, readers end up moving nothing.
  @Test func readersStopWriting() throws {
    let cache = try MemoryBackend<Int, Int>(capacity: 3000, seed: Self.seed)
    for key in 0..<3000 { cache.set(key, to: key) }
    let stored = cache.writes
    var random = SeededGenerator(seed: 8)
    for _ in 0..<100_000 { #expect(cache.get(random.below(3000)) != nil) }
    let moved = cache.writes - stored
    #expect(moved > 300)
    #expect(moved <= 3000 / 4)
    for _ in 0..<200_000 { #expect(cache.get(random.below(3000)) != nil) }
    #expect(cache.writes - stored <= 3000 / 4)
    let settled = cache.writes
    for _ in 0..<20_000 { _ = cache.get(random.below(3000)) }
    #expect(cache.writes == settled)
    // Updates pay, too.
    for key in 0..<400 { cache.set(key, to: key) }
    for _ in 0..<20_000 { _ = cache.get(random.below(3000)) }
    #expect((settled + 401...settled + 500).contains(cache.writes))
  }

  /// Who cannot have the lock at once reads on.
  @Test func aReaderWaitsForNobody() throws {
    let inside = Mutex<(@Sendable () -> Void)?>(nil)
    let cache = try MemoryBackend<Int, Int>(
      capacity: 3000,
      clock: {
        inside.withLock { $0 }?()
        return 1
      }, seed: Self.seed)
    for key in 0..<3000 { cache.set(key, to: key) }
    let away = try #require((1..<3000).first { (cache.probeLength(of: $0) ?? 0) > 0 })
    cache.set(0, to: 0, lifetime: Lifetime(whole: 1000))
    let hits = Atomic<Int>(0)
    // Looking at an entry with a deadline reads the clock under the lock. Whoever waits for that now waits for ever.
    inside.withLock { inside in
      inside = { for _ in 0..<1000 where cache.get(away) == away { hits.add(1, ordering: .relaxed) } }
    }
    #expect(cache.peek(0)?.value == 0)
    inside.withLock { $0 = nil }
    #expect(hits.load(ordering: .relaxed) >= 1000)
    #expect(cache.probeLength(of: away) != 0)
    for _ in 0..<1000 { _ = cache.get(away) }
    #expect(cache.probeLength(of: away) == 0)
  }

  /// Every entry is found, in small tables whose readers move entries. Those of cells are as full as can be, and entries move
  /// over their ends.
  @Test func nobodyIsLost() throws {
    let seed = TestPlan.seed(31)
    var random = SeededGenerator(seed: seed)
    for round in 0..<(TestPlan.isDeep ? 40 : 4) {
      let memory = MemorySeed(random.next(), random.next())
      try keepsAll(
        MemoryBackend<Int, Int>(capacity: 1100, shards: 32, seed: memory), &random, "seed \(seed), round \(round)"
      ) { $0 }
      // Larger than what a bucket holds.
      try keepsAll(
        MemoryBackend<Int, InlineArray<8, Int>>(capacity: 1100, shards: 32, seed: memory), &random,
        "seed \(seed), round \(round), large"
      ) { .init(repeating: $0) }
    }
  }

  private func keepsAll<Value: Sendable>(
    _ cache: MemoryBackend<Int, Value>, _ random: inout SeededGenerator, _ run: String, _ value: (Int) -> Value
  ) throws {
    let isCell = MemoryLayout<Value>.size == 8
    // As many keys as each shard has room for, so that nobody is evicted.
    var counts = [Int](repeating: 0, count: 32)
    let keys = (0..<20_000).filter { key in
      counts[cache.shardIndex(of: key)] += 1
      return counts[cache.shardIndex(of: key)] <= 34
    }
    try #require(keys.count == 32 * 34)
    for key in keys { cache.set(key, to: value(key)) }
    var writes = cache.writes
    var present = Set(keys)
    for step in 0..<60_000 {
      let key = keys[random.below(keys.count)]
      switch random.below(20) {
      case 0:
        #expect((cache.remove(key) != nil) == (present.remove(key) != nil))
        writes += 1
      case 1, 2:
        writes += 1
        cache.set(key, to: value(key))
        present.insert(key)
      default: #expect((cache.get(key) != nil) == present.contains(key))
      }
      guard step % 1000 == 0 else { continue }
      let found = Set(keys.filter { cache.contains($0) })
      guard found == present, Set(cache.keys()) == present else {
        Issue.record("\(run), step \(step): \(found.symmetricDifference(present)) differ")
        return
      }
    }
    #expect(cache.writes - writes > (isCell ? 100 : 10), "the rest were moves")
  }

  /// A key that is equal to others of another hash, against the rules: it is lost or found, but nothing breaks.
  @Test func keysAgainstTheRules() throws {
    // All of one shard, so that different hashes of equal keys meet.
    let cache = try MemoryBackend<Forgiving, Int>(capacity: 1100, shards: 32, seed: Self.seed)
    let keys = (0..<50).map { number in
      (0..<2000).map { Forgiving(number: number, noise: $0) }.filter { cache.shardIndex(of: $0) == 0 }
    }
    var random = SeededGenerator(seed: 9)
    for step in 0..<200_000 {
      let equal = keys[random.below(keys.count)]
      let key = equal[random.below(equal.count)]
      if step % 4 == 0 { cache.set(key, to: step) } else { _ = cache.get(key) }
    }
    #expect(cache.count <= 35)
    #expect(cache.statistics.evictions > 1000)
  }
}

/// Its hash is of all its parts, its equality is not.
private struct Forgiving: Hashable {
  var number: Int
  var noise: Int
  static func == (left: Self, right: Self) -> Bool { left.number == right.number }
}
