// SPDX-License-Identifier: Apache-2.0
// Reading without the lock, where keys and values are plain bits: a sequence lock in each shard, and views of its memory.
//
//   | lock | sequence | view | hits, misses, table, slots, ... |
//    gate                     shard
//
// - A writer holds the lock, makes the sequence odd, writes atomic words, and makes it even again. A reader whose sequence
//   was even and is the same afterwards has seen a state between two writes: what it copied is a key and a value.
//   Before that check it interprets nothing: half of one key and half of another need be no key at all.
// - A view says where table and entries are. It is never changed: a shard that grows publishes another one while its
//   sequence is odd, and keeps the old one and its memory until the backend goes.
// - A reader marks the entry visited by a store to its flag. If the slot is another entry's by then, that one is marked
//   without merit: it costs a place in the order, never a value.
//
// The fences: the odd sequence is stored before any word (release fence), the even one after all (release); a reader
// loads the sequence first (acquire) and again last (acquire fence). So if it sees one word of a write, it sees a
// sequence that is not the one it began with.

public import Synchronization

/// Immutable once it is published.
@frozen @safe
@usableFromInline
struct MemoryView<Key, Value> {
  @usableFromInline let table: MemoryTable
  @usableFromInline let entries: UnsafeMutablePointer<MemoryEntry<Key, Value>>
  @usableFromInline let deadlines: MemoryColumn

  init(_ table: MemoryTable, _ slots: MemorySlots<Key, Value>) {
    self.table = table
    unsafe entries = slots.entries
    deadlines = slots.deadlines
  }
}

/// What lies before a shard: it is used while another thread has the shard for itself.
@frozen @safe
@usableFromInline
struct MemoryGate<Key, Value>: ~Copyable {
  @usableFromInline typealias View = MemoryView<Key, Value>

  @usableFromInline let lock = MemoryLock()
  /// Odd while the holder of the lock writes.
  @usableFromInline let sequence = Atomic<UInt64>(0)
  @usableFromInline let view = unsafe Atomic<UnsafeMutablePointer<View>?>(nil)

  init() {}

  /// The backend's deinit: nobody looks any more.
  deinit { unsafe view.load(ordering: .relaxed)?.deallocate() }

  @inlinable @inline(__always)
  func beginWrite() {
    // Nobody else stores it.
    sequence.store(sequence.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    atomicMemoryFence(ordering: .releasing)
  }

  @inlinable @inline(__always)
  func endWrite() { sequence.store(sequence.load(ordering: .relaxed) &+ 1, ordering: .releasing) }

  /// Whether nothing was written since the sequence, an even one, was loaded.
  @inlinable @inline(__always)
  func isUnchanged(since sequence: UInt64) -> Bool {
    atomicMemoryFence(ordering: .acquiring)
    return self.sequence.load(ordering: .relaxed) == sequence
  }

  /// Tells readers where everything is now. Returns the view that was there before; readers may still use it.
  func publish(_ table: MemoryTable, _ slots: MemorySlots<Key, Value>) -> UnsafeMutableRawPointer? {
    let old = unsafe view.load(ordering: .relaxed)
    let new = UnsafeMutablePointer<View>.allocate(capacity: 1)
    unsafe new.initialize(to: View(table, slots))
    unsafe view.store(new, ordering: .releasing)
    return UnsafeMutableRawPointer(old)
  }
}

/// What a look without the lock found.
@frozen
@usableFromInline
enum MemoryGlance<Value> {
  case hit(Value)
  case miss
  /// Writers were faster each time.
  case unknown
}

extension MemoryGate where Key: Hashable {
  /// Counts as a get, unless it could not tell. Bound: some tries, each of one round through the table.
  @inlinable @inline(__always)
  func glance(
    _ key: Key, _ tag: UInt32, _ clock: () -> UInt64, _ tallies: MemoryTallies
  ) -> MemoryGlance<Value> {
    unsafe withUnsafeTemporaryAllocation(of: MemoryEntry<Key, Value>.self, capacity: 1) { buffer in
      guard let copy = buffer.baseAddress else { return .unknown }
      for _ in 0..<MemoryTuning.readerTries {
        let before = sequence.load(ordering: .acquiring)
        guard before & 1 == 0, let view = unsafe view.load(ordering: .acquiring) else { continue }
        guard let found = unsafe view.pointee.find(key, tag, copy, where: { isUnchanged(since: before) }) else {
          continue
        }
        let line = unsafe tallies.line(near: copy)
        guard let slot = found.slot, found.deadline == 0 || clock() < found.deadline else {
          line.countMiss()
          return .miss
        }
        if unsafe !copy.pointee.isVisited {
          unsafe MemoryEntry.visited(view.pointee.entries + Int(slot.raw)).pointee.store(1, ordering: .relaxed)
        }
        line.countHit()
        return .hit(unsafe copy.pointee.value)
      }
      return .unknown
    }
  }
}

extension MemoryView where Key: Hashable {
  /// Copies the key's entry; no slot if there is none. nil: something was written meanwhile.
  ///
  /// The slots that the buckets of this view name are in its entries, whenever they were written.
  @inlinable @inline(__always)
  func find(
    _ key: Key, _ tag: UInt32, _ copy: MemoryEntry<Key, Value>.Place, where isUnchanged: () -> Bool
  ) -> (slot: MemorySlot?, deadline: UInt64)? {
    for distance in 0...table.mask {
      let bucket = table[Int(tag) &+ distance]
      if bucket == 0 { break }
      guard MemoryTable.tag(bucket) == tag else { continue }
      let slot = MemoryTable.slot(bucket)
      unsafe MemoryEntry.copyOut(entries + Int(slot.raw), to: copy, fromWord: 1)
      // A byte as yet, not a truth.
      let isDated = unsafe UnsafeRawPointer(copy).load(
        fromByteOffset: MemoryEntry<Key, Value>.datedOffset, as: UInt8.self)
      let deadline = isDated == 0 ? 0 : deadlines[slot]
      guard isUnchanged() else { return nil }
      if unsafe copy.pointee.key == key { return (slot, deadline) }
    }
    return isUnchanged() ? (nil, 0) : nil
  }
}
