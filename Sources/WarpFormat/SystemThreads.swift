// SPDX-License-Identifier: Apache-2.0
// System calls, continued: which thread this is.

public import CWarp

extension System {
  /// A number, not 0 or 1, that no other living thread of this process has; 0 where there is none. What a thread did that has
  /// ended happened before all that a later thread of the same number does.
  @inlinable @inline(__always)
  package static var thread: UInt { UInt(warp_thread()) }
}
