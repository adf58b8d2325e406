// SPDX-License-Identifier: Apache-2.0
// Looking at a memory backend as a whole: counters, and copies of its entries.
//
// - A listing is taken shard by shard, each at one moment: a key that is present throughout appears exactly once.
// - It counts as no get and marks nothing visited.

extension MemoryBackend {
  /// Entries now, expired ones that nobody has noticed yet among them. O(shards).
  package var count: Int {
    (0..<shardCount).reduce(0) { sum, index in sum + withShard(index) { shard in shard.slots.count } }
  }

  /// Sums the counters. O(shards).
  package var statistics: CacheStatistics {
    var sum = loads.statistics
    sum.capacity = capacity
    (sum.hits, sum.misses) = reader.tallies.sum
    for index in 0..<shardCount { withShard(index) { shard in shard.add(to: &sum) } }
    return sum
  }

  /// Copies of the entries that have not expired: shard by shard, oldest first. O(count).
  package func entries() -> [CachedEntry<Key, Value>] {
    var entries: [CachedEntry<Key, Value>] = []
    for index in 0..<shardCount {
      entries += withShard(index) { shard in shard.map { slots, spot in slots.facts(spot) } }
    }
    return entries
  }

  /// The keys, in the order of ``entries()``.
  package func keys() -> [Key] {
    (0..<shardCount).flatMap { index in
      withShard(index) { shard in shard.map { _, spot in spot.key } }
    }
  }

  /// The shard that holds a key, if any does. For tests.
  package func shardIndex(of key: Key) -> Int { shardIndex(hash(key)) }

  /// How many buckets behind its home a key's entry is; nil: there is none. For tests.
  package func probeLength(of key: Key) -> Int? {
    let hash = hash(key)
    return withShard(shardIndex(hash)) { shard in
      let (table, tag) = (shard.slots.places.table, Shard.tag(hash))
      guard let slot = shard.find(key, hash)?.slot else { return nil }
      return table.steps(from: table.home(tag), to: table.index(of: slot, tag))
    }
  }

  /// How often anything was written where readers take no lock. For tests.
  package var writes: UInt64 {
    (0..<shardCount).reduce(0) { sum, index in sum + (unsafe gate(index).pointee.writes) }
  }

  /// The longest way from a home bucket to an entry. For tests.
  package var longestProbe: Int {
    (0..<shardCount).reduce(0) { longest, index in
      max(longest, withShard(index) { shard in shard.slots.places.longestProbe })
    }
  }
}

extension MemoryShard {
  func add(to sum: inout CacheStatistics) {
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
    sum.allocatedBytes += slots.allocatedBytes
  }

  /// Of each entry that has not expired, oldest first. Bound: once through the queue.
  mutating func map<Result>(_ transform: (inout MemorySlots<Key, Value>, MemorySpot<Key, Value>) -> Result)
    -> [Result]
  {
    var results: [Result] = []
    results.reserveCapacity(slots.count)
    var next = slots.oldest
    while let spot = next {
      if !slots.isExpired(spot) { results.append(transform(&slots, spot)) }
      next = slots.newer(spot)
    }
    return results
  }
}
