// SPDX-License-Identifier: Apache-2.0
// Exclusion between writers (the owner word) and validation for readers (the sequence), SPEC.md §10.
//
// Whoever holds the owner word may write the shard. The sequence is odd exactly while linked state changes: a miss is
// true if it was even and unchanged around the probe. Hits do not depend on it. Nobody waits longer than a limit
// during which neither word changes, and nobody takes the word from a living owner.

import CWarp
import Synchronization

/// Spins, then yields, then sleeps; gives up when what it watches has not changed for the limit.
struct Waiter {
  /// Nanoseconds.
  let limit: Int64
  private let mayGoOn: Bool
  private var rounds = 0
  private var since: Int64 = 0
  private var last: (UInt64, UInt64) = (0, 0)

  /// - Parameters:
  ///   - limit: nanoseconds.
  ///   - mayGoOn: whether each change begins a new wait; else the limit is for all pauses together.
  init(limit: Int64, mayGoOn: Bool) {
    self.limit = limit
    self.mayGoOn = mayGoOn
  }

  /// Whether it is time to ask if the owner is alive: once after the spins, then about every millisecond of sleep.
  var asksForLife: Bool {
    let waited = rounds - Format.spinsBeforeYield
    return waited == 1 || waited > Format.yieldsBeforeSleep && waited % Format.sleepsBeforeAsking == 0
  }

  /// Pauses once; false if (owner, sequence) has been the same for longer than the limit.
  mutating func pause(_ owner: UInt64, _ sequence: UInt64) -> Bool {
    rounds += 1
    if rounds <= Format.spinsBeforeYield {
      warp_spin_hint()
      return true
    }
    if since == 0 || mayGoOn && last != (owner, sequence) {
      last = (owner, sequence)
      since = System.bootTime()
    } else if System.bootTime() - since >= limit {
      return false
    }
    if rounds <= Format.spinsBeforeYield + Format.yieldsBeforeSleep {
      System.yield()
    } else {
      System.sleep(Format.sleepNanoseconds)
    }
    return true
  }
}

extension Shard {
  // MARK: Writers

  /// Takes the owner word, from a dead owner if need be. The caller recovers the shard if the sequence is odd or the
  /// word was taken over.
  ///
  /// - Returns: whether it was taken over.
  /// - Throws: `busy` when another living owner held it, unchanged, for the whole limit.
  func acquire(
    _ owner: UInt64, _ patience: Waiter, isDead: (UInt64) -> Bool
  ) throws(FormatError) -> Bool {
    // W1.3.
    if lock.exchange64(ownerAt, from: 0, to: owner) { return false }
    var waiter = patience
    while true {
      let holder = lock.load64(ownerAt)
      if holder == 0 {
        if lock.exchange64(ownerAt, from: 0, to: owner) { return false }
        continue
      }
      // L1 to L6, and the word of that very owner.
      if waiter.asksForLife, isDead(holder), lock.exchange64(ownerAt, from: holder, to: owner) {
        // From here on nobody can take the shard for sound, whatever becomes of this owner.
        if !planted(.recoveryStaysEven) { beginWrite() }
        return true
      }
      guard waiter.pause(holder, lock.load64(sequenceAt)) else {
        throw FormatError(
          .busy,
          "shard \(index) has been held by one living writer for \(waiter.limit / 1_000_000) ms: try again, or see who with "
            + "warp-inspect info", offset: ownerAt)
      }
    }
  }

  var isUnowned: Bool { lock.load64(ownerAt) == 0 }

  /// Whether the last owner left in the middle of a change.
  var isTorn: Bool { lock.load64(sequenceAt) & 1 != 0 }

  /// W3.10.
  func release() { lock.release64(ownerAt, 0) }

  /// Opens the write section: from here to `endWrite` misses wait. W3.1 and W3.2, W4.1 and W4.2, X1 and X2, T1.
  @inline(__always)
  func beginWrite() {
    lock.store64(sequenceAt, lock.load64(sequenceAt) | 1)
    fenceRelease()
  }

  /// W3.9, W4.6, X6, T9.
  @inline(__always)
  func endWrite() {
    if planted(.staysOdd) { return }
    lock.release64(sequenceAt, (lock.load64(sequenceAt) | 1) &+ 1)
  }

  // MARK: Readers

  /// A reader's patience, for all the waits of one call.
  static var readerPatience: Waiter { Waiter(limit: Format.readerWait / 2, mayGoOn: false) }

  /// R4.1: the sequence once it is even, or nil if the reader's patience is over before.
  func evenSequence(_ waiter: inout Waiter) -> UInt64? {
    while true {
      let sequence = lock.acquire64(sequenceAt)
      if sequence & 1 == 0 { return sequence }
      guard planted(.endlessWait) || waiter.pause(lock.load64(ownerAt), sequence) else { return nil }
    }
  }

  /// R4.3: whether nothing that was read since `sequence` was loaded can have been changing.
  @inline(__always)
  func isUnchanged(_ sequence: UInt64) -> Bool {
    fenceAcquire()
    return lock.load64(sequenceAt) == sequence
  }
}

/// Later stores of this thread are seen only after the earlier ones.
@inline(__always)
func fenceRelease() { atomicMemoryFence(ordering: .releasing) }

/// Later loads of this thread see what the earlier ones saw, or newer.
@inline(__always)
func fenceAcquire() { atomicMemoryFence(ordering: .acquiring) }
