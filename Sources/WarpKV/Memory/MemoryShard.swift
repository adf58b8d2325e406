// SPDX-License-Identifier: Apache-2.0
// One shard: a table, its entries, its counters. All of this file runs under the shard's lock.
//
// - Nothing of a user's runs here but `==` of keys and the clock. Keys were hashed and values weighed before; what leaves
//   is moved into the changes and given to its deinit and the listener when the lock is given back.
// - count <= capacity and weight <= weightLimit whenever the lock is free.
// - A hit marks the entry visited and moves nothing; an update, or a refill of an expired entry that is still there,
//   keeps its place and marks it visited; a new entry joins unvisited at the newest end (as SPEC.md, W3.3 and W3.5).

/// Why an entry's value left.
@usableFromInline package enum DepartureCause: Sendable, Equatable {
  /// It was given up to make room, by count or by weight.
  case size
  /// Its time was over: noticed when its key was set or removed, or when the hand met it.
  case expired
  /// `remove`, `removeAll`, or a set of a value too heavy to be stored.
  case removed
  /// A set of the same key.
  case replaced
}

/// What an operation leaves to be done without the lock.
@frozen
@usableFromInline
struct MemoryChanges<Key, Value> {
  @usableFromInline typealias Departure = (entry: MemoryEntry<Key, Value>, cause: DepartureCause)

  @usableFromInline var replaced = false
  /// The first one needs no array: mostly there is one at most.
  @usableFromInline var departed: Departure?
  @usableFromInline var others: [Departure] = []

  @inlinable @inline(__always)
  init() {}

  @inlinable @inline(__always)
  mutating func add(_ entry: MemoryEntry<Key, Value>, _ cause: DepartureCause) {
    if departed == nil { departed = (entry, cause) } else { others.append((entry, cause)) }
  }
}

/// What a shard has counted, apart from hits and misses.
@frozen
@usableFromInline
struct MemoryCounts {
  @usableFromInline var insertions = 0, updates = 0, evictions = 0, expirations = 0, removals = 0
  @usableFromInline var oversizeSkips = 0

  @inlinable init() {}
}

@frozen
@usableFromInline
struct MemoryShard<Key: Hashable, Value>: ~Copyable {
  @usableFromInline typealias Changes = MemoryChanges<Key, Value>
  @usableFromInline typealias DatedEntry = (entry: MemoryEntry<Key, Value>, deadline: UInt64)

  // What a hit needs comes first, in one cache line with the lock.
  @usableFromInline var hits = 0
  @usableFromInline var misses = 0
  @usableFromInline var table: MemoryTable
  @usableFromInline var slots: MemorySlots<Key, Value>
  @usableFromInline var counts = MemoryCounts()
  @usableFromInline let capacity: Int
  /// nil: entries have no weight, and `weights` is empty.
  @usableFromInline let weightLimit: Int?
  @usableFromInline var weight = 0
  /// By slot.
  @usableFromInline var weights: [Int] = []

  init(capacity: Int, weightLimit: Int?, clock: @escaping @Sendable () -> UInt64) {
    let slots = min(capacity, MemoryTuning.firstSlots)
    table = MemoryTable(slots: slots)
    self.slots = MemorySlots(slots: slots, clock: clock)
    self.capacity = capacity
    self.weightLimit = weightLimit
  }

  /// Nobody has a view of the parts: they are used in place only. (As ~Copyable types with deinits of their own they crash
  /// the optimizer of Swift 6.3.1.)
  deinit {
    slots.destroy()
    table.destroy()
  }

  @inlinable @inline(__always)
  static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) }

  @inlinable @inline(__always)
  func find(_ key: Key, _ hash: UInt64) -> MemorySlot? {
    table.find(MemoryShard.tag(hash)) { slot in unsafe slots.at(slot).pointee.key == key }
  }

  // MARK: Reading

  @inlinable @inline(__always)
  mutating func get(_ key: Key, _ hash: UInt64) -> Value? {
    guard let slot = find(key, hash), !slots.isExpired(slot) else {
      misses &+= 1
      return nil
    }
    hits &+= 1
    // Tested first: a store would take the entry's cache line away from the other processors at every hit.
    if !slots.isVisited(slot) { slots.setVisited(slot, true) }
    return unsafe slots.at(slot).pointee.value
  }

  /// Counts nothing and marks nothing.
  @inlinable
  func peek(_ key: Key, _ hash: UInt64) -> DatedEntry? {
    guard let slot = find(key, hash), !slots.isExpired(slot) else { return nil }
    return unsafe (slots.at(slot).pointee, slots.deadline(slot))
  }

  // MARK: Writing

  /// Whether the value is stored now; it is not if it weighs more than the limit.
  @inlinable
  mutating func set(
    _ key: Key, _ value: Value, _ hash: UInt64, deadline: UInt64, weight: Int, _ changes: inout Changes
  ) -> Bool {
    if let limit = weightLimit, weight > limit {
      skip(key, hash, &changes)
      return false
    }
    if let slot = find(key, hash) {
      refill(slot, value, deadline: deadline, weight: weight, &changes)
      return true
    }
    makeRoom(for: weight, keeping: nil, &changes)
    if slots.count == capacity { _ = evict(keeping: nil, &changes) }
    if slots.isFull { grow() }
    let tag = MemoryShard.tag(hash)
    let slot = slots.append(MemoryEntry(key, value, tag: tag))
    if deadline != 0 { slots.setDeadline(slot, deadline) }
    table.insert(slot, tag)
    if weightLimit != nil { weigh(slot, weight) }
    counts.insertions &+= 1
    return true
  }

  @inlinable
  mutating func refill(
    _ slot: MemorySlot, _ value: Value, deadline: UInt64, weight: Int, _ changes: inout Changes
  ) {
    let wasExpired = slots.isExpired(slot)
    if weightLimit != nil {
      weigh(slot, 0)
      makeRoom(for: weight, keeping: slot, &changes)
      weigh(slot, weight)
    }
    unsafe changes.add(slots.at(slot).pointee, wasExpired ? .expired : .replaced)
    unsafe slots.at(slot).pointee.value = value
    slots.setDeadline(slot, deadline)
    slots.setVisited(slot, true)
    changes.replaced = !wasExpired
    if wasExpired {
      counts.expirations &+= 1
      counts.insertions &+= 1
    } else {
      counts.updates &+= 1
    }
  }

  /// A value too heavy to be stored: an older one of the key would be stale, so it goes.
  @usableFromInline
  mutating func skip(_ key: Key, _ hash: UInt64, _ changes: inout Changes) {
    _ = remove(key, hash, &changes)
    counts.oversizeSkips &+= 1
  }

  /// Whether there was an unexpired entry; either kind is in the changes.
  @inlinable
  mutating func remove(_ key: Key, _ hash: UInt64, _ changes: inout Changes) -> Bool {
    guard let slot = find(key, hash) else { return false }
    let wasExpired = slots.isExpired(slot)
    if wasExpired { counts.expirations &+= 1 } else { counts.removals &+= 1 }
    changes.add(take(slot), wasExpired ? .expired : .removed)
    return !wasExpired
  }

  /// Forgets everything, the counters too. O(capacity).
  @usableFromInline
  mutating func removeAll() -> [MemoryEntry<Key, Value>] {
    table.removeAll()
    (hits, misses, counts) = (0, 0, MemoryCounts())
    weight = 0
    weights = []
    return slots.takeAll()
  }

  // MARK: Making room

  @inlinable @inline(__always)
  mutating func makeRoom(for added: Int, keeping slot: MemorySlot?, _ changes: inout Changes) {
    guard let limit = weightLimit else { return }
    // Each round takes an entry out.
    while weight + added > limit, evict(keeping: slot, &changes) {}
  }

  /// Gives up the entry that SIEVE chooses, but not the one that is being set; false if there is no other.
  @inlinable
  mutating func evict(keeping kept: MemorySlot?, _ changes: inout Changes) -> Bool {
    guard let victim = Sieve.victim(in: &slots, where: { $0 != kept }) else { return false }
    let wasExpired = slots.isExpired(victim)
    if wasExpired { counts.expirations &+= 1 } else { counts.evictions &+= 1 }
    changes.add(take(victim), wasExpired ? .expired : .size)
    return true
  }

  @inlinable
  mutating func take(_ slot: MemorySlot) -> MemoryEntry<Key, Value> {
    if weightLimit != nil { weigh(slot, 0) }
    let entry = slots.take(slot)
    table.remove(slot, entry.tag)
    return entry
  }

  @usableFromInline
  mutating func weigh(_ slot: MemorySlot, _ new: Int) {
    let index = Int(slot.raw) - 1
    // Slots are used for the first time in order.
    if index == weights.count { weights.append(0) }
    weight += new - weights[index]
    weights[index] = new
  }

  /// O(count), as often as the count doubles.
  @usableFromInline
  mutating func grow() {
    let more = min(capacity, 2 * slots.allocated)
    slots.grow(to: more)
    table.grow(slots: more)
  }
}
