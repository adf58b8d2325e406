// SPDX-License-Identifier: Apache-2.0
// Readers without a lock beside writers: no torn value, no lost count, nothing found under a wrong key. Under the thread
// sanitizer: no race.

import Synchronization
import Testing
import WarpKV
import WarpTestSupport

/// Seven words that say of whom they are. Torn ones don't agree.
private struct Wide: Equatable {
  var parts: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  init(_ key: UInt64, _ round: UInt64) {
    let word = key << 32 | round
    parts = (word, word &+ 1, word &+ 2, word &+ 3, word &+ 4, word &+ 5, word &+ 6)
  }

  func isOf(_ key: UInt64) -> Bool { parts.0 >> 32 == key && self == Wide(key, parts.0 & 0xFFFF_FFFF) }

  static func == (left: Wide, right: Wide) -> Bool {
    left.parts.0 == right.parts.0 && left.parts.1 == right.parts.1 && left.parts.2 == right.parts.2
      && left.parts.3 == right.parts.3 && left.parts.4 == right.parts.4 && left.parts.5 == right.parts.5
      && left.parts.6 == right.parts.6
  }
}

/// Equal by a rule that a torn key would break: only one of its cases is ever used with each payload.
private enum Sort: Hashable {
  case even(UInt64, Bool)
  case odd(Bool, UInt64)

  init(_ number: UInt64) { self = number & 1 == 0 ? .even(number, true) : .odd(false, number) }
}

@Suite struct MemoryRaceTests {
  private static var time: UInt64 { TestPlan.isDeep ? 10_000_000_000 : 400_000_000 }

  /// Two write, two read; the cache grows, evicts, empties itself, and gets deadlines meanwhile.
  @Test(arguments: [40, 3000]) func whatIsReadIsWhole(_ capacity: Int) throws {
    let world = TestWorld()
    let cache = try MemoryBackend<UInt64, Wide>(capacity: capacity, clock: { UInt64(world.time) })
    try race(cache, world, keys: UInt64(capacity * 2), key: { $0 }, value: Wide.init, isRight: { $0.isOf($1) })
  }

  @Test func keysOfSeveralCases() throws {
    let world = TestWorld()
    let cache = try MemoryBackend<Sort, UInt64>(capacity: 60, shards: 2, clock: { UInt64(world.time) })
    try race(cache, world, keys: 150, key: Sort.init, value: { key, _ in key }, isRight: { $0 == $1 })
  }

  /// Entries that lie in small, full tables, and that readers move.
  @Test func entriesThatMove() throws {
    let world = TestWorld()
    let cache = try MemoryBackend<UInt64, UInt64>(capacity: 1100, shards: 32, clock: { UInt64(world.time) })
    try race(cache, world, keys: 2200, key: { $0 }, value: { $0 << 32 | $1 }, isRight: { $0 >> 32 == $1 })
  }

  private func race<Key: Hashable & Sendable, Value: Sendable>(
    _ cache: MemoryBackend<Key, Value>, _ world: TestWorld, keys: UInt64, key: @escaping @Sendable (UInt64) -> Key,
    value: @escaping @Sendable (UInt64, UInt64) -> Value, isRight: @escaping @Sendable (Value, UInt64) -> Bool
  ) throws {
    let wrong = Atomic<Int>(0)
    let gets = Atomic<Int>(0)
    let found = Atomic<Int>(0)
    let end = MemoryTime.now() + Self.time
    _ = TestThreads.run(4) { thread in
      var random = SeededGenerator(seed: UInt64(thread))
      var (asked, hits) = (0, 0)
      var round: UInt64 = 0
      while round < 20 || MemoryTime.now() < end {
        round += 1
        for _ in 0..<1000 {
          let number = random.next() % keys
          if thread < 2 {
            asked += 1
            guard let value = cache.get(key(number)) else { continue }
            hits += 1
            if !isRight(value, number) { wrong.add(1, ordering: .relaxed) }
          } else if random.below(10) == 0 {
            cache.remove(key(number))
          } else {
            let lifetime = Lifetime(whole: round > 20 && random.below(3) == 0 ? 1000 : 0)
            cache.set(key(number), to: value(number, round & 0xFFFF_FFFF), lifetime: lifetime)
            world.advance(nanoseconds: 1)
          }
        }
      }
      gets.add(asked, ordering: .relaxed)
      found.add(hits, ordering: .relaxed)
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(found.load(ordering: .relaxed) > 0)
    let statistics = cache.statistics
    #expect(statistics.hits == found.load(ordering: .relaxed), "no count is lost")
    #expect(statistics.hits + statistics.misses == gets.load(ordering: .relaxed))
    #expect(
      statistics.count == statistics.insertions - statistics.evictions - statistics.expirations
        - statistics.removals)
    cache.removeAll()
    #expect(cache.statistics.hits == 0 && cache.count == 0)
  }

  /// Whoever was told of a set finds it, from its own thread: reading without a lock is not reading late.
  @Test func aSetIsSeenByTheNextGet() throws {
    let cache = try MemoryBackend<Int, Int>(capacity: 1 << 20)
    let wrong = Atomic<Int>(0)
    _ = TestThreads.run(4) { thread in
      for round in 0..<5000 {
        let key = round * 4 + thread
        cache.set(key, to: round)
        if cache.get(key) != round { wrong.add(1, ordering: .relaxed) }
        if round % 3 == 0 {
          cache.remove(key)
          if cache.get(key) != nil { wrong.add(1, ordering: .relaxed) }
        }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  /// More threads than lines to count in, one after the other and at once; and a reset takes back what was counted, no more.
  @Test func noCountIsLostOfManyThreads() throws {
    let cache = try MemoryBackend<Int, Int>(capacity: 100)
    cache.set(1, to: 1)
    for round in 1...3 {
      let errors = TestThreads.run(40) { thread in
        for number in 0..<1000 { _ = cache.get(number & 1 == 0 ? 1 : 2 + thread) }
      }
      #expect(errors.isEmpty)
      #expect(cache.statistics.hits == round * 20_000 && cache.statistics.misses == round * 20_000)
    }
    cache.removeAll()
    #expect(cache.statistics.hits == 0 && cache.statistics.misses == 0)
    for _ in 0..<10 { #expect(cache.get(1) == nil) }
    #expect(cache.statistics.hits == 0 && cache.statistics.misses == 10)
  }

  /// Memory that readers may still look at is kept, and is about a third of what is in use.
  @Test func whatIsKeptForReadersIsLessThanWhatIsUsed() throws {
    let cache = try MemoryBackend<Int, Int>(capacity: 1 << 20, shards: 1)
    let plain = try MemoryBackend<Int, String>(capacity: 1 << 20, shards: 1)
    for key in 0..<(1 << 16) {
      cache.set(key, to: key)
      plain.set(key, to: "")
    }
    let inUse = (1 << 16) * (21 * 3 / 2 + 12)
    let bytes = cache.statistics.allocatedBytes
    // Each of the six times that it grew, a few bytes more: the slot 0, and the view.
    #expect(bytes > inUse && bytes < inUse + inUse / 3 + 6 * 100)
    // An entry of an integer and a String takes 40 bytes; nothing is kept there.
    #expect(plain.statistics.allocatedBytes < (1 << 16) * (40 + 16) + 1000)
  }
}
