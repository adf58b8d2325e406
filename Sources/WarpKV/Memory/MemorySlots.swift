// SPDX-License-Identifier: Apache-2.0
// The entries of one shard in raw memory, and their order of insertion.
//
//   0        1        2        3        4                 allocated
//   | unused | entry  | entry  | free   | entry  | never used |
//                                        bump ^
//
// - Slots 1...bump that are not on the free list hold an entry; exactly those are in the queue, oldest to newest.
//   A free slot's first four bytes are the next free slot, and nothing else in it is initialised.
// - The hand is none or a live slot. Whatever takes out the entry under it moves it to the newer neighbour, or to none.
// - A slot's number outlives growth: entries are moved to more memory and keep their places.
// - Where readers take no lock, what they may look at is written by words (MemoryView), and memory that was ever theirs is
//   kept until the shard goes: all of it together is a third of what is in use, since that grows fourfold each time.
// - A slot without an entry has the deadline 0, so the sweep need not know which slots are free.

public import Synchronization

/// `entries` has room for slots 0...allocated. Every slot that a method is given came from the table or the queue, so it
/// is live: in range and initialised. The shard owns it and destroys it once.
@frozen @safe
@usableFromInline
struct MemorySlots<Key, Value> {
  @usableFromInline typealias Entry = MemoryEntry<Key, Value>

  @usableFromInline var entries: UnsafeMutablePointer<Entry>
  @usableFromInline var allocated: Int
  @usableFromInline var bump: UInt32 = 0
  @usableFromInline var firstFree = MemorySlot.none
  @usableFromInline var first = MemorySlot.none
  @usableFromInline var last = MemorySlot.none
  @usableFromInline var next = MemorySlot.none
  @usableFromInline var count = 0
  /// 0: never.
  @usableFromInline var deadlines = MemoryColumn()
  /// When an entry becomes stale; 0: never.
  @usableFromInline var freshness = MemoryColumn()
  /// Not in use until somebody asks for one; see ``revision(_:)``.
  @usableFromInline var revisions = MemoryColumn()
  @usableFromInline var weights = MemoryColumn()
  @usableFromInline var lastRevision: UInt64 = 0
  /// Where the next sweep begins; 0: no entry had a deadline.
  @usableFromInline var sweepAt: UInt32 = 0
  /// Whether readers must be given another view.
  @usableFromInline var isMoved = true
  private var retired: [UnsafeMutableRawPointer] = unsafe []
  private(set) var retiredBytes = 0
  /// Read for entries that have a deadline, or an end of freshness, only.
  @usableFromInline let clock: @Sendable () -> UInt64

  init(slots: Int, clock: @escaping @Sendable () -> UInt64) {
    Entry.checkLayout()
    unsafe entries = MemorySlots.allocate(slots)
    allocated = slots
    self.clock = clock
  }

  func destroy() {
    var slot = first
    // Once around: each live slot is in the queue once.
    for _ in 0..<count {
      let newer = unsafe entries[Int(slot.raw)].newer
      unsafe (entries + Int(slot.raw)).deinitialize(count: 1)
      slot = newer
    }
    unsafe entries.deallocate()
    for column in [deadlines, freshness, revisions, weights] { column.destroy() }
    for index in unsafe retired.indices { unsafe retired[index].deallocate() }
  }

  /// On a cache line's boundary, so that entries of half a line don't lie across two.
  private static func allocate(_ slots: Int) -> UnsafeMutablePointer<Entry> {
    unsafe UnsafeMutableRawPointer.allocate(
      byteCount: (slots + 1) * MemoryLayout<Entry>.stride,
      alignment: max(MemoryTuning.lineSize, MemoryLayout<Entry>.alignment)
    ).bindMemory(to: Entry.self, capacity: slots + 1)
  }

  /// Gives memory back, or keeps it for readers that may still look at it.
  mutating func discard(_ memory: UnsafeMutableRawPointer?, _ bytes: Int) {
    guard let memory = unsafe memory else { return }
    if Entry.isReadWithoutLock {
      unsafe retired.append(memory)
      retiredBytes += bytes
    } else {
      unsafe memory.deallocate()
    }
  }

  @inlinable @inline(__always)
  func at(_ slot: MemorySlot) -> UnsafeMutablePointer<Entry> { unsafe entries + Int(slot.raw) }

  /// Whether the next insertion needs more memory.
  @inlinable @inline(__always)
  var isFull: Bool { firstFree == .none && bump == allocated }

  /// Only when full: then every slot is live, and all move at once.
  @usableFromInline
  mutating func grow(to slots: Int) {
    precondition(isFull && slots > allocated)
    let larger = unsafe MemorySlots.allocate(slots)
    if Entry.isReadWithoutLock {
      for slot in 1...allocated { unsafe Entry.copyOut(entries + slot, to: larger + slot, fromWord: 0) }
    } else {
      unsafe (larger + 1).moveInitialize(from: entries + 1, count: allocated)
    }
    unsafe discard(UnsafeMutableRawPointer(entries), (allocated + 1) * MemoryLayout<Entry>.stride)
    unsafe entries = larger
    let bytes = (allocated + 1) * MemoryLayout<UInt64>.stride
    unsafe discard(deadlines.grow(from: allocated, to: slots), bytes)
    unsafe discard(freshness.grow(from: allocated, to: slots), bytes)
    unsafe discard(revisions.grow(from: allocated, to: slots), bytes)
    unsafe discard(weights.grow(from: allocated, to: slots), bytes)
    allocated = slots
    isMoved = true
  }

  /// Puts an entry into a slot and at the newest end. There must be room.
  @inlinable
  mutating func append(_ entry: Entry) -> MemorySlot {
    var slot = firstFree
    if slot != .none {
      firstFree = unsafe UnsafeRawPointer(at(slot)).load(as: MemorySlot.self)
    } else {
      precondition(bump < allocated, "a slot was taken before there was one")
      bump &+= 1
      slot = MemorySlot(bump)
    }
    var entry = entry
    entry.older = last
    unsafe entry.write(to: at(slot))
    if last == .none { first = slot } else { unsafe at(last).pointee.newer = slot }
    last = slot
    count &+= 1
    return slot
  }

  /// Takes an entry out of the queue and its slot; the hand moves off it.
  @inlinable
  mutating func take(_ slot: MemorySlot) -> (key: Key, value: Value) {
    let (newer, older) = unsafe (at(slot).pointee.newer, at(slot).pointee.older)
    if older == .none { first = newer } else { unsafe at(older).pointee.newer = newer }
    if newer == .none { last = older } else { unsafe at(newer).pointee.older = older }
    if next == slot { next = newer }
    if unsafe at(slot).pointee.hasDeadline { deadlines.store(0, at: slot, allocated: allocated) }
    let content = unsafe Entry.takeContent(at(slot))
    unsafe UnsafeMutableRawPointer(at(slot)).storeBytes(of: firstFree, as: MemorySlot.self)
    firstFree = slot
    count &-= 1
    return content
  }

  /// Takes all out, oldest first. O(slots). Revisions go on growing.
  mutating func takeAll() -> [(key: Key, value: Value)] {
    var taken: [(key: Key, value: Value)] = []
    taken.reserveCapacity(count)
    var slot = first
    for _ in 0..<count {
      let newer = unsafe at(slot).pointee.newer
      taken.append(unsafe Entry.takeContent(at(slot)))
      slot = newer
    }
    for column in [deadlines, freshness, weights] { column.clear(allocated) }
    (bump, firstFree, first, last, next, count, sweepAt) = (0, .none, .none, .none, .none, 0, 0)
    return taken
  }
}

extension MemorySlots: SieveQueue {
  @inlinable @inline(__always)
  var oldest: MemorySlot? { first.checked }
  @inlinable @inline(__always)
  var hand: MemorySlot? {
    get { next.checked }
    set { next = newValue ?? .none }
  }
  @inlinable @inline(__always)
  func newer(_ slot: MemorySlot) -> MemorySlot? { unsafe at(slot).pointee.newer.checked }
  @inlinable @inline(__always)
  func isVisited(_ slot: MemorySlot) -> Bool {
    unsafe Entry.visited(at(slot)).pointee.load(ordering: .relaxed) != 0
  }
  @inlinable @inline(__always)
  func setVisited(_ slot: MemorySlot, _ value: Bool) {
    unsafe Entry.visited(at(slot)).pointee.store(value ? 1 : 0, ordering: .relaxed)
  }
  @inlinable @inline(__always)
  func isExpired(_ slot: MemorySlot) -> Bool {
    unsafe at(slot).pointee.hasDeadline && clock() >= deadlines[slot]
  }
}
