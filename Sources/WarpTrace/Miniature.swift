// SPDX-License-Identifier: Apache-2.0
// One simulated cache: a queue of slots for the store's own SIEVE, without keys and values.
//
//   state of (row, cache) = visited << 31 | slot;  0: the key is not in
//
// - Where a key is, and whether it was visited, stands in the row of the key beside those of all other caches: a hit in
//   24 caches reads two lines of memory. The queue's links are the cache's own, so that a small cache stays small.
// - A cache may be a miniature of a larger one: it takes only keys whose hash is at most `limit` and has as much less
//   room (Waldspurger et al., "Cache Modeling and Optimization using Miniature Simulations", ATC '17).

import WarpKV

/// The part of a cache that is its own. Q1 to Q3 are those of SPEC.md §9.1.
struct Miniature {
  struct Slot {
    var newer: UInt32 = 0
    var older: UInt32 = 0
    var row: UInt32 = 0
    /// Seconds; 0: none.
    var deadline: UInt32 = 0
  }

  static let visited: UInt32 = 1 << 31

  /// Keys with a larger hash are not taken.
  let limit: UInt64
  let capacity: Int
  /// By slot, from 1; grows up to the capacity.
  var slots = UnsafeMutableBufferPointer<Slot>.allocate(capacity: 64)
  var oldest: UInt32 = 0
  var newest: UInt32 = 0
  var hand: UInt32 = 0
  var count = 0
  /// The first slot never used, and a chain of those given back.
  private var unused: UInt32 = 1
  private var free: UInt32 = 0
  var sweep: UInt32 = 1
  var misses = 0

  init(capacity: Int, limit: UInt64) {
    self.capacity = capacity
    self.limit = limit
  }

  var used: UInt32 { unused - 1 }

  /// A slot for an entry, before another gives up its own: that is why there is one more than the capacity. Which slot
  /// it is decides when the sweep finds it, so they are taken as in a store (SPEC.md §8.2).
  mutating func takeSlot() -> UInt32 {
    let slot = free == 0 ? unused : free
    if free != 0 {
      free = slots[Int(slot)].newer
    } else {
      unused += 1
      if Int(slot) == slots.count { grow() }
    }
    return slot
  }

  /// Q1.
  mutating func append(_ slot: UInt32, row: Int, deadline: UInt32) {
    slots.initializeElement(
      at: Int(slot), to: Slot(newer: 0, older: newest, row: UInt32(row), deadline: deadline))
    if newest == 0 { oldest = slot } else { slots[Int(newest)].newer = slot }
    newest = slot
    count += 1
  }

  /// Q2; the old slot is free then. Returns the new one.
  mutating func takeOver(_ old: UInt32, deadline: UInt32) -> UInt32 {
    let slot = takeSlot()
    var place = slots[Int(old)]
    place.deadline = deadline
    slots.initializeElement(at: Int(slot), to: place)
    if place.newer == 0 { newest = slot } else { slots[Int(place.newer)].older = slot }
    if place.older == 0 { oldest = slot } else { slots[Int(place.older)].newer = slot }
    if hand == old { hand = slot }
    giveBack(old)
    return slot
  }

  private mutating func giveBack(_ slot: UInt32) {
    slots[Int(slot)] = Slot(newer: free)
    free = slot
  }

  private mutating func grow() {
    let larger = UnsafeMutableBufferPointer<Slot>.allocate(capacity: min(2 * slots.count, capacity + 2))
    _ = larger.moveInitialize(fromContentsOf: slots)
    slots.deallocate()
    slots = larger
  }

  /// Q3; the slot is free then.
  mutating func takeOut(_ slot: UInt32) {
    let (newer, older) = (slots[Int(slot)].newer, slots[Int(slot)].older)
    if hand == slot { hand = newer }
    if newer == 0 { newest = older } else { slots[Int(newer)].older = older }
    if older == 0 { oldest = newer } else { slots[Int(older)].newer = newer }
    giveBack(slot)
    count -= 1
  }

  func isExpired(_ slot: UInt32, at time: UInt32) -> Bool {
    let deadline = slots[Int(slot)].deadline
    return deadline != 0 && time >= deadline
  }
}

/// A miniature as SIEVE sees it.
struct MiniatureQueue: SieveQueue {
  let cache: UnsafeMutablePointer<Miniature>
  /// Of this cache in row 0.
  let states: UnsafeMutablePointer<UInt32>
  /// From one row to the next.
  let stride: Int
  let time: UInt32

  private func slotOrNil(_ slot: UInt32) -> UInt32? { slot == 0 ? nil : slot }
  private func state(_ slot: UInt32) -> UnsafeMutablePointer<UInt32> {
    states + Int(cache.pointee.slots[Int(slot)].row) * stride
  }

  var oldest: UInt32? { slotOrNil(cache.pointee.oldest) }
  var hand: UInt32? {
    get { slotOrNil(cache.pointee.hand) }
    nonmutating set { cache.pointee.hand = newValue ?? 0 }
  }
  var count: Int { cache.pointee.count }
  func newer(_ slot: UInt32) -> UInt32? { slotOrNil(cache.pointee.slots[Int(slot)].newer) }
  func isVisited(_ slot: UInt32) -> Bool { state(slot).pointee & Miniature.visited != 0 }
  func setVisited(_ slot: UInt32, _ value: Bool) {
    state(slot).pointee = value ? state(slot).pointee | Miniature.visited : state(slot).pointee & ~Miniature.visited
  }
  func isExpired(_ slot: UInt32) -> Bool { cache.pointee.isExpired(slot, at: time) }
}
