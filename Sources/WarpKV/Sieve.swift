// SPDX-License-Identifier: Apache-2.0
// SIEVE, exactly (Zhang et al., "SIEVE is Simpler than LRU", NSDI '24; SPEC.md §9). The policy is written once, over
// slot indexes, and knows neither locks nor bytes.
//
// - New entries join at the newest end, unvisited; a hit marks an entry visited and moves nothing.
// - The hand walks from the oldest towards the newest and wraps. It clears and passes visited entries; the first
//   unvisited one is the victim, and so is an expired one even if it is visited.
// - The hand is left on the victim; the queue moves it to the newer neighbour when the victim is taken out, or unsets
//   it. Reusing the victim's place for the newcomer would be CLOCK.

package import WarpFormat

/// A queue that SIEVE can walk: a shard's in the shared file, or one in memory.
@usableFromInline
package protocol SieveQueue {
  associatedtype Slot

  var oldest: Slot? { get }
  /// Where the next walk starts; nil: at the oldest.
  var hand: Slot? { get set }
  /// Live entries: the bound of a walk.
  var count: Int { get }

  func newer(_ slot: Slot) -> Slot?
  func isVisited(_ slot: Slot) -> Bool
  mutating func setVisited(_ slot: Slot, _ value: Bool)
  func isExpired(_ slot: Slot) -> Bool
}

@usableFromInline
package enum Sieve {
  /// Chooses the entry to give up and leaves the hand on it; nil if none is eligible.
  ///
  /// Two rounds suffice unless readers keep marking what the first one cleared; then the entry at which they end goes.
  /// O(count) at worst, O(1) amortised.
  @inlinable @inline(__always)
  package static func victim<Queue: SieveQueue>(
    in queue: inout Queue, where isEligible: (Queue.Slot) -> Bool
  ) -> Queue.Slot? {
    guard var slot = queue.hand ?? queue.oldest else { return nil }
    for _ in 0..<(2 * queue.count + 1) {
      if queue.isVisited(slot), !queue.isExpired(slot) {
        queue.setVisited(slot, false)
      } else if isEligible(slot) {
        queue.hand = slot
        return slot
      }
      guard let next = queue.newer(slot) ?? queue.oldest else { return nil }
      slot = next
    }
    guard isEligible(slot) else { return nil }
    queue.hand = slot
    return slot
  }
}

extension Sieve {
  /// The policy in the form in which the format asks for it.
  package static let policy: VictimPolicy = { file, shard, isEligible in
    var queue = unsafe ShardQueue(shard: shard, file: .passUnretained(file))
    return victim(in: &queue, where: isEligible)
  }
}

/// A shard's queue as SIEVE sees it.
@safe
private struct ShardQueue: SieveQueue {
  let shard: Shard
  /// Kept by whoever asks for a victim: a reference would be counted up and down, by two locked instructions.
  let file: Unmanaged<Attachment>

  var oldest: SlotIndex? { shard.oldest }
  var hand: SlotIndex? {
    get { shard.hand }
    nonmutating set { shard.hand = newValue }
  }
  var count: Int { shard.count }
  func newer(_ slot: SlotIndex) -> SlotIndex? { shard.newer(slot) }
  func isVisited(_ slot: SlotIndex) -> Bool { shard.isVisited(slot) }
  func setVisited(_ slot: SlotIndex, _ value: Bool) { shard.setVisited(slot, value) }
  func isExpired(_ slot: SlotIndex) -> Bool {
    shard.isExpired(slot) { unsafe file._withUnsafeGuaranteedRef { $0.storeTime() } }
  }
}
