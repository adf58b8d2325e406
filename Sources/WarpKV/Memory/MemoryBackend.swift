// SPDX-License-Identifier: Apache-2.0
// The memory backend: a bounded cache in one process, with the shared store's policy, shard counts, limits and rules, but
// keys and values are Swift values. Operations are in MemoryOperations, listing and counters in MemoryListing.
//
//   hash -> shard = low bits -> lock -> table -> slot -> entry
//
// - Shards lie in one piece of memory, each gate (its lock and what readers without it look at) in a line with what it
//   guards: an array of shard objects would cost every get two more dependent loads and a reference count.
// - A get takes the lock, unless keys and values are plain bits (MemoryView).
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
@usableFromInline
package final class MemoryBackend<Key: Hashable & Sendable, Value: Sendable>:
  @unchecked Sendable
{
  // Sendable: everything stored is constant but the gates and tallies, which are atomic, and the shards' contents, which are
  // reached under their locks, or word by word as MemoryView says.

  @usableFromInline package typealias Weigher = @Sendable (Key, Value) -> Int
  @usableFromInline package typealias Listener = @Sendable (Key, Value, DepartureCause) -> Void
  @usableFromInline typealias Shard = MemoryShard<Key, Value>

  @usableFromInline typealias Gate = MemoryGate<Key, Value>

  /// Where the shards are. They are initialised until the deinit.
  @usableFromInline let reader: MemoryReader<Key, Value>
  @usableFromInline let lifetime: Lifetime
  @usableFromInline let clock: @Sendable () -> UInt64
  @usableFromInline let weigher: Weigher?
  @usableFromInline let listener: Listener?
  @usableFromInline package let capacity: Int
  @usableFromInline package let weightLimit: Int?
  let loads = LoadTallies()

  /// - Parameters:
  ///   - capacity: entries, 1 to 2^31.
  ///   - shards: a power of two, at most the capacity; nil: 1 below 4,096 entries or with a weight limit, 16 below
  ///     65,536, then 64.
  ///   - timeToLive: of entries set without one of their own; nil: until they are evicted.
  ///   - weightLimit: the most all entries may weigh together, in the weigher's unit. It is divided among the shards,
  ///     and a value over its shard's share is not stored.
  ///   - weigher: called once for each set, without a lock. Must not return less than 0.
  ///   - listener: called after an entry left, without a lock, on the thread whose operation it was.
  ///   - clock: nanoseconds that never go back. Read only for entries that have a deadline, or can be stale.
  /// - Throws: `invalidCapacity`, `invalidShardCount`, `invalidTimeToLive`, `invalidArgument`; before memory is taken.
  package init(
    capacity: Int = Format.defaultCapacity, shards: Int? = nil, timeToLive: Duration? = nil,
    weightLimit: Int? = nil, weigher: Weigher? = nil, listener: Listener? = nil,
    clock: @escaping @Sendable () -> UInt64 = MemoryTime.now, seed: MemorySeed = .random()
  ) throws(WarpError) {
    let geometry = try Geometry(
      Parameters(
        capacity: capacity, shards: shards ?? (weightLimit == nil ? nil : 1), maxKeySize: 0, maxValueSize: 0))
    lifetime = Lifetime(whole: try MemoryTime.lifetime(timeToLive))
    try MemoryTime.checkWeights(
      limit: weightLimit, shards: geometry.shardCount, hasWeigher: weigher != nil)
    self.capacity = capacity
    self.weightLimit = weightLimit
    self.weigher = weigher
    self.listener = listener
    self.clock = clock
    let base = UnsafeMutableRawPointer.allocate(
      byteCount: geometry.shardCount * MemoryReader<Key, Value>.stride, alignment: MemoryTuning.shardAlignment)
    unsafe reader = MemoryReader(
      base, shards: geometry.shardCount, seed, MemoryTallies(isUsed: MemoryCell<Key, Value>.isReadWithoutLock))
    for index in 0..<geometry.shardCount {
      let weight = weightLimit.map { limit in
        limit / geometry.shardCount + (index < limit % geometry.shardCount ? 1 : 0)
      }
      unsafe gate(index).initialize(to: Gate())
      let share = geometry.capacity(ofShard: index)
      // Several small shards of large buckets are together as large as one large one.
      let isSparse = (MemoryTable<Key, Value>.holdsCells ? capacity : share) <= MemoryTuning.sparseCapacity
      unsafe shard(index).initialize(
        to: Shard(capacity: share, isSparse: isSparse, weightLimit: weight, clock: clock))
      if MemoryCell<Key, Value>.isReadWithoutLock {
        unsafe shard(index).pointee.publish(at: gate(index).pointee)
      }
    }
  }

  /// Nobody is in a call: each holds a reference.
  deinit {
    for index in 0..<shardCount {
      unsafe shard(index).deinitialize(count: 1)
      unsafe gate(index).deinitialize(count: 1)
    }
    unsafe reader.base?.deallocate()
    reader.tallies.destroy()
  }

  package var shardCount: Int { Int(reader.shardMask) + 1 }

  @inlinable @inline(__always)
  func gate(_ index: Int) -> UnsafeMutablePointer<Gate> { unsafe reader.gate(index) }

  @inlinable @inline(__always)
  func shard(_ index: Int) -> UnsafeMutablePointer<Shard> { unsafe reader.shard(index) }

  /// See ``MemoryReader/withShard(_:_:)``.
  @inlinable @inline(__always)
  func withShard<Result>(_ index: Int, _ body: (inout Shard) -> Result) -> Result {
    reader.withShard(index, body)
  }

  /// The same for a body that writes. What has left is told of afterwards, and goes with the changes.
  @inlinable @inline(__always)
  func change<Result>(
    _ index: Int, _ body: (inout Shard, inout MemoryChanges<Key, Value>) -> Result
  ) -> (result: Result, changes: MemoryChanges<Key, Value>) {
    var changes = MemoryChanges<Key, Value>()
    let gate = unsafe gate(index)
    let result = withShard(index) { shard in
      guard MemoryCell<Key, Value>.isReadWithoutLock else { return body(&shard, &changes) }
      unsafe gate.pointee.beginWrite()
      defer {
        unsafe shard.publish(at: gate.pointee)
        unsafe gate.pointee.endWrite()
      }
      return body(&shard, &changes)
    }
    announce(changes)
    return (result, changes)
  }

  @inlinable @inline(__always)
  func announce(_ changes: MemoryChanges<Key, Value>) {
    guard let listener else { return }
    if let first = changes.departed { listener(first.key, first.value, first.cause) }
    for other in changes.others { listener(other.key, other.value, other.cause) }
  }

  @inlinable @inline(__always)
  func hash(_ key: Key) -> UInt64 { reader.hash(key) }

  @inlinable @inline(__always)
  func shardIndex(_ hash: UInt64) -> Int { reader.index(hash) }
}
