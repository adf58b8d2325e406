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
// - Deadlines lie apart, and only once there is one: most caches have none, and 8 bytes less let an entry of two words
//   fit half a cache line.

/// An entry with its bookkeeping, 14 bytes beside key and value.
@frozen
@usableFromInline package struct MemoryEntry<Key, Value> {
  @usableFromInline package let key: Key
  @usableFromInline package var value: Value
  @usableFromInline var newer: MemorySlot
  @usableFromInline var older: MemorySlot
  @usableFromInline let tag: UInt32
  @usableFromInline var isVisited = false
  @usableFromInline var hasDeadline = false

  @inlinable @inline(__always)
  init(_ key: Key, _ value: Value, tag: UInt32) {
    self.key = key
    self.value = value
    newer = .none
    older = .none
    self.tag = tag
  }
}

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
  /// By slot, of those that have one. Shorter than the slots until a later one gets a deadline.
  @usableFromInline var deadlines: [UInt64] = []
  /// Read for entries that have a deadline only.
  @usableFromInline let clock: @Sendable () -> UInt64

  init(slots: Int, clock: @escaping @Sendable () -> UInt64) {
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
  }

  /// On a cache line's boundary, so that entries of half a line don't lie across two.
  private static func allocate(_ slots: Int) -> UnsafeMutablePointer<Entry> {
    unsafe UnsafeMutableRawPointer.allocate(
      byteCount: (slots + 1) * MemoryLayout<Entry>.stride,
      alignment: max(MemoryTuning.lineSize, MemoryLayout<Entry>.alignment)
    ).bindMemory(to: Entry.self, capacity: slots + 1)
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
    unsafe (larger + 1).moveInitialize(from: entries + 1, count: allocated)
    unsafe entries.deallocate()
    unsafe entries = larger
    allocated = slots
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
    unsafe at(slot).initialize(to: entry)
    unsafe at(slot).pointee.older = last
    if last == .none { first = slot } else { unsafe at(last).pointee.newer = slot }
    last = slot
    count &+= 1
    return slot
  }

  /// Takes an entry out of the queue and its slot; the hand moves off it.
  @inlinable
  mutating func take(_ slot: MemorySlot) -> Entry {
    let entry = unsafe at(slot).move()
    if entry.older == .none { first = entry.newer } else { unsafe at(entry.older).pointee.newer = entry.newer }
    if entry.newer == .none { last = entry.older } else { unsafe at(entry.newer).pointee.older = entry.older }
    if next == slot { next = entry.newer }
    unsafe UnsafeMutableRawPointer(at(slot)).storeBytes(of: firstFree, as: MemorySlot.self)
    firstFree = slot
    count &-= 1
    return entry
  }

  /// Takes all out, oldest first. O(count).
  mutating func takeAll() -> [Entry] {
    var taken: [Entry] = []
    taken.reserveCapacity(count)
    var slot = first
    for _ in 0..<count {
      taken.append(unsafe at(slot).move())
      slot = taken[taken.count - 1].newer
    }
    (bump, firstFree, first, last, next, count) = (0, .none, .none, .none, .none, 0)
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
  func isVisited(_ slot: MemorySlot) -> Bool { unsafe at(slot).pointee.isVisited }
  @inlinable @inline(__always)
  mutating func setVisited(_ slot: MemorySlot, _ value: Bool) { unsafe at(slot).pointee.isVisited = value }
  @inlinable @inline(__always)
  func isExpired(_ slot: MemorySlot) -> Bool {
    unsafe at(slot).pointee.hasDeadline && clock() >= deadlines[Int(slot.raw)]
  }
}

extension MemorySlots {
  /// 0: never.
  @inlinable
  func deadline(_ slot: MemorySlot) -> UInt64 {
    unsafe at(slot).pointee.hasDeadline ? deadlines[Int(slot.raw)] : 0
  }

  @inlinable @inline(__always)
  mutating func setDeadline(_ slot: MemorySlot, _ deadline: UInt64) {
    unsafe at(slot).pointee.hasDeadline = deadline != 0
    if deadline != 0 { storeDeadline(slot, deadline) }
  }

  @usableFromInline
  mutating func storeDeadline(_ slot: MemorySlot, _ deadline: UInt64) {
    if slot.raw >= deadlines.count {
      deadlines += repeatElement(0, count: allocated + 1 - deadlines.count)
    }
    deadlines[Int(slot.raw)] = deadline
  }
}
