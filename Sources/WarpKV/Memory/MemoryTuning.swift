// SPDX-License-Identifier: Apache-2.0
// The numbers of the memory backend. It has no format, so they are its own; capacities, shard counts, times to live and the
// sweep have the numbers of the shared store.

@usableFromInline
enum MemoryTuning {
  /// Slots a shard begins with; it doubles them as it fills, up to its capacity.
  static let firstSlots = 16
  /// A line for each shard's gate, and its neighbour that the processor fetches along.
  @inlinable static var shardAlignment: Int { 128 }
  @inlinable static var lineSize: Int { 64 }
  static let minimumBuckets = 8
  /// The sum of two weights must not overflow.
  static let maximumWeight = 1 << 62
  /// Entries of plain bits up to this size, in bytes, are read without a lock: to copy more takes longer than a lock.
  @inlinable static var copiedSize: Int { 256 }
  /// How often a reader tries without the lock before it takes it.
  @inlinable static var readerTries: Int { 8 }
  /// Lines that readers without a lock count in.
  @inlinable static var tallies: Int { 16 }

  /// A power of two, at least twice the slots.
  static func buckets(slots: Int) -> Int {
    max(minimumBuckets, 1 << (Int.bitWidth - (2 * slots - 1).leadingZeroBitCount))
  }
}
