// SPDX-License-Identifier: Apache-2.0
// One shard: a table, its entries, its counters. All of this file runs under the shard's lock.
//
// - Nothing of a user's runs here but `==` of keys and the clock. Keys were hashed and values weighed before; what leaves
//   is moved into the changes and given to its deinit and the listener when the lock is given back.
// - count <= capacity and weight <= weightLimit whenever the lock is free.
// - A hit marks the entry visited and moves nothing in the queue; an update, or a refill of an expired entry that is still there,
//   keeps its place and marks it visited; a new entry joins unvisited at the newest end (as SPEC.md, W3.3 and W3.5).
// - After a new key has joined, expired entries in a few slots leave (as SPEC.md, W5).

import WarpFormat

/// What an operation leaves to be done without the lock.
@frozen
@usableFromInline
struct MemoryChanges<Key, Value> {
  @usableFromInline typealias Departure = (key: Key, value: Value, cause: DepartureCause)

  /// The first one needs no array: mostly there is one at most.
  @usableFromInline var departed: Departure?
  @usableFromInline var others: [Departure] = []

  @inlinable @inline(__always)
  init() {}

  @inlinable @inline(__always)
  mutating func add(_ content: (key: Key, value: Value), _ cause: DepartureCause) {
    let departure = (content.key, content.value, cause)
    if departed == nil { departed = departure } else { others.append(departure) }
  }
}

/// What a shard has counted, apart from hits and misses.
@frozen
@usableFromInline
struct MemoryCounts {
  @usableFromInline var insertions = 0, updates = 0, evictions = 0, expirations = 0, removals = 0
  @usableFromInline var oversizeSkips = 0, staleHits = 0

  @inlinable init() {}
}

@frozen
@usableFromInline
struct MemoryShard<Key: Hashable, Value>: ~Copyable {
  @usableFromInline typealias Changes = MemoryChanges<Key, Value>
  @usableFromInline typealias Cell = MemoryCell<Key, Value>
  @usableFromInline typealias Spot = MemorySpot<Key, Value>

  // What a hit needs comes first, in one cache line with the lock.
  @usableFromInline var hits = 0
  @usableFromInline var misses = 0
  @usableFromInline var slots: MemorySlots<Key, Value>
  @usableFromInline var counts = MemoryCounts()
  @usableFromInline let capacity: Int
  let isSparse: Bool
  /// nil: entries have no weight.
  @usableFromInline let weightLimit: Int?
  @usableFromInline var weight = 0

  init(capacity: Int, isSparse: Bool, weightLimit: Int?, clock: @escaping @Sendable () -> UInt64) {
    let slots = MemoryTuning.slots(after: 0, capacity: capacity, keepsMemory: Cell.isReadWithoutLock)
    self.slots = MemorySlots(slots: slots, isSparse: isSparse, clock: clock)
    self.capacity = capacity
    self.isSparse = isSparse
    self.weightLimit = weightLimit
  }

  /// Nobody has a view of the parts: they are used in place only. (As ~Copyable types with deinits of their own they crash
  /// the optimizer of Swift 6.3.1.)
  deinit { slots.destroy() }

  @inlinable @inline(__always)
  static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) }

  @inlinable @inline(__always)
  func find(_ key: Key, _ hash: UInt64) -> Spot? {
    slots.places.find(MemoryShard.tag(hash)) { spot in spot.key == key }
  }

  /// An entry that has not expired.
  @inlinable @inline(__always)
  func findLive(_ key: Key, _ hash: UInt64) -> Spot? {
    guard let spot = find(key, hash), !slots.isExpired(spot) else { return nil }
    return spot
  }

  // MARK: Reading

  @inlinable @inline(__always)
  mutating func get(_ key: Key, _ hash: UInt64) -> Value? {
    guard let spot = findLive(key, hash) else {
      misses &+= 1
      return nil
    }
    hit(spot)
    return spot.value
  }

  @inlinable @inline(__always)
  mutating func hit(_ spot: Spot) {
    hits &+= 1
    // Tested first: a store would take the entry's cache line away from the other processors at every hit.
    if !slots.isVisited(spot) { slots.setVisited(spot, true) }
  }

  /// - Parameter counting: whether this is a get: it is counted, and marks the entry visited.
  @inlinable
  mutating func entry(_ key: Key, _ hash: UInt64, counting: Bool) -> CachedEntry<Key, Value>? {
    guard let spot = findLive(key, hash) else {
      if counting { misses &+= 1 }
      return nil
    }
    let entry = slots.facts(spot)
    if counting {
      hit(spot)
      if entry.isStale { counts.staleHits &+= 1 }
    }
    return entry
  }

  // MARK: Writing

  @inlinable
  mutating func set(
    _ key: Key, _ value: Value, _ hash: UInt64, _ terms: MemoryTerms, if condition: SetCondition,
    _ changes: inout Changes
  ) -> SetResult {
    let found = find(key, hash)
    if condition != .always, !holds(condition, found) { return .refused }
    if let limit = weightLimit, terms.weight > limit {
      // An older value of the key would be out of date, so it goes.
      if let found { _ = withdraw(found, &changes) }
      counts.oversizeSkips &+= 1
      return .skipped
    }
    slots.payForMove()
    if let found { return refill(found, value, terms, &changes) }
    makeRoom(for: terms.weight, keeping: nil, &changes)
    if slots.count == capacity { _ = evict(keeping: nil, &changes) }
    if slots.isFull { grow() }
    let tag = MemoryShard.tag(hash)
    let spot = slots.append(key, value, tag: tag)
    slots.stamp(spot, terms)
    if weightLimit != nil { weigh(spot.slot, terms.weight) }
    counts.insertions &+= 1
    if slots.sweepAt != 0 { sweep(terms.now, &changes) }
    return .stored
  }

  /// An expired entry counts as none.
  @inlinable
  mutating func holds(_ condition: SetCondition, _ spot: Spot?) -> Bool {
    let isLive = spot.map { !slots.isExpired($0) } ?? false
    switch condition {
    case .always: return true
    case .absent: return !isLive
    // Nobody knows a revision until the first was asked for.
    case .revision(let revision):
      guard isLive, let spot else { return false }
      return slots.revisions.isUsed && slots.revisions[spot.slot] == revision
    }
  }

  @inlinable
  mutating func refill(
    _ found: Spot, _ value: Value, _ terms: MemoryTerms, _ changes: inout Changes
  ) -> SetResult {
    let wasExpired = slots.isExpired(found)
    var spot = found
    if weightLimit != nil {
      weigh(spot.slot, 0)
      makeRoom(for: terms.weight, keeping: spot.slot, &changes)
      weigh(spot.slot, terms.weight)
      // Those that left may have moved it.
      spot = slots.spot(spot.slot)
    }
    let key = spot.key
    let old = unsafe Cell.replace(spot.cell, value)
    changes.add((key, old), wasExpired ? .expired : .replaced)
    slots.stamp(spot, terms)
    slots.setVisited(spot, true)
    if wasExpired {
      counts.expirations &+= 1
      counts.insertions &+= 1
      return .stored
    }
    counts.updates &+= 1
    return .replaced
  }

  /// Other times for an entry that is there; its value stays fresh for as long as it was to be. It counts as an update: in
  /// a shared store it is a write.
  @inlinable
  mutating func touch(_ key: Key, _ hash: UInt64, _ terms: MemoryTerms) -> Bool {
    guard let spot = findLive(key, hash) else { return false }
    var terms = terms
    let freshUntil = slots.freshness[spot.slot]
    terms.freshUntil = terms.deadline == 0 ? freshUntil : min(freshUntil, terms.deadline)
    slots.stamp(spot, terms)
    slots.setVisited(spot, true)
    counts.updates &+= 1
    return true
  }

  /// Whether there was an unexpired entry; either kind is in the changes.
  ///
  /// - Parameters:
  ///   - revision: only if it has this one.
  ///   - counting: whether this is also a get.
  @inlinable
  mutating func remove(
    _ key: Key, _ hash: UInt64, ifRevision revision: UInt64?, counting: Bool, _ changes: inout Changes
  ) -> Bool {
    var wasLive = false
    let found = find(key, hash)
    if let found, revision == nil || holds(.revision(revision ?? 0), found) { wasLive = withdraw(found, &changes) }
    if counting { if wasLive { hits &+= 1 } else { misses &+= 1 } }
    return wasLive
  }

  /// Whether it had not expired.
  @inlinable
  mutating func withdraw(_ spot: Spot, _ changes: inout Changes) -> Bool {
    let wasExpired = slots.isExpired(spot)
    if wasExpired { counts.expirations &+= 1 } else { counts.removals &+= 1 }
    changes.add(take(spot), wasExpired ? .expired : .removed)
    return !wasExpired
  }

  /// Forgets everything, the counters too. O(capacity).
  mutating func removeAll() -> [(key: Key, value: Value)] {
    (hits, misses, counts) = (0, 0, MemoryCounts())
    weight = 0
    return slots.takeAll()
  }
}
