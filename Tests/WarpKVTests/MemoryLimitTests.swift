// SPDX-License-Identifier: Apache-2.0
// Limits of the memory backend: entries, weights, times; what is refused at construction, and who is told what.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct MemoryLimitTests {
  @Test(arguments: [1, 2, 3, 15, 16, 17, 100, 4095]) func exactlyTheCapacityStays(_ capacity: Int) throws {
    let cache = try MemoryBackend<Int, Int>(capacity: capacity)
    #expect(cache.shardCount == 1)
    for key in 0..<(3 * capacity) {
      cache.set(key, to: key)
      #expect(cache.count == min(key + 1, capacity))
    }
    #expect(cache.keys() == Array((2 * capacity)..<(3 * capacity)), "nothing was asked for: first in, first out")
  }

  @Test func shardCountsAreTheSharedStores() throws {
    for (capacity, shards) in [(4095, 1), (4096, 16), (65_535, 16), (65_536, 64)] {
      let cache = try MemoryBackend<Int, Int>(capacity: capacity)
      #expect(cache.shardCount == shards)
      for key in 0..<(2 * capacity) { cache.set(key, to: key) }
      #expect(cache.count == capacity, "each shard is full, and the shares add up")
    }
    #expect(try MemoryBackend<Int, Int>(capacity: 10_000, weightLimit: 1, weigher: { _, _ in 0 }).shardCount == 1)
  }

  @Test func memoryGrowsWithTheEntries() throws {
    let cache = try MemoryBackend<Int, Int>(capacity: 1 << 31)
    #expect(cache.statistics.allocatedBytes < 100_000)
    for key in 0..<100_000 { cache.set(key, to: key) }
    #expect((0..<100_000).allSatisfy { cache.get($0) == $0 })
    #expect(cache.statistics.allocatedBytes < 20_000_000)
  }

  @Test func badArgumentsAreErrors() {
    typealias Cache = MemoryBackend<Int, Int>
    for capacity in [Int.min, -1, 0, (1 << 31) + 1, .max] {
      expectCode(.invalidCapacity) { _ = try Cache(capacity: capacity) }
    }
    for shards in [Int.min, -1, 0, 3, 16, 8192, .max] {
      expectCode(.invalidShardCount) { _ = try Cache(capacity: 10, shards: shards) }
    }
    for time in [Duration.zero, .seconds(-1), .seconds(1 << 40), .seconds(Int64.max)] {
      expectCode(.invalidTimeToLive) { _ = try Cache(capacity: 10, timeToLive: time) }
      expectCode(.invalidTimeToLive) { _ = try Cache(capacity: 10).set(1, to: 1, timeToLive: time) }
    }
    for limit in [Int.min, -1, 0, .max] {
      expectCode(.invalidArgument) { _ = try Cache(capacity: 10, weightLimit: limit, weigher: { _, _ in 1 }) }
    }
    expectCode(.invalidArgument) { _ = try Cache(capacity: 10, weightLimit: 10) }
    expectCode(.invalidArgument) { _ = try Cache(capacity: 10, weigher: { _, _ in 1 }) }
  }

  @Test func aDeadlineIsTheFirstInstantAtWhichAnEntryIsGone() throws {
    let world = TestWorld()
    let cache = try MemoryBackend<Int, Int>(
      capacity: 3, timeToLive: .nanoseconds(100), clock: { UInt64(world.time) })
    cache.set(1, to: 1)
    try cache.set(2, to: 2, timeToLive: .nanoseconds(50))
    world.advance(nanoseconds: 49)
    #expect(cache.get(2) == 2)
    #expect(cache.peek(1)?.remaining == .nanoseconds(51))
    world.advance(nanoseconds: 1)
    #expect(cache.get(2) == nil)
    #expect(cache.contains(2) == false)
    #expect(cache.count == 2, "it stays until somebody needs its place or its key")
    #expect(cache.keys() == [1])
    #expect(cache.remove(2) == nil)
    #expect(cache.statistics.expirations == 1)
    #expect(cache.set(1, to: 5) == .replaced)
    world.advance(nanoseconds: 99)
    #expect(cache.get(1) == 5, "a set begins the time anew")
    world.advance(nanoseconds: 1)
    #expect(cache.set(1, to: 6) == .stored)
  }

  @Test func theHandTakesAnExpiredEntryThoughItIsVisited() throws {
    let world = TestWorld()
    let cache = try MemoryBackend<Int, Int>(capacity: 2, clock: { UInt64(world.time) })
    try cache.set(1, to: 1, timeToLive: .nanoseconds(10))
    cache.set(2, to: 2)
    #expect(cache.get(1) == 1)
    world.advance(nanoseconds: 10)
    cache.set(3, to: 3)
    #expect(cache.keys() == [2, 3])
    #expect(cache.statistics.expirations == 1)
    #expect(cache.statistics.evictions == 0)
  }

  @Test func theClockIsReadForEntriesWithADeadlineOnly() throws {
    let reads = Atomic<Int>(0)
    let cache = try MemoryBackend<Int, Int>(
      capacity: 10, clock: { reads.add(1, ordering: .relaxed).newValue > 0 ? 5 : 0 })
    for key in 0..<100 {
      cache.set(key, to: key)
      _ = cache.get(key)
    }
    #expect(reads.load(ordering: .relaxed) == 0)
    try cache.set(1, to: 1, timeToLive: .seconds(1))
    #expect(reads.load(ordering: .relaxed) > 0)
  }

  @Test func theRealClockMoves() throws {
    let cache = try MemoryBackend<Int, Int>(capacity: 10)
    try cache.set(1, to: 1, timeToLive: .nanoseconds(1))
    let start = MemoryTime.now()
    while MemoryTime.now() == start {}
    #expect(cache.get(1) == nil)
    try cache.set(2, to: 2, timeToLive: .seconds(3600))
    let remaining = try #require(cache.peek(2)?.remaining)
    #expect(remaining <= .seconds(3600) && remaining > .seconds(3000))
  }

  @Test func theListenerIsToldOncePerDepartureAndWhy() throws {
    let world = TestWorld()
    let heard = Mutex<[String]>([])
    let cache = try MemoryBackend<Int, Int>(
      capacity: 3, weightLimit: 10, weigher: { _, value in value },
      listener: { key, value, cause in heard.withLock { $0.append("\(key)=\(value) \(cause)") } },
      clock: { UInt64(world.time) })
    func news() -> [String] {
      heard.withLock { list in
        defer { list = [] }
        return list
      }
    }
    cache.set(1, to: 1)
    cache.set(2, to: 2)
    #expect(news() == [])
    cache.set(1, to: 3)
    #expect(news() == ["1=1 replaced"])
    cache.set(3, to: 3)
    cache.set(4, to: 4)
    #expect(news() == ["2=2 size"])
    #expect(cache.keys() == [1, 3, 4])
    cache.set(5, to: 9)
    #expect(news() == ["3=3 size", "4=4 size", "1=3 size"])
    #expect(cache.set(5, to: 11) == .skipped)
    #expect(news() == ["5=9 removed"])
    try cache.set(6, to: 1, timeToLive: .nanoseconds(1))
    world.advance(nanoseconds: 1)
    cache.set(6, to: 2)
    #expect(news() == ["6=1 expired"])
    cache.remove(6)
    cache.set(7, to: 1)
    cache.removeAll()
    #expect(news() == ["6=2 removed", "7=1 removed"])
    #expect(cache.statistics.weight == 0)
  }
}
