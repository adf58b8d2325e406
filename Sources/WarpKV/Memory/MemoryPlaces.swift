// SPDX-License-Identifier: Apache-2.0
// Where the entries of a shard are. There are two layouts; which one is a constant where the types are known, and this file
// and MemoryTable are all that knows of them.
//
//                                   in the bucket              by slot
//   small entries of plain bits     flags, key, value, slot    newer, older, tag
//   all others                      slot, tag                  newer, older, tag, flags, key, value
//
// - A hit waits for memory, and for little else, once the entries do not fit into the processor's caches. In the first
//   layout it waits once: all that it needs is where the hash leads. In the second it waits for the bucket, and then for
//   the slot that the bucket names. But there an entry stays where it is, whatever becomes of others: what is large would take
//   long to move.
// - The order of the entries and what is in columns (MemorySlots) is by slot, since a slot outlives all moves. Where cells
//   move, it is a probe from a slot to its cell.
// - Links are the owner's alone. A free slot has the next free one as its newer one.

public import Synchronization

/// An entry, as an operation of the shard's owner sees it: until the next one is put in, taken out, or memory grows. Then its cell
/// may be elsewhere.
@frozen @safe
@usableFromInline
struct MemorySpot<Key, Value> {
  @usableFromInline let slot: MemorySlot
  @usableFromInline let cell: MemoryCell<Key, Value>.Place
  @usableFromInline let place: MemoryFlags.Place

  @inlinable @inline(__always)
  init(_ slot: MemorySlot, _ cell: MemoryCell<Key, Value>.Place, _ place: MemoryFlags.Place) {
    self.slot = slot
    unsafe self.cell = unsafe cell
    unsafe self.place = unsafe place
  }

  @inlinable @inline(__always)
  var key: Key { unsafe MemoryCell<Key, Value>.key(cell).pointee }
  @inlinable @inline(__always)
  var value: Value { unsafe MemoryCell<Key, Value>.value(cell).pointee }
  @inlinable @inline(__always)
  var flags: MemoryFlags { unsafe MemoryFlags.load(place) }
}

/// What is kept by slot in both layouts.
@frozen
@usableFromInline
struct MemoryNode {
  @usableFromInline var newer: MemorySlot
  @usableFromInline var older: MemorySlot
  @usableFromInline var tag: UInt32

  @inlinable @inline(__always)
  init(newer: MemorySlot, older: MemorySlot, tag: UInt32) {
    self.newer = newer
    self.older = older
    self.tag = tag
  }
}

/// `nodes` has room for slots 0...allocated. Every slot that a method is given came from the table or the queue, so it
/// is in range, and holds an entry unless the method says otherwise. The shard owns it and destroys it once.
@frozen @safe
@usableFromInline
struct MemoryPlaces<Key, Value> {
  @usableFromInline typealias Cell = MemoryCell<Key, Value>
  @usableFromInline typealias Table = MemoryTable<Key, Value>
  @usableFromInline typealias Spot = MemorySpot<Key, Value>

  @usableFromInline let table: Table
  @usableFromInline let nodes: UnsafeMutableRawPointer

  init(slots: Int, isSparse: Bool) {
    table = Table(slots: slots, isSparse: isSparse)
    // On a cache line's boundary, so that entries of half a line don't lie across two.
    unsafe nodes = .allocate(
      byteCount: (slots + 1) * MemoryPlaces.stride,
      alignment: max(MemoryTuning.lineSize, Cell.alignment))
  }

  /// The entries were taken out, or are plain bits.
  func destroy() {
    table.destroy()
    unsafe nodes.deallocate()
  }

  // MARK: By slot

  @inlinable @inline(__always)
  static var stride: Int { Table.holdsCells ? MemoryLayout<MemoryNode>.stride : cellOffset + Cell.stride }
  @inlinable @inline(__always)
  static var flagsOffset: Int { MemoryLayout<MemoryNode>.size }
  @inlinable @inline(__always)
  static var cellOffset: Int { max(16, Cell.alignment) }

  /// Of an entry, or of a free slot.
  @inlinable @inline(__always)
  func node(_ slot: MemorySlot) -> UnsafeMutablePointer<MemoryNode> {
    unsafe (nodes + Int(slot.raw) &* MemoryPlaces.stride).assumingMemoryBound(to: MemoryNode.self)
  }

  @inlinable @inline(__always)
  func tag(_ slot: MemorySlot) -> UInt32 { unsafe node(slot).pointee.tag }

  @inlinable @inline(__always)
  func spot(_ slot: MemorySlot) -> Spot { spot(slot, Table.holdsCells ? table.index(of: slot, tag(slot)) : 0) }

  /// With the index of its bucket, which matters where the table holds the cells.
  @inlinable @inline(__always)
  func spot(_ slot: MemorySlot, _ index: Int) -> Spot {
    if Table.holdsCells { return unsafe Spot(slot, table.cell(index), table.flags(index)) }
    let node = unsafe UnsafeMutableRawPointer(node(slot))
    return unsafe Spot(
      slot, (node + MemoryPlaces.cellOffset),
      (node + MemoryPlaces.flagsOffset).assumingMemoryBound(to: Atomic<UInt8>.self))
  }

  // MARK: By bucket

  /// Key and value, and the flags, of the entry in a bucket.
  @inlinable @inline(__always)
  func content(_ index: Int, _ sign: UInt64) -> (cell: Cell.Place, place: MemoryFlags.Place) {
    if Table.holdsCells { return unsafe (table.cell(index), table.flags(index)) }
    let spot = spot(table.slot(index, sign), index)
    return unsafe (spot.cell, spot.place)
  }

  // MARK: By tag

  /// The bucket of the first entry that may be this tag's and for which the closure says yes.
  @inlinable @inline(__always)
  func index(_ tag: UInt32, where isRight: (Spot) -> Bool) -> Int? {
    table.search(tag) { index, sign in isRight(spot(table.slot(index, sign), index)) }
  }

  /// That entry.
  @inlinable @inline(__always)
  func find(_ tag: UInt32, where isRight: (Spot) -> Bool) -> Spot? {
    var found: Spot?
    _ = table.search(tag) { index, sign in
      let spot = spot(table.slot(index, sign), index)
      guard isRight(spot) else { return false }
      found = spot
      return true
    }
    return found
  }

  /// Puts an entry into a slot that holds none. Its node is there.
  @inlinable @inline(__always)
  func insert(_ key: Key, _ value: Value, _ slot: MemorySlot, _ tag: UInt32) -> Spot {
    let index = table.place(tag)
    table.fill(index, slot, tag)
    let spot = spot(slot, index)
    unsafe Cell.write(key, value, to: spot.cell)
    if !Table.holdsCells { unsafe MemoryFlags.store(MemoryFlags(tag: tag), spot.place) }
    return spot
  }

  /// Takes an entry out.
  @inlinable @inline(__always)
  func take(_ spot: Spot) -> (key: Key, value: Value) {
    let content = unsafe Cell.take(spot.cell)
    table.remove(at: table.index(of: spot.slot, tag(spot.slot))) { slot in tag(slot) }
    return content
  }

  // MARK: All of them

  /// Moves the entries to where there is room for more. All slots up to a number hold one.
  func move(_ slots: Int, to larger: MemoryPlaces) {
    for number in 1...slots {
      let slot = MemorySlot(UInt32(number))
      unsafe larger.node(slot).initialize(to: node(slot).pointee)
      guard !Table.holdsCells else { continue }
      let (from, to) = (spot(slot, 0), larger.spot(slot, 0))
      unsafe MemoryFlags.store(from.flags, to.place)
      if Cell.isReadWithoutLock {
        unsafe Cell.copy(from.cell, to: to.cell)
      } else {
        let content = unsafe Cell.take(from.cell)
        unsafe Cell.write(content.key, content.value, to: to.cell)
      }
    }
    table.copy(to: larger.table) { slot in tag(slot) }
  }

  /// See ``MemoryTable/longestProbe(_:)``.
  var longestProbe: Int { table.longestProbe { slot in tag(slot) } }
}
