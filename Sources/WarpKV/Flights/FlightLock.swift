// SPDX-License-Identifier: Apache-2.0
// The lock of what flights share: as a memory shard's, but a forked child does not wait for a thread that it does not have.
//
// - It is held for some dozen nanoseconds, and O(n) for n callers whose flight ends; no user code runs under it but a
//   key's `==`.
// - The word is 0 or the holder's fork epoch. Whoever meets another epoch takes the lock over, and must regard what it
//   guards as half changed: it is given its epoch, to compare with the guarded state's own.

import Synchronization
import WarpFormat

struct FlightLock: ~Copyable, Sendable {
  private let holder = Atomic<UInt32>(0)

  /// Runs the body alone, with the epoch of this process.
  func withLock<Result>(_ body: (UInt32) -> Result) -> Result {
    let epoch = System.forkEpoch
    take(epoch)
    defer { holder.unlock() }
    return body(epoch)
  }

  /// Ends when the holder is done: nothing that runs under the lock waits for anything.
  private func take(_ epoch: UInt32) {
    var rounds = 0
    while true {
      let seen = holder.load(ordering: .relaxed)
      if seen != epoch, holder.compareExchange(expected: seen, desired: epoch, ordering: .acquiring).exchanged {
        return
      }
      rounds += 1
      if rounds > Format.spinsBeforeYield + Format.yieldsBeforeSleep {
        System.sleep(Format.sleepNanoseconds)
      } else if rounds > Format.spinsBeforeYield {
        System.yield()
      }
    }
  }
}
