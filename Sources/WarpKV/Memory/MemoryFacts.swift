// SPDX-License-Identifier: Apache-2.0
// What the slots know of an entry besides its key and value: its times, its revision, its weight.
//
// - Each write of an entry ends with `stamp`, so that its times and its revision are those of the write.
// - Revisions cost nothing until somebody asks for one. Then every entry is given one, in the order of the queue; from then
//   on each write gives the next. A number is never given twice, also after all entries were removed.

/// What a set says besides key and value.
@frozen
@usableFromInline
struct MemoryTerms {
  /// Nanoseconds, 0: never.
  @usableFromInline var deadline: UInt64 = 0
  @usableFromInline var freshUntil: UInt64 = 0
  /// What they are counted from; 0 if the clock was not needed.
  @usableFromInline var now: UInt64 = 0
  @usableFromInline var weight = 0

  @inlinable @inline(__always)
  init() {}
}

extension MemorySlots {
  @inlinable @inline(__always)
  mutating func stamp(_ spot: Spot, _ terms: MemoryTerms) {
    setDeadline(spot, terms.deadline)
    let slot = spot.slot
    if terms.freshUntil != 0 || freshness.isUsed {
      freshness.store(terms.freshUntil, at: slot, allocated: allocated)
    }
    if revisions.isUsed { revise(slot) }
  }

  @inlinable @inline(__always)
  mutating func setDeadline(_ spot: Spot, _ deadline: UInt64) {
    let had = spot.flags.isDated
    guard deadline != 0 || had else { return }
    if deadlines.store(deadline, at: spot.slot, allocated: allocated) { isMoved = true }
    if sweepAt == 0 { sweepAt = 1 }
    if (deadline != 0) != had { unsafe MemoryFlags.set(MemoryFlags.dated, deadline != 0, spot.place) }
  }

  @inlinable @inline(__always)
  mutating func revise(_ slot: MemorySlot) {
    lastRevision &+= 1
    revisions.store(lastRevision, at: slot, allocated: allocated)
  }

  /// The first question numbers every entry: O(count).
  @inlinable
  mutating func revision(_ slot: MemorySlot) -> UInt64 {
    if !revisions.isUsed { reviseAll() }
    return revisions[slot]
  }

  /// Bound: once through the queue.
  @usableFromInline
  mutating func reviseAll() {
    var slot = first
    while slot != .none {
      revise(slot)
      slot = unsafe places.node(slot).pointee.newer
    }
  }

  /// A copy with all that is known of an entry.
  @inlinable
  mutating func facts(_ spot: Spot) -> CachedEntry<Key, Value> {
    let (deadline, freshUntil) = (deadlines[spot.slot], freshness[spot.slot])
    let now = deadline != 0 || freshUntil != 0 ? clock() : 0
    return CachedEntry(
      key: spot.key, value: spot.value,
      remaining: deadline == 0 ? nil : .nanoseconds(Int64(clamping: deadline - min(now, deadline))),
      revision: revision(spot.slot), isStale: freshUntil != 0 && now >= freshUntil)
  }

  /// Bytes of everything there is memory for, also for what is only kept for readers.
  var allocatedBytes: Int {
    let columns = [deadlines, freshness, revisions, weights].count(where: \.isUsed)
    let bySlot = Places.stride + columns * MemoryLayout<UInt64>.stride
    return places.table.bytes + (allocated + 1) * bySlot + retiredBytes
  }
}
