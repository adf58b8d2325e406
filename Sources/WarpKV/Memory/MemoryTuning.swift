// SPDX-License-Identifier: Apache-2.0
// The numbers of the memory backend. It has no format, so they are its own; capacities, shard counts, times to live and the
// sweep have the numbers of the shared store.

@usableFromInline
enum MemoryTuning {
  /// Slots that a shard begins with, at most.
  static let firstSlots = 16
  /// A line for each shard's gate, and its neighbour that the processor fetches along.
  @inlinable static var shardAlignment: Int { 128 }
  @inlinable static var lineSize: Int { 64 }
  static let minimumBuckets = 8
  /// The sum of two weights must not overflow.
  static let maximumWeight = 1 << 62
  /// Keys and values of plain bits up to this size together, in bytes, are read without a lock: to copy more takes longer than a lock.
  @inlinable static var copiedSize: Int { 256 }
  /// Of those, keys and values of this size together lie in the buckets.
  @inlinable static var cellSize: Int { 32 }
  /// How often a reader tries without the lock before it takes it.
  @inlinable static var readerTries: Int { 8 }
  /// One in so many hits behind the home bucket brings the entry home. Those that are often asked for come first by that.
  @inlinable static var hitsPerMove: UInt64 { 32 }
  /// So many sets allow one such move, so that readers end up moving nothing where nothing is stored.
  @inlinable static var writesPerMove: Int { 4 }
  /// Lines that readers without a lock count in.
  @inlinable static var tallies: Int { 16 }

  /// Capacity up to which a table has more than twice the buckets: it is in the processor's first cache then, and most
  /// probes end at the first bucket, which the processor can foresee. In a larger one it is the cache's misses that count.
  static let sparseCapacity = 1024

  /// Where buckets are small, a power of two, at least twice the slots. Where they hold the entries, as many as are to be
  /// paid for: more of them are more lines of memory for the same entries, fewer are longer ways.
  static func buckets(slots: Int, isSparse: Bool, areCells: Bool) -> Int {
    if areCells { return max(minimumBuckets, isSparse ? slots * 4 : slots * 3 / 2) }
    let wanted = (isSparse ? 4 : 2) * slots
    return max(minimumBuckets, 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount))
  }

  /// For how many slots a shard has memory when what it has does not suffice; 0: at first.
  ///
  /// The capacity is one of the steps, so that the last one is no small one. Where all memory is kept that readers may still
  /// look at, steps are larger: then that is a third of what is in use, at most.
  static func slots(after allocated: Int, capacity: Int, keepsMemory: Bool) -> Int {
    let factor = keepsMemory ? 4 : 2
    var slots = capacity
    // Ends: it gets smaller with each round.
    while slots > max(firstSlots, factor * allocated) { slots = (slots + factor - 1) / factor }
    return slots
  }
}
