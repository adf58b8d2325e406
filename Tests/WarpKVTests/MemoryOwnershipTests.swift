// SPDX-License-Identifier: Apache-2.0
// Who owns the values: none is released too early, none is kept too long, and their deinits may use the cache.

import Synchronization
import Testing
import WarpKV
import WarpTestSupport

/// Knows how many of its kind of one test there are, and whether it was overwritten.
private final class Tracked: Sendable {
  let number: Int
  private let living: Census

  init(_ number: Int, _ living: Census) {
    self.number = number
    self.living = living
    living.count.add(1, ordering: .relaxed)
  }
  deinit { living.count.subtract(1, ordering: .relaxed) }
}

private final class Census: Sendable {
  let count = Atomic<Int>(0)
  var now: Int { count.load(ordering: .relaxed) }
}

/// Uses the cache when it goes.
private final class Reentrant: Sendable {
  private let cache: Weak
  private let depth: Int

  init(_ cache: Weak, depth: Int) {
    self.cache = cache
    self.depth = depth
  }

  deinit {
    guard let cache = cache.get() else { return }
    cache.runs.add(1, ordering: .relaxed)
    _ = cache.backend.get(0)
    _ = cache.backend.count
    cache.backend.remove(depth)
    if depth > 0 { cache.backend.set(depth, to: Reentrant(self.cache, depth: depth - 1)) }
  }
}

private final class Owner: Sendable {
  let backend: MemoryBackend<Int, Reentrant>
  let runs = Atomic<Int>(0)
  init(_ backend: MemoryBackend<Int, Reentrant>) { self.backend = backend }
}

private final class Weak: Sendable {
  private let owner = Mutex<Link>(Link())
  private struct Link { weak var owner: Owner? }
  func set(_ owner: Owner) { self.owner.withLock { $0.owner = owner } }
  func get() -> Owner? { owner.withLock { $0.owner } }
}

@Suite struct MemoryOwnershipTests {
  @Test func everyValueIsReleasedOnce() throws {
    let census = Census()
    do {
      let cache = try MemoryBackend<String, Tracked>(capacity: 100)
      for number in 0..<1000 { cache.set("\(number % 300)", to: Tracked(number, census)) }
      #expect(census.now == 100)
      cache.set("x", to: Tracked(1, census))
      cache.set("x", to: Tracked(2, census))
      #expect(census.now == 100)
      #expect(cache.remove("x")?.number == 2)
      #expect(census.now == 99)
      cache.removeAll()
      #expect(census.now == 0)
      for number in 0..<50 { cache.set("\(number)", to: Tracked(number, census)) }
      #expect(census.now == 50)
    }
    #expect(census.now == 0, "the cache took them with it")
  }

  /// Four threads store, evict, read, take and remove the same keys. Deep: for half a minute.
  @Test func valuesSurviveTheirEvictionByAnotherThread() throws {
    let census = Census()
    let time: UInt64 = TestPlan.isDeep ? 15_000_000_000 : 700_000_000
    for (capacity, shards) in [(50, 1), (200, 4)] {
      let cache = try MemoryBackend<Int, Tracked>(capacity: capacity, shards: shards)
      let wrong = Atomic<Int>(0)
      let end = MemoryTime.now() + time
      _ = TestThreads.run(4) { thread in
        var random = SeededGenerator(seed: UInt64(thread))
        func check(_ value: Tracked?, _ key: Int) {
          if let value, value.number != key { wrong.add(1, ordering: .relaxed) }
        }
        var round = 0
        while round < 20 || MemoryTime.now() < end {
          round += 1
          for _ in 0..<1000 {
            let key = random.below(3 * capacity)
            switch random.below(20) {
            case ..<9: check(cache.get(key), key)
            case ..<10: check(cache.entry(key, counting: true)?.value, key)
            case ..<18: cache.set(key, to: Tracked(key, census))
            case ..<19: check(cache.take(key), key)
            default: cache.remove(key)
            }
          }
          for entry in cache.entries() { check(entry.value, entry.key) }
        }
      }
      #expect(wrong.load(ordering: .relaxed) == 0)
      #expect(census.now == cache.count)
      #expect(cache.count <= capacity)
      let counts = cache.statistics
      #expect(counts.hits > 1000)
      #expect(counts.count == counts.insertions - counts.evictions - counts.removals)
      cache.removeAll()
      #expect(census.now == 0)
    }
  }

  @Test func deinitsMayUseTheCache() throws {
    let weak = Weak()
    let owner = Owner(try MemoryBackend<Int, Reentrant>(capacity: 4))
    weak.set(owner)
    for key in 0..<100 { owner.backend.set(key, to: Reentrant(weak, depth: 3)) }
    for key in 0..<100 { owner.backend.set(key % 3, to: Reentrant(weak, depth: 2)) }
    owner.backend.remove(0)
    owner.backend.removeAll()
    #expect(owner.runs.load(ordering: .relaxed) >= 200)
    #expect(owner.backend.count <= 4)
  }

  @Test func theListenerMayUseTheCache() throws {
    let cache = Mutex<MemoryBackend<Int, Int>?>(nil)
    let backend = try MemoryBackend<Int, Int>(
      capacity: 4,
      listener: { key, _, _ in
        let cache = cache.withLock { $0 }
        _ = cache?.get(key)
        if key >= 0 { cache?.set(-1 - key, to: 0) }
      })
    cache.withLock { $0 = backend }
    for key in 0..<100 { backend.set(key, to: key) }
    #expect(backend.count == 4)
    cache.withLock { $0 = nil }
  }

  /// A thousand keys, each expired and gone before the next thousand: the sweep takes out what nobody asks for again.
  @Test func expiredKeysDoNotPileUp() throws {
    let census = Census()
    let world = TestWorld()
    let cache = try MemoryBackend<Int, Tracked>(capacity: 1_000_000, shards: 1, clock: { UInt64(world.time) })
    var most = 0
    for round in 0..<1000 {
      for key in 0..<1000 {
        cache.set(round * 1000 + key, to: Tracked(key, census), lifetime: Lifetime(whole: 10))
      }
      world.advance(nanoseconds: 10)
      most = max(most, census.now)
    }
    #expect(most < 3000, "a thousand live ones, and what the sweep had not come to")
    #expect(cache.statistics.allocatedBytes < 500_000)
    #expect(cache.statistics.evictions == 0)
    #expect(cache.count == census.now)
  }

  /// In a process of its own, where nobody else allocates.
  @Test func refillsOfOneExpiringKeyTakeNoMemory() async {
    await #expect(processExitsWith: .success) {
      let world = TestWorld()
      let cache = try MemoryBackend<String, [UInt8]>(capacity: 1000, clock: { UInt64(world.time) })
      func refill(_ count: Int) throws {
        for _ in 0..<count {
          world.advance(nanoseconds: 10)
          precondition(cache.get("the one key, too long to be inline") == nil)
          try cache.set(
            "the one key, too long to be inline", to: [UInt8](repeating: 1, count: 100),
            timeToLive: .nanoseconds(10))
        }
      }
      try refill(10_000)
      guard let before = TestProcess.residentBytes() else { return }
      try refill(400_000)
      let grown = TestProcess.residentBytes()! - before
      precondition(grown < 1_000_000, "\(grown) bytes more")
      precondition(cache.count == 1 && cache.statistics.expirations == 409_999)
    }
  }
}
