// SPDX-License-Identifier: Apache-2.0
// Hits and misses of readers that take no lock.
//
// - Each is an atomic addition, so none is lost. Threads count in different lines, as far as that can be told: one line
//   for all would go from processor to processor at each hit, as a lock does.
// - Which line: by where the thread's stack is. Threads have stacks of their own, at least 512 KiB apart; two that
//   fall on one line count right all the same.

public import Synchronization

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
      pointer: (lines! + index &* MemoryTuning.lineSize).assumingMemoryBound(to: MemoryTally.self))
  }

  /// The line of the thread on whose stack this address is.
  @inlinable @inline(__always)
  func line(near address: UnsafeRawPointer) -> MemoryTallyLine {
    let place = UInt(bitPattern: address)
    // Stacks are 512 KiB or 8 MiB apart, in most cases.
    return line(Int(truncatingIfNeeded: (place >> 19 ^ place >> 23) & UInt(MemoryTuning.tallies - 1)))
  }

  var sum: (hits: Int, misses: Int) {
    var sum = (hits: 0, misses: 0)
    for index in 0..<count {
      sum.hits += unsafe line(index).pointer.pointee.hits.load(ordering: .relaxed)
      sum.misses += unsafe line(index).pointer.pointee.misses.load(ordering: .relaxed)
    }
    return sum
  }

  func reset() {
    for index in 0..<count {
      unsafe line(index).pointer.pointee.hits.store(0, ordering: .relaxed)
      unsafe line(index).pointer.pointee.misses.store(0, ordering: .relaxed)
    }
  }
}

@frozen
@usableFromInline
struct MemoryTally: ~Copyable {
  @usableFromInline let hits = Atomic<Int>(0)
  @usableFromInline let misses = Atomic<Int>(0)
  init() {}
}

/// One line; the tallies it is of must be alive.
@frozen @safe
@usableFromInline
struct MemoryTallyLine {
  @usableFromInline let pointer: UnsafeMutablePointer<MemoryTally>

  @inlinable @inline(__always)
  init(pointer: UnsafeMutablePointer<MemoryTally>) { unsafe self.pointer = unsafe pointer }

  @inlinable @inline(__always)
  func countHit() { unsafe pointer.pointee.hits.wrappingAdd(1, ordering: .relaxed) }
  @inlinable @inline(__always)
  func countMiss() { unsafe pointer.pointee.misses.wrappingAdd(1, ordering: .relaxed) }
}
