// SPDX-License-Identifier: Apache-2.0
// A signal that a thread sleeps on until another thread gives it, within one process. Needs no POSIX.
//
// - It is given once, and stays given.
// - What was done before it was given is seen by who finds it given.

import CWarp
import Synchronization

/// Something that one thread waits for and another makes happen, once.
@safe
package final class Signal: @unchecked Sendable {
  // Sendable: the word is only accessed atomically, and allocated as long as this object is.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  package init() {
    unsafe word = .allocate(capacity: 1)
    unsafe word.initialize(to: Atomic(0))
  }

  /// Nobody waits: each who does has a reference.
  deinit {
    unsafe word.deinitialize(count: 1)
    unsafe word.deallocate()
  }

  package var isGiven: Bool { unsafe word.pointee.load(ordering: .acquiring) != 0 }

  package func give() {
    unsafe word.pointee.store(1, ordering: .releasing)
    unsafe warp_wake(UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), 0)
  }

  /// Whether it was given; waits for that up to so many nanoseconds, or less.
  package func wait(_ nanoseconds: Int64) -> Bool {
    if isGiven { return true }
    unsafe warp_wait(UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), 0, nanoseconds, 0)
    return isGiven
  }
}
