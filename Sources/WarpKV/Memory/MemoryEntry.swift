// SPDX-License-Identifier: Apache-2.0
// One entry in memory, and how it is written where readers take no lock.
//
//   0       4       8      12        13       14
//   | newer | older | tag  | visited | dated  | key, value, each aligned as its type is |
//
// - Keys and values of plain bits (integers, and structures of them) are read without a lock: such a reader copies the
//   words from the second on, checks that nobody wrote meanwhile, and only then takes them for a key and a value. So
//   those words are written by atomic stores, and the two flags are bytes of their own.
// - The links are the owner's alone: the first word, which a free slot uses for the next free one.
// - Other types need the lock: to copy a reference that is released at the same moment is to touch freed memory.

public import Synchronization

/// An entry with its bookkeeping, 14 bytes before key and value.
@frozen
@usableFromInline
struct MemoryEntry<Key, Value> {
  @usableFromInline var newer: MemorySlot
  @usableFromInline var older: MemorySlot
  @usableFromInline let tag: UInt32
  /// Of an entry in a slot it is accessed as an atomic byte, since readers set it.
  @usableFromInline var isVisited = false
  @usableFromInline var hasDeadline = false
  @usableFromInline let key: Key
  @usableFromInline var value: Value

  @inlinable @inline(__always)
  init(_ key: Key, _ value: Value, tag: UInt32) {
    newer = .none
    older = .none
    self.tag = tag
    self.key = key
    self.value = value
  }
}

/// Each pointer is to a slot, which is as large as the stride, aligned to 8 where it is read without a lock, and live unless
/// it says otherwise.
extension MemoryEntry {
  @usableFromInline typealias Place = UnsafeMutablePointer<MemoryEntry>

  /// Whether readers take no lock. A constant where the types are known.
  @inlinable @inline(__always)
  static var isReadWithoutLock: Bool {
    _isPOD(Key.self) && _isPOD(Value.self) && MemoryLayout<Self>.stride & 7 == 0
      && MemoryLayout<Self>.stride <= MemoryTuning.copiedSize
  }

  @inlinable static var visitedOffset: Int { 12 }
  @inlinable static var datedOffset: Int { 13 }
  /// Words of a slot; the first is not copied for readers.
  @inlinable @inline(__always)
  static var words: Int { MemoryLayout<Self>.stride / MemoryLayout<UInt64>.size }

  static func checkLayout() {
    assert(MemoryLayout<Self>.offset(of: \.newer) == 0 && MemoryLayout<Self>.offset(of: \.tag) == 8)
    assert(MemoryLayout<Self>.offset(of: \.isVisited) == visitedOffset)
    assert(MemoryLayout<Self>.offset(of: \.hasDeadline) == datedOffset)
  }

  @inlinable @inline(__always)
  static func visited(_ place: Place) -> UnsafeMutablePointer<Atomic<UInt8>> {
    unsafe (UnsafeMutableRawPointer(place) + visitedOffset).assumingMemoryBound(to: Atomic<UInt8>.self)
  }

  @inlinable @inline(__always)
  static func dated(_ place: Place) -> UnsafeMutablePointer<Atomic<UInt8>> {
    unsafe (UnsafeMutableRawPointer(place) + datedOffset).assumingMemoryBound(to: Atomic<UInt8>.self)
  }

  @inlinable @inline(__always)
  static func word(_ place: UnsafeMutableRawPointer, _ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (place + index &* 8).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// Into a slot that is not live.
  @inlinable @inline(__always)
  func write(to place: Place) {
    guard MemoryEntry.isReadWithoutLock else {
      unsafe place.initialize(to: self)
      return
    }
    unsafe withUnsafeTemporaryAllocation(of: MemoryEntry.self, capacity: 1) { copy in
      guard let from = copy.baseAddress else { return }
      unsafe from.initialize(to: self)
      for index in 0..<MemoryEntry.words {
        let word = unsafe UnsafeRawPointer(from).load(fromByteOffset: index &* 8, as: UInt64.self)
        unsafe MemoryEntry.word(place, index).pointee.store(word, ordering: .relaxed)
      }
    }
  }

  /// Copies bits that somebody may be writing into private memory.
  @inlinable @inline(__always)
  static func copyOut(_ place: Place, to copy: Place, fromWord first: Int) {
    for index in first..<words {
      let word = unsafe word(place, index).pointee.load(ordering: .relaxed)
      unsafe UnsafeMutableRawPointer(copy).storeBytes(of: word, toByteOffset: index &* 8, as: UInt64.self)
    }
  }

  /// Gives a live entry another value, and returns the old one.
  @inlinable @inline(__always)
  static func replace(_ place: Place, _ value: Value) -> Value {
    let old = unsafe place.pointee.value
    guard isReadWithoutLock else {
      unsafe place.pointee.value = value
      return old
    }
    var entry = unsafe MemoryEntry(place.pointee.key, value, tag: place.pointee.tag)
    entry.newer = unsafe place.pointee.newer
    entry.older = unsafe place.pointee.older
    entry.hasDeadline = unsafe place.pointee.hasDeadline
    unsafe entry.write(to: place)
    return old
  }

  /// The slot is not live afterwards. Field by field where a reader may be setting the visited byte.
  @inlinable @inline(__always)
  static func takeContent(_ place: Place) -> (key: Key, value: Value) {
    if isReadWithoutLock { return unsafe (place.pointee.key, place.pointee.value) }
    let entry = unsafe place.move()
    return (entry.key, entry.value)
  }
}
