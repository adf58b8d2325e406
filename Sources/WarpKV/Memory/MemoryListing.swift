// SPDX-License-Identifier: Apache-2.0
// Looking at a memory backend as a whole: counters, and copies of its entries.
//
// - A listing is taken shard by shard, each at one moment: a key that is present throughout appears exactly once.
// - It counts as no get and marks nothing visited.

/// Counters of a memory backend since it was made or emptied, with the shared store's meanings.
package struct MemoryStatistics: Equatable, Sendable, CustomStringConvertible {
  /// Gets that found a value, stale ones among them.
  package var hits = 0
  /// Hits by ``MemoryBackend/entry(_:counting:)`` whose value was stale.
  package var staleHits = 0
  /// Gets that found none, or only an expired one.
  package var misses = 0
  /// Sets of a key that was not there.
  package var insertions = 0
  /// Sets of a key that was.
  package var updates = 0
  /// Entries given up to make room.
  package var evictions = 0
  /// Entries that left because their time was over.
  package var expirations = 0
  package var removals = 0
  /// Values too heavy to be stored.
  package var oversizeSkips = 0
  /// Entries now, expired ones that nobody has noticed yet among them.
  package var count = 0
  package var capacity = 0
  /// Of all entries, in the weigher's unit; 0 without one.
  package var weight = 0
  /// Bytes of the tables and slots, without what keys and values refer to.
  package var allocatedBytes = 0

  /// Hits in all gets, 0 if there were none.
  package var hitRatio: Double {
    let gets = Double(hits) + Double(misses)
    return gets == 0 ? 0 : Double(hits) / gets
  }

  package var description: String {
    "hits \(hits), misses \(misses), count \(count) of \(capacity), evictions \(evictions), expirations "
      + "\(expirations), oversize skips \(oversizeSkips)"
  }
}

extension MemoryBackend {
  /// Entries now, expired ones that nobody has noticed yet among them. O(shards).
  package var count: Int {
    (0..<shardCount).reduce(0) { sum, index in sum + withShard(index) { shard in shard.slots.count } }
  }

  /// Sums the counters. O(shards).
  package var statistics: MemoryStatistics {
    var sum = MemoryStatistics()
    sum.capacity = capacity
    (sum.hits, sum.misses) = tallies.sum
    for index in 0..<shardCount { withShard(index) { shard in shard.add(to: &sum) } }
    return sum
  }

  /// Copies of the entries that have not expired: shard by shard, oldest first. O(count).
  package func entries() -> [CachedEntry<Key, Value>] {
    var entries: [CachedEntry<Key, Value>] = []
    for index in 0..<shardCount {
      entries += withShard(index) { shard in shard.map { slots, slot in slots.facts(slot) } }
    }
    return entries
  }

  /// The keys, in the order of ``entries()``.
  package func keys() -> [Key] {
    (0..<shardCount).flatMap { index in
      withShard(index) { shard in shard.map { slots, slot in unsafe slots.at(slot).pointee.key } }
    }
  }

  /// The shard that holds a key, if any does. For tests.
  package func shardIndex(of key: Key) -> Int { shardIndex(hash(key)) }

  /// The longest way from a home bucket to an entry. For tests.
  package var longestProbe: Int {
    (0..<shardCount).reduce(0) { longest, index in
      max(longest, withShard(index) { shard in shard.table.longestProbe })
    }
  }
}

extension MemoryShard {
  func add(to sum: inout MemoryStatistics) {
    sum.hits += hits
    sum.misses += misses
    sum.insertions += counts.insertions
    sum.updates += counts.updates
    sum.evictions += counts.evictions
    sum.expirations += counts.expirations
    sum.removals += counts.removals
    sum.oversizeSkips += counts.oversizeSkips
    sum.staleHits += counts.staleHits
    sum.count += slots.count
    sum.weight += weight
    sum.allocatedBytes += table.bytes + slots.allocatedBytes
  }

  /// Of each entry that has not expired, oldest first. Bound: once through the queue.
  mutating func map<Result>(_ transform: (inout MemorySlots<Key, Value>, MemorySlot) -> Result) -> [Result] {
    var results: [Result] = []
    results.reserveCapacity(slots.count)
    var slot = slots.oldest
    while let live = slot {
      if !slots.isExpired(live) { results.append(transform(&slots, live)) }
      slot = slots.newer(live)
    }
    return results
  }
}
