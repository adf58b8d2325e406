// SPDX-License-Identifier: Apache-2.0
// The memory backend: a bounded cache in one process, with the shared store's policy, shard counts, limits and rules, but
// keys and values are Swift values. Listing and counters are in MemoryListing.
//
//   hash -> shard = low bits -> lock -> table -> slot -> entry
//
// - Shards lie in one piece of memory, each lock in a line of its own beside what it guards: an array of shard objects
//   would cost every get two more dependent loads and a reference count.
// - Values that leave are released, and the listener is called, after the lock is given back: a deinit may use the cache.
// - Below 4,096 entries there is one shard, so that exactly `capacity` entries stay of however many keys. Above, each
//   shard keeps its share, and the sum stays within the capacity.
// - Memory grows with the entries, up to what the capacity needs; it is given back with the backend.

import WarpFormat

/// A bounded cache of Swift values in this process, evicting by exact SIEVE in each shard.
///
/// All operations are O(1) amortised and safe from any thread; listing is O(count). A key's `==` and the clock run
/// under a lock and must not use the cache; hashing, the weigher, the listener and every deinit may.
@safe
@usableFromInline package final class MemoryBackend<Key: Hashable, Value> {
  @usableFromInline package typealias Weigher = @Sendable (Key, Value) -> Int
  @usableFromInline package typealias Listener = @Sendable (Key, Value, DepartureCause) -> Void
  @usableFromInline typealias Shard = MemoryShard<Key, Value>

  /// `shardCount` times a lock and, a word behind it, a shard, `stride` bytes apart, initialised until the deinit. They are
  /// two variables: threads that wait use the lock while its holder changes the shard.
  @usableFromInline let base: UnsafeMutableRawPointer
  @usableFromInline let shardMask: UInt64
  @usableFromInline let seed: MemorySeed
  @usableFromInline let hashesBytes: Bool
  @usableFromInline let lifetime: UInt64
  @usableFromInline let clock: @Sendable () -> UInt64
  @usableFromInline let weigher: Weigher?
  @usableFromInline let listener: Listener?
  @usableFromInline package let capacity: Int
  @usableFromInline package let weightLimit: Int?

  /// - Parameters:
  ///   - capacity: entries, 1 to 2^31.
  ///   - shards: a power of two, at most the capacity; nil: 1 below 4,096 entries or with a weight limit, 16 below
  ///     65,536, then 64.
  ///   - timeToLive: of entries set without one of their own; nil: until they are evicted.
  ///   - weightLimit: the most all entries may weigh together, in the weigher's unit. It is divided among the shards,
  ///     and a value over its shard's share is not stored.
  ///   - weigher: called once for each set, without a lock. Must not return less than 0.
  ///   - listener: called after an entry left, without a lock, on the thread whose operation it was.
  ///   - clock: nanoseconds that never go back. Read only for entries that have a deadline.
  /// - Throws: `invalidCapacity`, `invalidShardCount`, `invalidTimeToLive`, `invalidArgument`; before memory is taken.
  package init(
    capacity: Int = Format.defaultCapacity, shards: Int? = nil, timeToLive: Duration? = nil,
    weightLimit: Int? = nil, weigher: Weigher? = nil, listener: Listener? = nil,
    clock: @escaping @Sendable () -> UInt64 = MemoryTime.now, seed: MemorySeed = .random()
  ) throws(WarpError) {
    let geometry = try Geometry(
      Parameters(
        capacity: capacity, shards: shards ?? (weightLimit == nil ? nil : 1), maxKeySize: 0, maxValueSize: 0))
    lifetime = try MemoryTime.lifetime(timeToLive)
    try MemoryTime.checkWeights(
      limit: weightLimit, shards: geometry.shardCount, hasWeigher: weigher != nil)
    self.capacity = capacity
    self.weightLimit = weightLimit
    self.weigher = weigher
    self.listener = listener
    self.clock = clock
    self.seed = seed
    hashesBytes = Key.self is any ByteKey.Type
    shardMask = UInt64(geometry.shardCount - 1)
    unsafe base = .allocate(
      byteCount: geometry.shardCount * MemoryBackend.stride, alignment: MemoryTuning.shardAlignment)
    for index in 0..<geometry.shardCount {
      let share = weightLimit.map { limit in
        limit / geometry.shardCount + (index < limit % geometry.shardCount ? 1 : 0)
      }
      unsafe lock(index).initialize(to: MemoryLock())
      unsafe shard(index).initialize(
        to: Shard(capacity: geometry.capacity(ofShard: index), weightLimit: share, clock: clock))
    }
  }

  /// Nobody is in a call: each holds a reference.
  deinit {
    for index in 0..<shardCount {
      unsafe shard(index).deinitialize(count: 1)
      unsafe lock(index).deinitialize(count: 1)
    }
    unsafe base.deallocate()
  }

  package var shardCount: Int { Int(shardMask) + 1 }

  @inlinable @inline(__always)
  static var stride: Int {
    let mask = MemoryTuning.shardAlignment - 1
    return (MemoryTuning.lockSize + MemoryLayout<Shard>.stride + mask) & ~mask
  }

  /// The index is below `shardCount`, and this memory is used as nothing else.
  @inlinable @inline(__always)
  func lock(_ index: Int) -> UnsafeMutablePointer<MemoryLock> {
    unsafe (base + index &* MemoryBackend.stride).assumingMemoryBound(to: MemoryLock.self)
  }

  /// The same; a shard is aligned as its integers and pointers are.
  @inlinable @inline(__always)
  func shard(_ index: Int) -> UnsafeMutablePointer<Shard> {
    unsafe (base + (index &* MemoryBackend.stride &+ MemoryTuning.lockSize)).assumingMemoryBound(to: Shard.self)
  }

  /// Runs the body with a shard, alone: the lock orders all who get at it.
  @inlinable @inline(__always)
  func withShard<Result>(_ index: Int, _ body: (inout Shard) -> Result) -> Result {
    let lock = unsafe lock(index)
    unsafe lock.pointee.lock()
    defer { unsafe lock.pointee.unlock() }
    return unsafe body(&shard(index).pointee)
  }

  @inlinable @inline(__always)
  func hash(_ key: Key) -> UInt64 { seed.hash(key, asBytes: hashesBytes) }

  @inlinable @inline(__always)
  func shardIndex(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash & shardMask) }

  // MARK: Reading

  /// The value, nil if there is none or its time is over. A hit marks the entry visited.
  @inlinable
  package func get(_ key: Key) -> Value? {
    let hash = hash(key)
    return withShard(shardIndex(hash)) { shard in shard.get(key, hash) }
  }

  /// Whether there is a value that has not expired. Counts as no get, and does not mark the entry visited.
  @inlinable
  package func contains(_ key: Key) -> Bool { peek(key) != nil }

  /// The entry and the time it has left. Counts as no get, and does not mark the entry visited.
  @inlinable
  package func peek(_ key: Key) -> CachedEntry<Key, Value>? {
    let hash = hash(key)
    let entry = withShard(shardIndex(hash)) { shard in shard.peek(key, hash) }
    return entry.map { CachedEntry($0, clock) }
  }

  // MARK: Writing

  /// Stores a value for the backend's own time to live.
  @inlinable
  @discardableResult
  package func set(_ key: Key, to value: Value) -> SetResult { set(key, to: value, lifetime: lifetime) }

  /// - Throws: `invalidTimeToLive`.
  @discardableResult
  package func set(_ key: Key, to value: Value, timeToLive: Duration?) throws(WarpError) -> SetResult {
    set(key, to: value, lifetime: try timeToLive.map(MemoryTime.lifetime) ?? lifetime)
  }

  /// - Parameter lifetime: nanoseconds from now; 0: for ever.
  @inlinable
  func set(_ key: Key, to value: Value, lifetime: UInt64) -> SetResult {
    let hash = hash(key)
    let deadline = lifetime == 0 ? 0 : MemoryTime.deadline(clock(), lifetime)
    var weight = 0
    if let weigher {
      weight = weigher(key, value)
      precondition(weight >= 0, "a weigher returned less than 0")
    }
    let (changes, isStored) = withShard(shardIndex(hash)) { shard in
      var changes = MemoryChanges<Key, Value>()
      let isStored = shard.set(key, value, hash, deadline: deadline, weight: weight, &changes)
      return (changes, isStored)
    }
    announce(changes)
    return !isStored ? .skipped : changes.replaced ? .replaced : .stored
  }

  /// Removes a key. Returns the value that was there, nil if there was none or its time was over.
  @inlinable
  @discardableResult
  package func remove(_ key: Key) -> Value? {
    let hash = hash(key)
    let (changes, wasLive) = withShard(shardIndex(hash)) { shard in
      var changes = MemoryChanges<Key, Value>()
      let wasLive = shard.remove(key, hash, &changes)
      return (changes, wasLive)
    }
    announce(changes)
    return wasLive ? changes.departed?.entry.value : nil
  }

  /// Removes every entry, one shard after the other, and resets the counters. Sets by others meanwhile may stay.
  package func removeAll() {
    for index in 0..<shardCount {
      let entries = withShard(index) { shard in shard.removeAll() }
      if let listener { for entry in entries { listener(entry.key, entry.value, .removed) } }
    }
  }

  @inlinable @inline(__always)
  func announce(_ changes: MemoryChanges<Key, Value>) {
    guard let listener else { return }
    if let first = changes.departed { listener(first.entry.key, first.entry.value, first.cause) }
    for other in changes.others { listener(other.entry.key, other.entry.value, other.cause) }
  }
}

/// Everything stored is constant but the shards' contents, which are only reached under their locks. Closures are
/// Sendable by their type; keys and values go from the thread that sets them to those that get or evict them, so they
/// must be.
extension MemoryBackend: @unchecked Sendable where Key: Sendable, Value: Sendable {}
