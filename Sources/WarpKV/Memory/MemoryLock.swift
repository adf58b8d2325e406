// SPDX-License-Identifier: Apache-2.0
// The lock of a shard: a word beside what it guards. It spins, then yields, then sleeps, as the shared store's writers do.
//
// - Taking it is one compare-and-swap, giving it back one plain store, behind a fence for the optimizer (Unlocking.swift).
// - It is held for some dozen nanoseconds; for O(count) while a shard grows, is listed or emptied.
// - It knows no owner: a key's `==` that uses its own cache would wait for ever.
//
// Rejected: the standard library's Mutex. Alone it costs the same, but when there are waiters on Linux (Swift 6.3) the
// kernel hands it from thread to thread, each time by two system calls, and ThreadSanitizer, which does not see that,
// reports races in everything it guards. A program that uses this library must be able to run clean.

public import Synchronization
import WarpFormat

@frozen
@usableFromInline
struct MemoryLock: ~Copyable {
  @usableFromInline let word = Atomic<UInt32>(0)

  @inlinable @inline(__always)
  init() {}

  @inlinable @inline(__always)
  func lock() { if !tryLock() { waitAndLock() } }

  @inlinable @inline(__always)
  func tryLock() -> Bool {
    word.compareExchange(
      expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged
  }

  @inlinable @inline(__always)
  func unlock() { word.unlock() }

  /// Ends when the holder is done: nothing that runs under the lock waits for anything.
  @usableFromInline
  @inline(never)
  func waitAndLock() {
    var rounds = 0
    while true {
      // Read first: to try and fail would take the line from the holder each time.
      if word.load(ordering: .relaxed) == 0, tryLock() { return }
      rounds += 1
      if rounds > Format.spinsBeforeYield + Format.yieldsBeforeSleep {
        System.sleep(Format.sleepNanoseconds)
      } else if rounds > Format.spinsBeforeYield {
        System.yield()
      }
    }
  }
}
