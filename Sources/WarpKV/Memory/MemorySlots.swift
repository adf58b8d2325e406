// SPDX-License-Identifier: Apache-2.0
// The slots of one shard, which of them hold an entry, and the order of insertion.
//
//   0        1        2        3        4                 allocated
//   | unused | entry  | entry  | free   | entry  | never used |
//                                        bump ^
//
// - Slots 1...bump that are not on the free list hold an entry; exactly those are in the queue, oldest to newest, and in the
//   table. Of a free slot nothing is initialised but the next free one.
// - The hand is none or a live slot. Whatever takes out the entry under it moves it to the newer neighbour, or to none.
// - A slot's number outlives growth: entries are moved to more memory and keep their slots.
// - Where readers take no lock, what they may look at is written by words (MemoryView), and memory that was ever theirs is
//   kept until the shard goes: all of it together is a third of what is in use, since that grows fourfold each time.
// - A slot without an entry has the deadline 0, so the sweep need not know which slots are free.

/// There is room for slots 0...allocated. Every slot that a method is given came from the table or the queue, so it
/// is live: in range and initialised. The shard owns it and destroys it once.
@frozen @safe
@usableFromInline
struct MemorySlots<Key, Value> {
  @usableFromInline typealias Cell = MemoryCell<Key, Value>
  @usableFromInline typealias Places = MemoryPlaces<Key, Value>
  @usableFromInline typealias Spot = MemorySpot<Key, Value>

  @usableFromInline var places: Places
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
  /// Sets that no move home (``MemoryTable/bringHome(_:_:)``) was made for. At most one for each slot is remembered.
  @usableFromInline var unmoved = 0
  /// Whether readers must be given another view.
  @usableFromInline var isMoved = true
  private var retired: [UnsafeMutableRawPointer] = unsafe []
  private(set) var retiredBytes = 0
  /// Read for entries that have a deadline, or an end of freshness, only.
  @usableFromInline let clock: @Sendable () -> UInt64

  init(slots: Int, isSparse: Bool, clock: @escaping @Sendable () -> UInt64) {
    places = Places(slots: slots, isSparse: isSparse)
    allocated = slots
    self.clock = clock
  }

  func destroy() {
    var slot = first
    // Once around: each live slot is in the queue once.
    for _ in 0..<count {
      let newer = unsafe places.node(slot).pointee.newer
      _ = unsafe Cell.take(places.spot(slot).cell)
      slot = newer
    }
    places.destroy()
    for column in [deadlines, freshness, revisions, weights] { column.destroy() }
    for index in unsafe retired.indices { unsafe retired[index].deallocate() }
  }

  /// Gives memory back, or keeps it for readers that may still look at it.
  mutating func discard(_ memory: UnsafeMutableRawPointer?, _ bytes: Int) {
    guard let memory = unsafe memory else { return }
    if Cell.isReadWithoutLock {
      unsafe retired.append(memory)
      retiredBytes += bytes
    } else {
      unsafe memory.deallocate()
    }
  }

  @inlinable @inline(__always)
  func spot(_ slot: MemorySlot) -> Spot { places.spot(slot) }

  /// Whether the next insertion needs more memory.
  @inlinable @inline(__always)
  var isFull: Bool { firstFree == .none && bump == allocated }

  /// Only when full: then every slot is live, and all move at once.
  @usableFromInline
  mutating func grow(to slots: Int, isSparse: Bool) {
    precondition(isFull && slots > allocated)
    let old = places
    places = Places(slots: slots, isSparse: isSparse)
    old.move(allocated, to: places)
    unsafe discard(old.table.memory, old.table.bytes)
    if Places.Table.holdsCells {
      // No reader looks at them.
      unsafe old.nodes.deallocate()
    } else {
      unsafe discard(old.nodes, (allocated + 1) * Places.stride)
    }
    let bytes = (allocated + 1) * MemoryLayout<UInt64>.stride
    unsafe discard(deadlines.grow(from: allocated, to: slots), bytes)
    unsafe discard(freshness.grow(from: allocated, to: slots), bytes)
    unsafe discard(revisions.grow(from: allocated, to: slots), bytes)
    unsafe discard(weights.grow(from: allocated, to: slots), bytes)
    allocated = slots
    isMoved = true
  }

  /// A set pays for a part of a move.
  @inlinable @inline(__always)
  mutating func payForMove() { if unmoved < allocated { unmoved &+= 1 } }

  /// Puts an entry into a slot and at the newest end. There must be room.
  @inlinable
  mutating func append(_ key: Key, _ value: Value, tag: UInt32) -> Spot {
    var slot = firstFree
    if slot != .none {
      firstFree = unsafe places.node(slot).pointee.newer
    } else {
      precondition(bump < allocated, "a slot was taken before there was one")
      bump &+= 1
      slot = MemorySlot(bump)
    }
    unsafe places.node(slot).initialize(to: MemoryNode(newer: .none, older: last, tag: tag))
    if last == .none { first = slot } else { unsafe places.node(last).pointee.newer = slot }
    last = slot
    count &+= 1
    return places.insert(key, value, slot, tag)
  }

  /// Takes an entry out of the queue, the table and its slot; the hand moves off it.
  @inlinable
  mutating func take(_ spot: Spot) -> (key: Key, value: Value) {
    let slot = spot.slot
    let node = unsafe places.node(slot).pointee
    if node.older == .none {
      first = node.newer
    } else {
      unsafe places.node(node.older).pointee.newer = node.newer
    }
    if node.newer == .none {
      last = node.older
    } else {
      unsafe places.node(node.newer).pointee.older = node.older
    }
    if next == slot { next = node.newer }
    if spot.flags.isDated { deadlines.store(0, at: slot, allocated: allocated) }
    let content = places.take(spot)
    unsafe places.node(slot).pointee.newer = firstFree
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
      let newer = unsafe places.node(slot).pointee.newer
      taken.append(unsafe Cell.take(spot(slot).cell))
      slot = newer
    }
    places.table.removeAll()
    for column in [deadlines, freshness, weights] { column.clear(allocated) }
    (bump, firstFree, first, last, next, count, sweepAt) = (0, .none, .none, .none, .none, 0, 0)
    return taken
  }
}

extension MemorySlots: SieveQueue {
  @inlinable @inline(__always)
  var oldest: Spot? { first.checked.map(spot) }
  @inlinable @inline(__always)
  var hand: Spot? {
    get { next.checked.map(spot) }
    set { next = newValue?.slot ?? .none }
  }
  @inlinable @inline(__always)
  func newer(_ spot: Spot) -> Spot? { unsafe places.node(spot.slot).pointee.newer.checked.map(self.spot) }
  @inlinable @inline(__always)
  func isVisited(_ spot: Spot) -> Bool { spot.flags.isVisited }
  @inlinable @inline(__always)
  func setVisited(_ spot: Spot, _ value: Bool) { unsafe MemoryFlags.set(MemoryFlags.visited, value, spot.place) }
  @inlinable @inline(__always)
  func isExpired(_ spot: Spot) -> Bool { spot.flags.isDated && clock() >= deadlines[spot.slot] }
}
