// SPDX-License-Identifier: Apache-2.0
// Hits and misses of readers that take no lock.
//
//   line   | owner | hits, misses | others' hits, misses | hits, misses at the last reset |
//
// - None is lost. A line belongs to one thread, which counts there by a load and a store; other threads that fall on it
//   add atomically, beside that. An atomic addition for each hit would cost as much as the rest of it, and keep the processor
//   from looking for the next key meanwhile.
// - Which line: by the thread's number, which is where its memory is. Threads have stacks of their own, at least 512 KiB
//   apart. A line stays with its first thread; when that has ended, a new thread mostly gets its memory, and so its line.
// - Counts only grow; a reset notes what they were. (A zero could be overwritten by the owner's next count.)

public import Synchronization
public import WarpFormat

/// The lines of a backend; none where readers take the lock. The backend owns them and destroys them once.
@frozen @safe
@usableFromInline
struct MemoryTallies {
  @usableFromInline let lines: UnsafeMutableRawPointer?

  init(isUsed: Bool) {
    unsafe lines =
      isUsed
      ? .allocate(
        byteCount: MemoryTuning.tallies * MemoryTuning.lineSize, alignment: MemoryTuning.lineSize) : nil
    for index in 0..<count { unsafe line(index).pointer.initialize(to: MemoryTally()) }
  }

  func destroy() { unsafe lines?.deallocate() }

  private var count: Int { unsafe lines == nil ? 0 : MemoryTuning.tallies }

  /// There are lines, and the index is below their number.
  @inlinable @inline(__always)
  func line(_ index: Int) -> MemoryTallyLine {
    unsafe MemoryTallyLine(
      pointer: (lines.unsafelyUnwrapped + index &* MemoryTuning.lineSize).assumingMemoryBound(to: MemoryTally.self))
  }

  /// The line of a thread.
  @inlinable @inline(__always)
  func line(of thread: UInt) -> MemoryTallyLine {
    // Stacks are 512 KiB or 8 MiB apart, in most cases.
    line(Int(truncatingIfNeeded: (thread >> 19 ^ thread >> 23) & UInt(MemoryTuning.tallies - 1)))
  }

  @inlinable @inline(__always)
  func countHit() {
    let thread = System.thread
    line(of: thread).countHit(thread)
  }

  /// Whether a thread's last hit is one of a few, as if by chance: one in regular turns might be of the same key each time.
  @usableFromInline
  func isOneInSome(_ some: UInt64) -> Bool {
    let hits = UInt64(truncatingIfNeeded: unsafe line(of: System.thread).pointer.pointee.allHits)
    return MemorySeed(0, 0).mix(hits).multipliedFullWidth(by: some).high == 0
  }

  /// A call: what follows a miss takes longer.
  @inlinable @inline(never)
  func countMiss() {
    let thread = System.thread
    line(of: thread).countMiss(thread)
  }

  var sum: (hits: Int, misses: Int) {
    var sum = (hits: 0, misses: 0)
    for index in 0..<count {
      let line = unsafe line(index).pointer
      // Less than at a reset that comes in between counts as none.
      sum.hits += max(0, unsafe line.pointee.allHits - line.pointee.hitsAtReset.load(ordering: .relaxed))
      sum.misses += max(0, unsafe line.pointee.allMisses - line.pointee.missesAtReset.load(ordering: .relaxed))
    }
    return sum
  }

  func reset() {
    for index in 0..<count {
      let line = unsafe line(index).pointer
      unsafe line.pointee.hitsAtReset.store(line.pointee.allHits, ordering: .relaxed)
      unsafe line.pointee.missesAtReset.store(line.pointee.allMisses, ordering: .relaxed)
    }
  }
}

@frozen
@usableFromInline
struct MemoryTally: ~Copyable {
  /// The number of a thread; 1: of none yet.
  @usableFromInline let owner = Atomic<UInt>(1)
  // Stored by the owner alone.
  @usableFromInline let hits = Atomic<Int>(0)
  @usableFromInline let misses = Atomic<Int>(0)
  let othersHits = Atomic<Int>(0)
  let othersMisses = Atomic<Int>(0)
  let hitsAtReset = Atomic<Int>(0)
  let missesAtReset = Atomic<Int>(0)
  init() {}

  var allHits: Int { hits.load(ordering: .relaxed) &+ othersHits.load(ordering: .relaxed) }
  var allMisses: Int { misses.load(ordering: .relaxed) &+ othersMisses.load(ordering: .relaxed) }

  /// Whether the line is this thread's, which it is from now on if it was nobody's.
  func belongs(to thread: UInt) -> Bool {
    if owner.load(ordering: .relaxed) == thread { return true }
    return thread != 0 && owner.compareExchange(expected: 1, desired: thread, ordering: .relaxed).exchanged
  }
}

/// One line; the tallies it is of must be alive.
@frozen @safe
@usableFromInline
struct MemoryTallyLine {
  @usableFromInline let pointer: UnsafeMutablePointer<MemoryTally>

  @inlinable @inline(__always)
  init(pointer: UnsafeMutablePointer<MemoryTally>) { unsafe self.pointer = unsafe pointer }

  @inlinable @inline(__always)
  func countHit(_ thread: UInt) {
    guard unsafe pointer.pointee.owner.load(ordering: .relaxed) == thread else { return countOther(thread, 1, 0) }
    let hits = unsafe pointer.pointee.hits.load(ordering: .relaxed)
    unsafe pointer.pointee.hits.store(hits &+ 1, ordering: .relaxed)
  }

  @inlinable @inline(__always)
  func countMiss(_ thread: UInt) {
    guard unsafe pointer.pointee.owner.load(ordering: .relaxed) == thread else { return countOther(thread, 0, 1) }
    let misses = unsafe pointer.pointee.misses.load(ordering: .relaxed)
    unsafe pointer.pointee.misses.store(misses &+ 1, ordering: .relaxed)
  }

  @inline(never)
  @usableFromInline
  func countOther(_ thread: UInt, _ hits: Int, _ misses: Int) {
    // The line is written by nobody else as its owner.
    if unsafe pointer.pointee.belongs(to: thread) {
      unsafe pointer.pointee.hits.store(pointer.pointee.hits.load(ordering: .relaxed) &+ hits, ordering: .relaxed)
      unsafe pointer.pointee.misses.store(
        pointer.pointee.misses.load(ordering: .relaxed) &+ misses, ordering: .relaxed)
    } else {
      unsafe pointer.pointee.othersHits.wrappingAdd(hits, ordering: .relaxed)
      unsafe pointer.pointee.othersMisses.wrappingAdd(misses, ordering: .relaxed)
    }
  }
}
