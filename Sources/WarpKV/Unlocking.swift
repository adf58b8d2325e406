// SPDX-License-Identifier: Apache-2.0
// How the locks of this module are given back.

public import Synchronization

extension Atomic<UInt32> {
  /// Frees a lock whose word is 0 when it is free.
  ///
  /// Swift's optimizer moves the retain of a reference that was read under the lock down past loads and plain stores, a
  /// releasing one among them: the reference would be counted when another thread may have let go of the object. It moves
  /// nothing past a fence, which costs nothing on x86-64. (Read-modify-write operations stop it, too, and cost some
  /// nanoseconds.) The store releases by itself because ThreadSanitizer knows no fences.
  @inlinable @inline(__always)
  func unlock() {
    atomicMemoryFence(ordering: .releasing)
    store(0, ordering: .releasing)
  }
}
