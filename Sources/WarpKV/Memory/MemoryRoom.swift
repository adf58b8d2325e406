// SPDX-License-Identifier: Apache-2.0
// How a shard makes room: by its policy, by the sweep, by more memory. Under its lock, as all of it.

public import WarpFormat

extension MemoryShard {
  @inlinable @inline(__always)
  mutating func makeRoom(for added: Int, keeping slot: MemorySlot?, _ changes: inout Changes) {
    guard let limit = weightLimit else { return }
    // Each round takes an entry out.
    while weight + added > limit, evict(keeping: slot, &changes) {}
  }

  /// Gives up the entry that SIEVE chooses, but not the one that is being set; false if there is no other.
  @inlinable
  mutating func evict(keeping kept: MemorySlot?, _ changes: inout Changes) -> Bool {
    guard let victim = Sieve.victim(in: &slots, where: { $0.slot != kept }) else { return false }
    let wasExpired = slots.isExpired(victim)
    if wasExpired { counts.expirations &+= 1 } else { counts.evictions &+= 1 }
    changes.add(take(victim), wasExpired ? .expired : .size)
    return true
  }

  /// Looks at a few slots from where the last look ended, and takes expired entries out: the hand alone would leave them
  /// where they are for as long as there is room.
  ///
  /// - Parameter now: 0 if the clock was not read yet.
  @inlinable
  mutating func sweep(_ now: UInt64, _ changes: inout Changes) {
    let now = now == 0 ? slots.clock() : now
    for _ in 0..<min(Int(slots.bump), Format.sweepSlots) {
      let slot = MemorySlot(slots.sweepAt)
      let deadline = slots.deadlines[slot]
      if deadline != 0, now >= deadline {
        counts.expirations &+= 1
        changes.add(take(slots.spot(slot)), .expired)
      }
      slots.sweepAt = slots.sweepAt < slots.bump ? slots.sweepAt &+ 1 : 1
    }
  }

  @inlinable
  mutating func take(_ spot: Spot) -> (key: Key, value: Value) {
    if weightLimit != nil { weigh(spot.slot, 0) }
    return slots.take(spot)
  }

  @inlinable
  mutating func weigh(_ slot: MemorySlot, _ new: Int) {
    weight += new - Int(truncatingIfNeeded: slots.weights[slot])
    slots.weights.store(UInt64(truncatingIfNeeded: new), at: slot, allocated: slots.allocated)
  }

  /// O(count), as often as the count has doubled.
  @usableFromInline
  mutating func grow() {
    let more = MemoryTuning.slots(after: slots.allocated, capacity: capacity, keepsMemory: Cell.isReadWithoutLock)
    slots.grow(to: more, isSparse: isSparse)
  }

  /// Brings the key's entry to its home bucket, if there is one, it is behind it, and writes have paid for that.
  @inlinable
  mutating func bringHome(_ key: Key, _ hash: UInt64, _ gate: borrowing MemoryGate<Key, Value>) {
    let tag = MemoryShard.tag(hash)
    guard slots.unmoved >= MemoryTuning.writesPerMove,
      // The whole tag, too: a key whose `==` forgives what its hash does not has another home.
      let index = slots.places.index(tag, where: { $0.key == key && slots.places.tag($0.slot) == tag }),
      index != slots.places.table.home(tag)
    else { return }
    slots.unmoved &-= MemoryTuning.writesPerMove
    gate.beginWrite()
    slots.places.table.bringHome(index, tag)
    publish(at: gate)
    gate.endWrite()
  }

  /// Tells readers where everything is now, if it has moved. Before the sequence is even again.
  @inlinable @inline(__always)
  mutating func publish(at gate: borrowing MemoryGate<Key, Value>) {
    gate.allowMoves(slots.unmoved >= MemoryTuning.writesPerMove)
    if slots.isMoved { republish(at: gate) }
  }

  @usableFromInline
  mutating func republish(at gate: borrowing MemoryGate<Key, Value>) {
    slots.isMoved = false
    unsafe slots.discard(gate.publish(slots), MemoryLayout<MemoryView<Key, Value>>.size)
  }
}
