// SPDX-License-Identifier: Apache-2.0
// What the memory backend knows of an entry, conditions on it, and writes that are not sets.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct MemoryFactsTests {
  private let world = TestWorld()

  private func cache<Key: Hashable & Sendable>(
    _ key: Key.Type, capacity: Int = 10, listener: MemoryBackend<Key, Int>.Listener? = nil
  ) throws -> MemoryBackend<Key, Int> {
    let world = world
    return try MemoryBackend(capacity: capacity, listener: listener, clock: { UInt64(world.time) })
  }

  @Test func aConditionAndItsSetAreOneStep() throws {
    let cache = try cache(Int.self)
    #expect(cache.set(1, to: 1, lifetime: Lifetime(), if: .absent) == .stored)
    #expect(cache.set(1, to: 2, lifetime: Lifetime(), if: .absent) == .refused)
    for revision in [UInt64.min, 1, .max] {
      #expect(
        cache.set(1, to: 2, lifetime: Lifetime(), if: .revision(revision)) == .refused, "nobody has read one")
      #expect(cache.remove(1, ifRevision: revision) == nil)
    }
    let revision = try #require(cache.peek(1)?.revision)
    #expect(revision > 0)
    #expect(cache.set(2, to: 2, lifetime: Lifetime(), if: .revision(revision)) == .refused)
    #expect(cache.set(1, to: 2, lifetime: Lifetime(), if: .revision(revision)) == .replaced)
    #expect(cache.set(1, to: 3, lifetime: Lifetime(), if: .revision(revision)) == .refused)
    #expect(cache.peek(1)?.value == 2)
    let statistics = cache.statistics
    #expect(statistics.insertions == 1 && statistics.updates == 1 && statistics.removals == 0)
    #expect(statistics.hits == 0 && statistics.misses == 0)
  }

  @Test func anExpiredEntryIsAbsentAndHasNoRevision() throws {
    let cache = try cache(Int.self)
    cache.set(1, to: 1, lifetime: Lifetime(whole: 10))
    let revision = try #require(cache.peek(1)?.revision)
    world.advance(nanoseconds: 10)
    #expect(cache.set(1, to: 2, lifetime: Lifetime(), if: .revision(revision)) == .refused)
    #expect(cache.remove(1, ifRevision: revision) == nil)
    #expect(!cache.touch(1, lifetime: Lifetime()))
    #expect(cache.count == 1, "refused: nothing has changed")
    #expect(cache.set(1, to: 2, lifetime: Lifetime(), if: .absent) == .stored)
    #expect(cache.statistics.expirations == 1)
  }

  @Test func aRevisionIsNeverGivenTwice() throws {
    let cache = try cache(String.self, capacity: 5)
    var given: Set<UInt64> = []
    for round in 0..<20 {
      if round % 7 == 6 { cache.removeAll() }
      for key in 0..<8 { cache.set("\(key)", to: round) }
      let revisions = cache.entries().map(\.revision)
      #expect(revisions.count == 5)
      #expect(given.isDisjoint(with: revisions))
      #expect((revisions.min() ?? 0) > (given.max() ?? 0))
      given.formUnion(revisions)
      #expect(cache.entries().map(\.revision) == revisions, "to ask changes nothing")
    }
  }

  @Test func nobodyPaysForRevisionsWhoAsksForNone() throws {
    let (one, two) = (try cache(Int.self, capacity: 1000), try cache(Int.self, capacity: 1000))
    for cache in [one, two] { for key in 0..<1000 { cache.set(key, to: key) } }
    #expect(one.contains(5) && one.get(5) == 5 && one.keys().count == 1000)
    one.set(5, to: 6, lifetime: Lifetime(), if: .absent)
    #expect(one.statistics.allocatedBytes == two.statistics.allocatedBytes)
    _ = one.peek(5)
    #expect(one.statistics.allocatedBytes == two.statistics.allocatedBytes + 8 * 1001)
  }

  @Test func freshnessEndsBeforeTheEntry() throws {
    let cache = try cache(Int.self)
    cache.set(1, to: 1, lifetime: Lifetime(whole: 100, fresh: 40))
    cache.set(2, to: 2, lifetime: Lifetime(fresh: 40))
    world.advance(nanoseconds: 39)
    #expect(cache.peek(1)?.isStale == false && cache.peek(2)?.isStale == false)
    world.advance(nanoseconds: 1)
    let entry = try #require(cache.entry(1, counting: true))
    #expect(entry.isStale && entry.remaining == .nanoseconds(60) && entry.value == 1)
    #expect(cache.peek(2)?.isStale == true && cache.peek(2)?.remaining == nil)
    #expect(cache.get(1) == 1, "stale is not expired")
    #expect(cache.statistics.hits == 2 && cache.statistics.staleHits == 1)
    #expect(cache.touch(1, lifetime: Lifetime(whole: 500)))
    #expect(cache.peek(1)?.isStale == true, "a touch brings no newer value")
    cache.set(1, to: 5)
    #expect(cache.peek(1)?.isStale == false && cache.peek(1)?.remaining == nil)
    world.advance(nanoseconds: 1_000_000)
    #expect(cache.peek(1)?.isStale == false)
  }

  @Test func aTouchIsAWriteOfTheSameValue() throws {
    let heard = Atomic<Int>(0)
    let cache = try cache(Int.self, capacity: 2) { _, _, _ in heard.add(1, ordering: .relaxed) }
    cache.set(1, to: 1, lifetime: Lifetime(whole: 10))
    cache.set(2, to: 2)
    let before = try #require(cache.peek(1))
    #expect(cache.touch(1, lifetime: Lifetime(whole: 30)))
    #expect(!cache.touch(3, lifetime: Lifetime(whole: 30)))
    let after = try #require(cache.peek(1))
    #expect(after.revision > before.revision && after.remaining == .nanoseconds(30) && after.value == 1)
    #expect(heard.load(ordering: .relaxed) == 0, "no value has left")
    #expect(cache.statistics.updates == 1)
    cache.set(3, to: 3)
    #expect(cache.keys() == [1, 3], "it was marked visited")
    #expect(cache.touch(1, lifetime: Lifetime()))
    world.advance(nanoseconds: 1000)
    #expect(cache.get(1) == 1)
  }

  @Test func whoTakesAValueHasItAlone() throws {
    let cache = try cache(Int.self, capacity: 1000)
    for key in 0..<1000 { cache.set(key, to: key) }
    let taken = Atomic<Int>(0)
    _ = TestThreads.run(4) { _ in
      for key in 0..<1000 where cache.take(key) == key { taken.add(1, ordering: .relaxed) }
    }
    #expect(taken.load(ordering: .relaxed) == 1000)
    let statistics = cache.statistics
    #expect(statistics.hits == 1000 && statistics.misses == 3000 && statistics.removals == 1000)
  }

  @Test func ofSeveralAddsOneSucceeds() throws {
    let cache = try cache(Int.self, capacity: 1000)
    let added = Atomic<Int>(0)
    _ = TestThreads.run(4) { thread in
      for key in 0..<1000 where cache.set(key, to: thread, lifetime: Lifetime(), if: .absent) == .stored {
        added.add(1, ordering: .relaxed)
      }
    }
    #expect(added.load(ordering: .relaxed) == 1000)
  }

  /// What an update by revision is for: no addition is lost.
  @Test func countingByRevision() throws {
    let cache = try cache(Int.self)
    let each = 5000
    _ = TestThreads.run(4) { _ in
      for _ in 0..<each {
        var isDone = false
        // Each failure is another thread's success.
        for _ in 0..<(4 * each) where !isDone {
          let entry = cache.peek(1)
          let condition = entry.map { SetCondition.revision($0.revision) } ?? .absent
          isDone = cache.set(1, to: (entry?.value ?? 0) + 1, lifetime: Lifetime(), if: condition) != .refused
        }
      }
    }
    #expect(cache.get(1) == 4 * each)
  }

  @Test func severalKeysAtOnce() throws {
    let cache = try cache(Int.self, capacity: 100)
    cache.setMany((0..<50).map { ($0, 2 * $0, Lifetime(whole: $0 == 7 ? 1 : 0)) })
    world.advance(nanoseconds: 1)
    #expect(cache.getMany([3, 99, 7, 3]) == [6, nil, nil, 6])
    #expect(cache.getMany([]) == [])
    #expect(cache.statistics.hits == 2 && cache.statistics.misses == 2)
  }

  @Test func theSweepTellsTheListener() throws {
    let heard = Mutex<[Int: DepartureCause]>([:])
    let cache = try cache(Int.self, capacity: 100) { key, _, cause in heard.withLock { $0[key] = cause } }
    for key in 0..<6 { cache.set(key, to: key, lifetime: Lifetime(whole: key == 3 ? 0 : 5)) }
    world.advance(nanoseconds: 5)
    cache.set(10, to: 10)
    cache.set(11, to: 11)
    #expect(heard.withLock { $0 } == [0: .expired, 1: .expired, 2: .expired, 4: .expired, 5: .expired])
    #expect(cache.keys() == [3, 10, 11])
    #expect(cache.statistics.expirations == 5)
  }
}
