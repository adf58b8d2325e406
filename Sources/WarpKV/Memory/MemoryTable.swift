// SPDX-License-Identifier: Apache-2.0
// The buckets of one shard: open addressing, linear probing, backward shift, no tombstones.
//
//   bucket = tag (high 32 bits) | slot (low 32 bits); 0 is empty, because slots are counted from 1
//
// - The home bucket is the tag's low bits, so nothing here ever asks a key for its hash, and never compares keys
//   itself: a shard whose keys are not even equal to themselves (NaN) can still take any of its entries out.
// - The bucket count is a power of two, at least twice the slots: a probe always ends at an empty bucket.
// - Between an entry's home and its bucket no bucket is empty. Removal keeps that by moving later entries back.
// - Buckets are atomic words: readers without the lock may look at them meanwhile (MemoryView).

public import Synchronization

/// A place for an entry, counted from 1 in its shard; 0 is none.
@frozen
@usableFromInline package struct MemorySlot: Equatable, Sendable, CustomStringConvertible {
  @usableFromInline let raw: UInt32

  @inlinable @inline(__always)
  init(_ raw: UInt32) { self.raw = raw }

  @inlinable @inline(__always)
  static var none: MemorySlot { MemorySlot(0) }

  /// nil for none.
  @inlinable @inline(__always)
  var checked: MemorySlot? { raw == 0 ? nil : self }

  @usableFromInline package var description: String { raw == 0 ? "no slot" : "slot \(raw)" }
}

/// Every index into `buckets` is masked, so it is below the count that was allocated and set to 0. The shard owns it and
/// destroys it once.
@frozen @safe
@usableFromInline
struct MemoryTable {
  @usableFromInline let buckets: UnsafeMutablePointer<UInt64>
  @usableFromInline let mask: Int

  init(slots: Int, isSparse: Bool) {
    let count = MemoryTuning.buckets(slots: slots, isSparse: isSparse)
    unsafe buckets = .allocate(capacity: count)
    unsafe buckets.initialize(repeating: 0, count: count)
    mask = count - 1
  }

  func destroy() { unsafe buckets.deallocate() }

  @inlinable @inline(__always)
  static func word(_ buckets: UnsafeMutablePointer<UInt64>, _ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe UnsafeMutableRawPointer(buckets + index).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inlinable @inline(__always)
  subscript(_ index: Int) -> UInt64 {
    get { unsafe MemoryTable.word(buckets, index & mask).pointee.load(ordering: .relaxed) }
    nonmutating set { unsafe MemoryTable.word(buckets, index & mask).pointee.store(newValue, ordering: .relaxed) }
  }

  @inlinable @inline(__always)
  static func tag(_ bucket: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: bucket >> 32) }

  @inlinable @inline(__always)
  static func slot(_ bucket: UInt64) -> MemorySlot { MemorySlot(UInt32(truncatingIfNeeded: bucket)) }

  /// The slot under this tag that the closure takes for the right one. At most one round.
  @inlinable @inline(__always)
  func find(_ tag: UInt32, where isRight: (MemorySlot) -> Bool) -> MemorySlot? {
    for distance in 0...mask {
      let bucket = self[Int(tag) &+ distance]
      if bucket == 0 { return nil }
      if MemoryTable.tag(bucket) == tag, isRight(MemoryTable.slot(bucket)) { return MemoryTable.slot(bucket) }
    }
    return nil
  }

  /// The slot of the first bucket with this tag; `none` if there is no such bucket. At most one round.
  @inlinable @inline(__always)
  func first(_ tag: UInt32) -> MemorySlot {
    var index = Int(tag)
    let end = index &+ mask
    while true {
      let bucket = self[index]
      // Which may be the tag 0 of an empty one: its slot is none.
      if MemoryTable.tag(bucket) == tag { return MemoryTable.slot(bucket) }
      if bucket == 0 || index == end { return .none }
      index &+= 1
    }
  }

  /// Of a slot that is not in.
  @inlinable
  func insert(_ slot: MemorySlot, _ tag: UInt32) {
    var index = Int(tag)
    // One bucket in two is empty, so this ends within a round.
    while self[index] != 0 { index &+= 1 }
    self[index] = UInt64(tag) << 32 | UInt64(slot.raw)
  }

  /// Of a slot that is in.
  @inlinable
  func remove(_ slot: MemorySlot, _ tag: UInt32) {
    let word = UInt64(tag) << 32 | UInt64(slot.raw)
    var hole = Int(tag) & mask
    while self[hole] != word {
      precondition(self[hole] != 0, "a live slot has no bucket")
      hole = (hole &+ 1) & mask
    }
    var index = (hole &+ 1) & mask
    // Ends at an empty bucket, of which there is always one.
    while self[index] != 0 {
      let home = Int(MemoryTable.tag(self[index])) & mask
      // It may move back if that does not take it before its home.
      if (index &- home) & mask >= (index &- hole) & mask {
        self[hole] = self[index]
        hole = index
      }
      index = (index &+ 1) & mask
    }
    self[hole] = 0
  }

  func removeAll() { for index in 0...mask { self[index] = 0 } }

  /// Moves to more buckets, and returns those that are no longer used.
  mutating func grow(slots: Int, isSparse: Bool) -> MemoryTable {
    let larger = MemoryTable(slots: slots, isSparse: isSparse)
    for index in 0...mask where self[index] != 0 {
      larger.insert(MemoryTable.slot(self[index]), MemoryTable.tag(self[index]))
    }
    defer { self = larger }
    return self
  }

  var bytes: Int { (mask + 1) * MemoryLayout<UInt64>.stride }

  /// The longest way from a home to its bucket. O(buckets); for tests.
  var longestProbe: Int {
    var longest = 0
    for index in 0...mask where self[index] != 0 {
      longest = max(longest, (index - Int(MemoryTable.tag(self[index]))) & mask)
    }
    return longest
  }
}
