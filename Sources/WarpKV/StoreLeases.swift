// SPDX-License-Identifier: Apache-2.0
// Single flight across processes: of all who miss a key, one computes its value under a lease, the others wait for it
// (SPEC.md §23.8).
//
// A caller that missed asks for a lease, and does as it is told, until it has a value or its patience is over:
//
//   .lead     compute; then `store`, `fail` or `endUnstorable`, whatever happened
//   .wait     wait; `.again`: look again. `.unstorable` and `.timedOut`: compute, without a lease
//   .found    look again; if that misses (the value is corrupt, or gone already): compute, without a lease
//   .none     compute, without a lease
//
// - Nothing here throws what would take the place of a function's result, and nothing waits longer than it was told.
// - A lease belongs to the files in which it was taken. If the store is replaced meanwhile, or the process forks, the lease
//   is void: the result is its caller's and is not stored.
// - What is computed without a lease is not known to those who remove the key: to store it is a set like any other.

import Synchronization
import WarpFormat

/// What someone who wants to compute a value does next.
package enum LeaseOutcome: Sendable {
  case lead(Lease)
  case wait(LeaseWatch)
  /// There is a value by now.
  case found
  /// Leases can't be had: the handle is read-only or closed, the shard is busy, or has no cell left.
  case none
}

/// How a wait for another's computation ended.
package enum LeaseWatchEnd: Sendable, Equatable {
  /// It is stored, failed, cancelled, or its holder is dead or late.
  case again
  /// It can't be stored.
  case unstorable
  case timedOut
}

extension SharedStore {
  /// Asks who computes the value of a key. Waits for nobody's computation.
  ///
  /// - Parameters:
  ///   - limit: nanoseconds after which others need not wait for this computation; `.none` if not positive.
  ///   - revision: of a stale entry that is to be computed anew; that entry is not "found".
  /// - Complexity: O(1), and O(cells) if other keys of the shard are being computed. Takes the shard as a set does.
  package func lease(_ key: [UInt8], limit: Int64, over revision: UInt64? = nil) -> LeaseOutcome {
    guard limit > 0 else { return .none }
    let outcome = try? withCurrent { (file) throws(WarpError) -> LeaseOutcome in
      guard !file.isReadOnly, key.count <= file.header.geometry.maxKeySize else { return .none }
      return try unsafe key.span.bytes.withUnsafeBytes { (bytes) throws(WarpError) -> LeaseOutcome in
        let hash = unsafe file.hash(bytes)
        let shard = file.shard(of: hash)
        let answer = try file.withShard(shard, limit: writerWait) { () throws(WarpError) in
          unsafe file.claimLease(bytes, hash: hash, over: revision, limit: UInt64(limit), in: shard)
        }
        switch answer {
        case .found: return .found
        case .full: return .none
        case .held(let claim): return .wait(LeaseWatch(file: file, claim: claim))
        case .claimed(let claim): return .lead(Lease(self, file, key, claim))
        }
      }
    }
    return outcome ?? .none
  }
}

/// The right to compute a value for all, until it is stored or given up. One that goes away without an end has failed.
///
/// Thread-safety: any thread may end it; the first end counts.
package final class Lease: Sendable {
  private let store: SharedStore
  private let file: Attachment
  private let key: [UInt8]
  private let claim: LeaseClaim
  private let isEnded = Atomic<Bool>(false)

  fileprivate init(_ store: SharedStore, _ file: Attachment, _ key: [UInt8], _ claim: LeaseClaim) {
    self.store = store
    self.file = file
    self.key = key
    self.claim = claim
  }

  deinit { end(.over) }

  /// Stores the value and ends the lease in one step, unless the lease was lost: the key was written or removed meanwhile,
  /// another took over after the limit, or the store was replaced. Then the answer is `refused`.
  ///
  /// - Throws: as a set does. Those who wait compute the value too, except if it is `busy`: the lease then lasts until its
  ///   limit, since nobody can change it.
  package func store(
    _ value: UnsafeRawBufferPointer, lifetime: Lifetime, if condition: SetCondition = .always
  ) throws(WarpError) -> SetResult {
    guard !isEnded.exchange(true, ordering: .relaxed) else { return .refused }
    let key = key
    return try unsafe key.span.bytes.withUnsafeBytes { (key) throws(WarpError) in
      try unsafe store.store(key, value, lifetime: lifetime, if: condition, holding: self).result
    }
  }

  /// There is no value: those who wait look again, and one of them computes it.
  package func fail() { end(.over) }

  /// There is a value that can't be stored: those who wait compute it too, all at once.
  package func endUnstorable() { end(.unstorable) }

  private func end(_ state: LeaseState) {
    guard !isEnded.exchange(true, ordering: .relaxed) else { return }
    let shard = file.shard(claim.shard)
    try? file.withShard(shard, limit: store.writerWait) { () throws(WarpError) in file.end(claim, state, in: shard)
    }
  }

  /// Asked by the shard's owner, in the files that are the store now.
  func isHeld(in current: Attachment) -> Bool { current === file && file.holds(claim) }

  func end(_ state: LeaseState, in shard: Shard) { file.end(claim, state, in: shard) }
}

/// Somebody else's computation, to wait for.
package struct LeaseWatch: Sendable {
  fileprivate let file: Attachment
  fileprivate let claim: LeaseClaim

  /// Blocks the thread until the computation has ended, or for so many nanoseconds.
  package func waitSync(limit: Int64) -> LeaseWatchEnd {
    let began = System.bootTime()
    var asked = began
    while true {
      let now = System.bootTime()
      let asking = now - asked >= Format.leaseSlice
      if asking { asked = now }
      if let end = end(asking: asking) { return end }
      guard now - began < limit else { return .timedOut }
      file.sleep(on: claim, nanoseconds: min(Format.leaseSlice, limit - (now - began)))
    }
  }

  /// Suspends the task until the computation has ended, or for so many nanoseconds. Sees the end up to 20 ms late.
  ///
  /// - Throws: what the clock's sleep throws when the task is cancelled.
  package func wait(limit: Int64, clock: CacheClock) async throws -> LeaseWatchEnd {
    let began = clock.now()
    var pause = Format.leasePause
    var unasked: Int64 = 0
    while true {
      let asking = unasked >= Format.leaseSlice
      if asking { unasked = 0 }
      if let end = end(asking: asking) { return end }
      let left = limit - Int64(clamping: clock.now() &- began)
      guard left > 0 else { return .timedOut }
      pause = min(pause, left)
      try await clock.sleep(.nanoseconds(pause))
      unasked += pause
      pause = min(2 * pause, Format.longestLeasePause)
    }
  }

  private func end(asking: Bool) -> LeaseWatchEnd? {
    switch file.standing(of: claim, asking: asking) {
    case .held: nil
    case .over: .again
    case .unstorable: .unstorable
    }
  }
}
