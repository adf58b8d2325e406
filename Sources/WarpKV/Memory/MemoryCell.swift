// SPDX-License-Identifier: Apache-2.0
// Key and value of an entry in memory, the byte that says how it stands, and how both are written where readers take no lock.
//
// - Keys and values of plain bits (integers, and structures of them) are read without a lock: such a reader copies the
//   words, checks that nobody wrote meanwhile, and only then takes them for a key and a value. So the words are
//   written by atomic stores.
// - The flags are apart from them, since readers mark an entry visited: by an atomic "or" of that one bit. Whatever else the
//   place has become by then, it becomes no live entry by it.
// - Other types need the lock: to copy a reference that is released at the same moment is to touch freed memory.

public import Synchronization

/// How an entry stands, in one byte.
@frozen
@usableFromInline
struct MemoryFlags {
  @usableFromInline typealias Place = UnsafeMutablePointer<Atomic<UInt8>>

  @usableFromInline let bits: UInt8

  @inlinable @inline(__always)
  init(bits: UInt8) { self.bits = bits }

  /// Of a new entry: not visited, without a deadline.
  @inlinable @inline(__always)
  init(tag: UInt32) { bits = MemoryFlags.live | MemoryFlags.print(tag) }

  @inlinable @inline(__always)
  static var live: UInt8 { 1 }
  @inlinable @inline(__always)
  static var dated: UInt8 { 2 }
  @inlinable @inline(__always)
  static var visited: UInt8 { 4 }
  /// The other five bits are the tag's: its low ones, as the high ones say where its home is.
  @inlinable @inline(__always)
  static func print(_ tag: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: tag) & 0xF8 }

  @inlinable @inline(__always)
  var isLive: Bool { bits & MemoryFlags.live != 0 }
  @inlinable @inline(__always)
  var isDated: Bool { bits & MemoryFlags.dated != 0 }
  @inlinable @inline(__always)
  var isVisited: Bool { bits & MemoryFlags.visited != 0 }

  /// Of a live entry whose tag has the same five bits, that was visited and has no deadline.
  @inlinable @inline(__always)
  func areVisitedUndated(_ tag: UInt32) -> Bool {
    bits == MemoryFlags.live | MemoryFlags.visited | MemoryFlags.print(tag)
  }

  /// Of a live entry whose tag has the same five bits.
  @inlinable @inline(__always)
  func matches(_ tag: UInt32) -> Bool {
    bits & ~(MemoryFlags.dated | MemoryFlags.visited) == MemoryFlags.live | MemoryFlags.print(tag)
  }

  @inlinable @inline(__always)
  static func load(_ place: Place) -> MemoryFlags {
    MemoryFlags(bits: unsafe place.pointee.load(ordering: .relaxed))
  }

  /// The owner's. A mark that a reader makes meanwhile may be lost.
  @inlinable @inline(__always)
  static func store(_ flags: MemoryFlags, _ place: Place) {
    unsafe place.pointee.store(flags.bits, ordering: .relaxed)
  }

  @inlinable @inline(__always)
  static func set(_ bit: UInt8, _ value: Bool, _ place: Place) {
    let bits = unsafe load(place).bits
    unsafe store(MemoryFlags(bits: value ? bits | bit : bits & ~bit), place)
  }

  /// A reader's.
  @inlinable @inline(__always)
  static func mark(_ place: Place) { _ = unsafe place.pointee.bitwiseOr(visited, ordering: .relaxed) }
}

/// A key and its value, in whole words: the key first, the value where its alignment lets it. Not a structure: the layout of
/// one is looked up at run time, again and again, wherever the compiler does not know the types.
///
/// Each place is as large as the stride, aligned, and has an entry in it unless a method says otherwise.
@frozen
@usableFromInline
enum MemoryCell<Key, Value> {
  @usableFromInline typealias Place = UnsafeMutableRawPointer

  @inlinable @inline(__always)
  static var alignment: Int { max(8, MemoryLayout<Key>.alignment, MemoryLayout<Value>.alignment) }

  @inlinable @inline(__always)
  static var valueOffset: Int {
    (MemoryLayout<Key>.size + MemoryLayout<Value>.alignment - 1) & ~(MemoryLayout<Value>.alignment - 1)
  }

  /// From one cell to the next.
  @inlinable @inline(__always)
  static var stride: Int { max(8, (valueOffset + MemoryLayout<Value>.size + alignment - 1) & ~(alignment - 1)) }

  @inlinable @inline(__always)
  static var words: Int { stride / MemoryLayout<UInt64>.size }

  /// Whether readers take no lock. A constant where the types are known.
  @inlinable @inline(__always)
  static var isReadWithoutLock: Bool {
    _isPOD(Key.self) && _isPOD(Value.self) && stride <= MemoryTuning.copiedSize
  }

  @inlinable @inline(__always)
  static func key(_ place: Place) -> UnsafeMutablePointer<Key> { unsafe place.assumingMemoryBound(to: Key.self) }

  @inlinable @inline(__always)
  static func value(_ place: Place) -> UnsafeMutablePointer<Value> {
    unsafe (place + valueOffset).assumingMemoryBound(to: Value.self)
  }

  @inlinable @inline(__always)
  static func word(_ place: Place, _ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (place + index &* 8).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// Gives private memory that a cell can be copied to.
  @inlinable @inline(__always)
  static func withCopy<Result>(_ body: (Place) -> Result) -> Result {
    unsafe withUnsafeTemporaryAllocation(byteCount: stride, alignment: alignment) { copy in
      // It has an address, as it is not empty.
      unsafe body(copy.baseAddress.unsafelyUnwrapped)
    }
  }

  /// Into a place without an entry, or over one of plain bits.
  @inlinable @inline(__always)
  static func write(_ key: Key, _ value: Value, to place: Place) {
    guard isReadWithoutLock else {
      unsafe self.key(place).initialize(to: key)
      unsafe self.value(place).initialize(to: value)
      return
    }
    unsafe withCopy { copy in
      unsafe self.key(copy).initialize(to: key)
      unsafe self.value(copy).initialize(to: value)
      unsafe self.copy(copy, to: place)
    }
  }

  /// Copies plain bits that somebody may be writing into private memory.
  @inlinable @inline(__always)
  static func copyOut(_ place: Place, to copy: Place) {
    for index in 0..<words {
      let word = unsafe word(place, index).pointee.load(ordering: .relaxed)
      unsafe copy.storeBytes(of: word, toByteOffset: index &* 8, as: UInt64.self)
    }
  }

  /// Copies plain bits that nobody else writes to where somebody may read them.
  @inlinable @inline(__always)
  static func copy(_ from: Place, to place: Place) {
    for index in 0..<words {
      let word = unsafe UnsafeRawPointer(from).load(fromByteOffset: index &* 8, as: UInt64.self)
      unsafe MemoryCell.word(place, index).pointee.store(word, ordering: .relaxed)
    }
  }

  /// Gives an entry another value, and returns the old one.
  @inlinable @inline(__always)
  static func replace(_ place: Place, _ new: Value) -> Value {
    let old = unsafe value(place).pointee
    if isReadWithoutLock {
      unsafe write(key(place).pointee, new, to: place)
    } else {
      unsafe value(place).pointee = new
    }
    return old
  }

  /// There is no entry in the place afterwards.
  @inlinable @inline(__always)
  static func take(_ place: Place) -> (key: Key, value: Value) { unsafe (key(place).move(), value(place).move()) }
}
