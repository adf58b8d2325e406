// SPDX-License-Identifier: Apache-2.0
// The order of insertion (SPEC.md §9): a list by slot index through the metadata, its two ends and the hand.
//
//   oldest -> … newer … -> hand -> … -> newest
//
// - Exactly the live slots are in it, in the order of their stamps.
// - The hand is 0 or a live slot. Whatever removes the entry under it moves it to the newer neighbour, or to 0.
// - Only the shard's owner reads or writes it. Which entry goes is policy, chosen elsewhere.

extension Shard {
  @inline(__always)
  package var oldest: SlotIndex? { checked(get(ControlFields.oldest)) }
  @inline(__always)
  package var newest: SlotIndex? { checked(get(ControlFields.newest)) }

  package var hand: SlotIndex? {
    @inline(__always) get { checked(get(ControlFields.hand)) }
    @inline(__always) nonmutating set { put(ControlFields.hand, newValue?.raw ?? 0) }
  }

  @inline(__always)
  package func newer(_ slot: SlotIndex) -> SlotIndex? {
    checked(data.load32(metadataOffset(slot, MetadataFields.newer)))
  }
  @inline(__always)
  func older(_ slot: SlotIndex) -> SlotIndex? {
    checked(data.load32(metadataOffset(slot, MetadataFields.older)))
  }
  @inline(__always)
  func setNewer(_ slot: SlotIndex, _ other: SlotIndex?) {
    data.store32(metadataOffset(slot, MetadataFields.newer), other?.raw ?? 0)
  }
  @inline(__always)
  func setOlder(_ slot: SlotIndex, _ other: SlotIndex?) {
    data.store32(metadataOffset(slot, MetadataFields.older), other?.raw ?? 0)
  }

  @inline(__always)
  package func isVisited(_ slot: SlotIndex) -> Bool { lock.load8(visitedOffset(slot)) != 0 }
  @inline(__always)
  package func setVisited(_ slot: SlotIndex, _ value: Bool) { lock.store8(visitedOffset(slot), value ? 1 : 0) }

  @inline(__always)
  package func isExpired(_ slot: SlotIndex, now: () -> UInt64) -> Bool {
    let deadline = deadline(slot)
    return deadline != 0 && now() >= deadline
  }

  /// Adds an entry at the newest end.
  @inline(__always)
  func append(_ slot: SlotIndex) {
    let last = newest
    setNewer(slot, nil)
    setOlder(slot, last)
    if let last { setNewer(last, slot) } else { put(ControlFields.oldest, slot.raw) }
    put(ControlFields.newest, slot.raw)
  }

  /// Takes an entry out; the hand moves off it.
  func detach(_ slot: SlotIndex) {
    let before = older(slot)
    let after = newer(slot)
    if let before { setNewer(before, after) } else { put(ControlFields.oldest, after?.raw ?? 0) }
    if let after { setOlder(after, before) } else { put(ControlFields.newest, before?.raw ?? 0) }
    if get(ControlFields.hand) == slot.raw { hand = after }
  }

  /// Puts an entry's new slot where its old one was.
  @inline(__always)
  func replace(_ old: SlotIndex, with slot: SlotIndex) {
    let before = older(old)
    let after = newer(old)
    setOlder(slot, before)
    setNewer(slot, after)
    if let before { setNewer(before, slot) } else { put(ControlFields.oldest, slot.raw) }
    if let after { setOlder(after, slot) } else { put(ControlFields.newest, slot.raw) }
    if get(ControlFields.hand) == old.raw { hand = slot }
  }
}
