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
// - A reader marks the entry visited by an atomic "or" of its flag. If the place is another entry's by then, that one is marked
//   without merit: it costs a place in the order, never a value. If it is nobody's, it stays so.
//
// - A reader that finds an entry behind its home bucket now and then becomes a writer for a moment: MemoryReader, `bringHome`.
//
// The fences: the odd sequence is stored before any word (release fence), the even one after all (release); a reader
// loads the sequence first (acquire) and again last (acquire fence). So if it sees one word of a write, it sees a
// sequence that is not the one it began with.

public import Synchronization

/// Immutable once it is published.
@frozen @safe
@usableFromInline
struct MemoryView<Key, Value> {
  @usableFromInline let places: MemoryPlaces<Key, Value>
  @usableFromInline let deadlines: MemoryColumn

  init(_ slots: MemorySlots<Key, Value>) {
    places = slots.places
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
  /// What a hit needs of the view, where the table holds the cells: from here it is one line of memory less.
  @usableFromInline let buckets = unsafe Atomic<UnsafeMutableRawPointer?>(nil)
  @usableFromInline let count = Atomic<Int>(0)
  /// Whether a reader may bring an entry home.
  @usableFromInline let movesAllowed = Atomic<Bool>(false)

  init() {}

  /// The backend's deinit: nobody looks any more.
  deinit { unsafe view.load(ordering: .relaxed)?.deallocate() }

  @inlinable @inline(__always)
  func beginWrite() {
    // Nobody else stores it.
    sequence.store(sequence.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    atomicMemoryFence(ordering: .releasing)
  }

  /// The holder's.
  @inlinable @inline(__always)
  func allowMoves(_ value: Bool) { movesAllowed.store(value, ordering: .relaxed) }

  @inlinable @inline(__always)
  var allowsMoves: Bool { movesAllowed.load(ordering: .relaxed) }

  /// How many there were.
  var writes: UInt64 { sequence.load(ordering: .relaxed) / 2 }

  @inlinable @inline(__always)
  func endWrite() { sequence.store(sequence.load(ordering: .relaxed) &+ 1, ordering: .releasing) }

  /// Whether nothing was written since the sequence, an even one, was loaded.
  @inlinable @inline(__always)
  func isUnchanged(since sequence: UInt64) -> Bool {
    atomicMemoryFence(ordering: .acquiring)
    return self.sequence.load(ordering: .relaxed) == sequence
  }

  /// The table. Its count is this one's or that of a smaller one before it, so every index is in it: tables only grow, and
  /// the buckets were stored before the count and are loaded after it.
  @inlinable @inline(__always)
  var table: MemoryTable<Key, Value> {
    let count = count.load(ordering: .acquiring)
    // There is one from the beginning.
    return unsafe MemoryTable(buckets: buckets.load(ordering: .acquiring).unsafelyUnwrapped, count: count)
  }

  /// Tells readers where everything is now. Returns the view that was there before; readers may still use it.
  func publish(_ slots: MemorySlots<Key, Value>) -> UnsafeMutableRawPointer? {
    let old = unsafe view.load(ordering: .relaxed)
    let new = UnsafeMutablePointer<View>.allocate(capacity: 1)
    unsafe new.initialize(to: View(slots))
    unsafe view.store(new, ordering: .releasing)
    unsafe buckets.store(slots.places.table.buckets, ordering: .releasing)
    count.store(slots.places.table.count, ordering: .releasing)
    return UnsafeMutableRawPointer(old)
  }
}
