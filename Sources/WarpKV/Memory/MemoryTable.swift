// SPDX-License-Identifier: Apache-2.0
// The buckets of one shard: open addressing, linear probing, backward shift, no tombstones.
//
//   small entries of plain bits     a bucket is a byte, a cell and a slot, in three rows, of which a hit reads two:
//
//        ... | flags 2 | flags 1 | flags 0 | cell 0 | cell 1 | cell 2 | ... | slot 0 | slot 1 | slot 2 | ...
//                                     buckets ^
//   all others                      a bucket is a word: | slot (32 bits) | tag (32 bits) |
//
// - A bucket is empty if its flags are not those of a live entry; a word, if it is 0, because slots are counted from 1.
// - The home bucket is given by the tag's high bits, so nothing here ever asks a key for its hash, and never compares keys
//   itself: a shard whose keys are not even equal to themselves (NaN) can still take any of its entries out.
// - There are more buckets than slots: a probe always ends at an empty bucket. Their number need be no power of two.
// - Between an entry's home and its bucket no bucket is empty. Removal keeps that by moving later entries back.
// - Buckets are written by atomic words and bytes: readers without the lock may look at them meanwhile (MemoryView).

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

/// Every index is below the count, for which memory was allocated and set to 0. The shard owns it and destroys it once.
@frozen @safe
@usableFromInline
struct MemoryTable<Key, Value> {
  @usableFromInline typealias Cell = MemoryCell<Key, Value>

  /// The first cell, or word.
  @usableFromInline let buckets: UnsafeMutableRawPointer
  @usableFromInline let count: Int

  /// Whether the buckets have the entries themselves. A constant where the types are known.
  @inlinable @inline(__always)
  static var holdsCells: Bool { Cell.isReadWithoutLock && Cell.stride <= MemoryTuning.cellSize }

  init(slots: Int, isSparse: Bool) {
    count = MemoryTuning.buckets(slots: slots, isSparse: isSparse, areCells: MemoryTable.holdsCells)
    let flags = MemoryTable.flagsSize(count)
    let bytes = flags + count * MemoryTable.bucketSize
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: MemoryTuning.lineSize)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    unsafe buckets = unsafe memory + flags
  }

  /// What somebody else has made.
  @inlinable @inline(__always)
  init(buckets: UnsafeMutableRawPointer, count: Int) {
    unsafe self.buckets = unsafe buckets
    self.count = count
  }

  func destroy() { unsafe memory.deallocate() }

  /// Bytes before the first cell, which begins a line.
  private static func flagsSize(_ count: Int) -> Int {
    let mask = MemoryTuning.lineSize - 1
    return holdsCells ? (count + mask) & ~mask : 0
  }

  /// Bytes from the first cell on, for each bucket.
  private static var bucketSize: Int {
    holdsCells ? Cell.stride + MemoryLayout<UInt32>.size : MemoryLayout<UInt64>.size
  }

  var memory: UnsafeMutableRawPointer { unsafe buckets - MemoryTable.flagsSize(count) }
  var bytes: Int { MemoryTable.flagsSize(count) + count * MemoryTable.bucketSize }

  // MARK: One bucket

  @inlinable @inline(__always)
  func word(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (buckets + index &* 8).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inlinable @inline(__always)
  func flags(_ index: Int) -> MemoryFlags.Place {
    unsafe (buckets + ~index).assumingMemoryBound(to: Atomic<UInt8>.self)
  }

  @inlinable @inline(__always)
  func cell(_ index: Int) -> Cell.Place {
    unsafe buckets + index &* Cell.stride
  }

  @inlinable @inline(__always)
  func slotWord(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (buckets + (count &* Cell.stride &+ index &* 4)).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// What a probe looks at: the flags or the word.
  @inlinable @inline(__always)
  func sign(_ index: Int) -> UInt64 {
    if MemoryTable.holdsCells { return UInt64(unsafe MemoryFlags.load(flags(index)).bits) }
    return unsafe word(index).pointee.load(ordering: .relaxed)
  }

  @inlinable @inline(__always)
  static func flags(_ sign: UInt64) -> MemoryFlags { MemoryFlags(bits: UInt8(truncatingIfNeeded: sign)) }

  @inlinable @inline(__always)
  static func isEmpty(_ sign: UInt64) -> Bool { holdsCells ? !flags(sign).isLive : sign == 0 }

  /// Whether a bucket may be this tag's: flags know only a part of it. Never true of an empty one.
  @inlinable @inline(__always)
  static func matches(_ sign: UInt64, _ tag: UInt32) -> Bool {
    if holdsCells { return flags(sign).matches(tag) }
    // Which may be the tag 0 of an empty one.
    return UInt32(truncatingIfNeeded: sign >> 32) == tag && sign != 0
  }

  @inlinable @inline(__always)
  func slot(_ index: Int, _ sign: UInt64) -> MemorySlot {
    if MemoryTable.holdsCells { return MemorySlot(unsafe slotWord(index).pointee.load(ordering: .relaxed)) }
    return MemorySlot(UInt32(truncatingIfNeeded: sign))
  }

  /// The flags of a new entry, or its word. Where the table holds cells, key and value are to be written there.
  @inlinable @inline(__always)
  func fill(_ index: Int, _ slot: MemorySlot, _ tag: UInt32) {
    guard MemoryTable.holdsCells else {
      unsafe word(index).pointee.store(UInt64(tag) << 32 | UInt64(slot.raw), ordering: .relaxed)
      return
    }
    unsafe MemoryFlags.store(MemoryFlags(tag: tag), flags(index))
    unsafe slotWord(index).pointee.store(slot.raw, ordering: .relaxed)
  }

  @inlinable @inline(__always)
  func empty(_ index: Int) {
    if MemoryTable.holdsCells {
      unsafe MemoryFlags.store(MemoryFlags(bits: 0), flags(index))
    } else {
      unsafe word(index).pointee.store(0, ordering: .relaxed)
    }
  }

  /// Over whatever is there.
  @inlinable @inline(__always)
  func copy(_ index: Int, to other: Int, of table: MemoryTable) {
    let sign = sign(index)
    guard MemoryTable.holdsCells else {
      unsafe table.word(other).pointee.store(sign, ordering: .relaxed)
      return
    }
    unsafe MemoryFlags.store(MemoryTable.flags(sign), table.flags(other))
    unsafe Cell.copy(cell(index), to: table.cell(other))
    unsafe table.slotWord(other).pointee.store(slot(index, sign).raw, ordering: .relaxed)
  }

  // MARK: Ways

  @inlinable @inline(__always)
  func home(_ tag: UInt32) -> Int {
    Int(truncatingIfNeeded: (UInt64(tag) &* UInt64(truncatingIfNeeded: count)) &>> 32)
  }

  @inlinable @inline(__always)
  func next(_ index: Int) -> Int { index &+ 1 == count ? 0 : index &+ 1 }

  /// Steps from one index to another, forward.
  @inlinable @inline(__always)
  func steps(from first: Int, to index: Int) -> Int { index >= first ? index &- first : index &- first &+ count }

  /// How far the entry in a bucket is from its home.
  ///
  /// - Parameter tag: of any slot that is in.
  @inlinable @inline(__always)
  func distance(_ index: Int, _ sign: UInt64, _ tag: (MemorySlot) -> UInt32) -> Int {
    steps(
      from: home(MemoryTable.holdsCells ? tag(slot(index, sign)) : UInt32(truncatingIfNeeded: sign >> 32)),
      to: index)
  }

  /// The first bucket that may be this tag's and for which the closure says yes. At most one round.
  @inlinable @inline(__always)
  func search(_ tag: UInt32, until isRight: (Int, UInt64) -> Bool) -> Int? {
    let home = home(tag)
    var index = home
    repeat {
      let sign = sign(index)
      if MemoryTable.matches(sign, tag), isRight(index, sign) { return index }
      if MemoryTable.isEmpty(sign) { return nil }
      index = next(index)
    } while index != home
    return nil
  }

  /// The bucket of a slot that is in.
  @inlinable @inline(__always)
  func index(of slot: MemorySlot, _ tag: UInt32) -> Int {
    var index = home(tag)
    var sign = sign(index)
    while self.slot(index, sign) != slot || MemoryTable.isEmpty(sign) {
      precondition(!MemoryTable.isEmpty(sign), "a live slot has no bucket")
      index = next(index)
      sign = self.sign(index)
    }
    return index
  }

  /// The first empty bucket for a tag.
  @inlinable
  func place(_ tag: UInt32) -> Int {
    var index = home(tag)
    // There is one, so this ends within a round.
    while !MemoryTable.isEmpty(sign(index)) { index = next(index) }
    return index
  }

  /// Empties a bucket, and moves entries behind it back.
  ///
  /// - Parameter tag: of any slot that is in.
  @inlinable
  func remove(at index: Int, _ tag: (MemorySlot) -> UInt32) {
    var hole = index
    var index = next(hole)
    var sign = sign(index)
    // Ends at an empty bucket, of which there is always one.
    while !MemoryTable.isEmpty(sign) {
      // It may move back if that does not take it before its home.
      if distance(index, sign, tag) >= steps(from: hole, to: index) {
        copy(index, to: hole, of: self)
        hole = index
      }
      index = next(index)
      sign = self.sign(index)
    }
    empty(hole)
  }

  /// Exchanges an entry that is behind its home with the one that is there. The tag must be the entry's own.
  ///
  /// Both are still found. No bucket between the two is empty, nor between the other one's home and this one. Together these
  /// ways are shorter than the table, since it has an empty bucket.
  @inlinable
  func bringHome(_ index: Int, _ tag: UInt32) {
    let other = home(tag)
    let sign = sign(index)
    let slot = slot(index, sign)
    guard MemoryTable.holdsCells else {
      copy(other, to: index, of: self)
      return fill(other, slot, tag)
    }
    unsafe Cell.withCopy { cell in
      unsafe Cell.copyOut(self.cell(index), to: cell)
      copy(other, to: index, of: self)
      unsafe Cell.copy(cell, to: self.cell(other))
    }
    unsafe MemoryFlags.store(MemoryTable.flags(sign), flags(other))
    unsafe slotWord(other).pointee.store(slot.raw, ordering: .relaxed)
  }

  func removeAll() { for index in 0..<count { empty(index) } }

  /// Puts all entries into an empty table, with as many buckets at least.
  func copy(to larger: MemoryTable, _ tag: (MemorySlot) -> UInt32) {
    for index in 0..<count where !MemoryTable.isEmpty(sign(index)) {
      copy(index, to: larger.place(tag(slot(index, sign(index)))), of: larger)
    }
  }

  /// The longest way from a home to its bucket. O(buckets); for tests.
  func longestProbe(_ tag: (MemorySlot) -> UInt32) -> Int {
    (0..<count).reduce(0) { longest, index in
      let sign = sign(index)
      return MemoryTable.isEmpty(sign) ? longest : max(longest, distance(index, sign, tag))
    }
  }
}
