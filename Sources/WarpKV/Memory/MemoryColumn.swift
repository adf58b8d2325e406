// SPDX-License-Identifier: Apache-2.0
// Numbers beside the entries, one for each slot: deadlines, ends of freshness, revisions, weights.
//
// - Nothing is allocated until the first one is stored. Most caches have none of them, and an entry of two words then fits
//   half a cache line.
// - A column that is in use has a word for each slot there is memory for; 0 where nothing was stored. The slots own
//   it: they enlarge it when they grow, and destroy it once.
// - Words are written under the shard's lock. Those of the deadlines are also read without it (MemoryView), hence atomic.

public import Synchronization

@frozen @safe
@usableFromInline
struct MemoryColumn {
  @usableFromInline var words: UnsafeMutablePointer<UInt64>?

  @inlinable @inline(__always)
  init() { unsafe words = nil }

  @inlinable @inline(__always)
  var isUsed: Bool { unsafe words != nil }

  /// The word of a slot that there is memory for.
  @inlinable @inline(__always)
  static func word(
    _ words: UnsafeMutablePointer<UInt64>, _ slot: MemorySlot
  ) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe UnsafeMutableRawPointer(words + Int(slot.raw)).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// 0 in a column that is not in use.
  @inlinable @inline(__always)
  subscript(_ slot: MemorySlot) -> UInt64 {
    guard let words = unsafe words else { return 0 }
    return unsafe MemoryColumn.word(words, slot).pointee.load(ordering: .relaxed)
  }

  /// Begins to use the column if it is not in use; true if so.
  @inlinable @inline(__always)
  @discardableResult
  mutating func store(_ value: UInt64, at slot: MemorySlot, allocated: Int) -> Bool {
    let begins = !isUsed
    if begins { begin(allocated) }
    // It was just made if it was not there.
    unsafe MemoryColumn.word(words!, slot).pointee.store(value, ordering: .relaxed)
    return begins
  }

  /// O(slots).
  @usableFromInline
  mutating func begin(_ allocated: Int) {
    let new = UnsafeMutablePointer<UInt64>.allocate(capacity: allocated + 1)
    unsafe new.initialize(repeating: 0, count: allocated + 1)
    unsafe words = new
  }

  /// Returns the memory that is no longer used, if there is any.
  mutating func grow(from allocated: Int, to slots: Int) -> UnsafeMutableRawPointer? {
    guard let old = unsafe words else { return nil }
    begin(slots)
    unsafe words!.update(from: old, count: allocated + 1)
    return UnsafeMutableRawPointer(old)
  }

  func clear(_ allocated: Int) {
    guard let words = unsafe words else { return }
    for slot in 0...allocated {
      unsafe MemoryColumn.word(words, MemorySlot(UInt32(slot))).pointee.store(0, ordering: .relaxed)
    }
  }

  func destroy() { unsafe words?.deallocate() }
}
