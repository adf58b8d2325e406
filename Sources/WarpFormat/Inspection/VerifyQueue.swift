// SPDX-License-Identifier: Apache-2.0
// Rules Q01 to Q04 and A01: insertion order and free list of a shard, on a stable image (SPEC.md, "Verification").
//
// Each slot has one successor, so a walk that ends at 0 has met no slot twice: comparing the number of steps with the
// number of slots is enough, and no set of seen slots is needed.

extension ShardCheck {
  func checkQueue(_ report: Report) {
    typealias F = ControlFields
    let oldest = Int(shard.control.integer(F.oldest))
    let newest = Int(shard.control.integer(F.newest))
    let hand = Int(shard.control.integer(F.hand))
    let used = shard.usedSlots
    for (field, slot) in [(F.oldest, oldest), (F.newest, newest), (F.hand, hand)] where slot > used {
      report(finding("Q01", offset(field), "\(field.name) is slot \(slot) of \(used) used"))
    }
    for entry in live {
      for (field, slot) in [(MetadataFields.newer, entry.newer), (MetadataFields.older, entry.older)]
      where slot > used {
        report(
          finding(
            "Q01", metadataOffset(entry.slot, field), "\(field.name) is slot \(slot) of \(used) used",
            slot: entry.slot))
      }
    }
    if hand != 0, hand <= used, find(hand) == nil {
      report(finding("Q04", offset(F.hand), "the hand is on slot \(hand), which is not live", slot: hand))
    }
    walkQueue(from: oldest, to: newest, report)
  }

  /// Bound: one step more than there are live slots. Stops at the first break, behind which all would be noise.
  private func walkQueue(from oldest: Int, to newest: Int, _ report: Report) {
    var (previous, slot, steps) = (0, oldest, 0)
    var position = offset(ControlFields.oldest)
    var stamp: UInt64 = 0
    while slot != 0 {
      guard let index = find(slot) else {
        report(
          finding("Q02", position, "the queue leads to slot \(slot), which is not live", slot: previous.orNil)
        )
        return
      }
      let entry = live[index]
      guard steps < live.count else {
        report(finding("Q02", position, "the queue has a cycle", slot: previous.orNil))
        return
      }
      if entry.older != previous {
        report(
          finding(
            "Q02", metadataOffset(slot, MetadataFields.older),
            "older is \(entry.older), but slot \(previous) comes before it", slot: slot))
      }
      if steps > 0, entry.stamp <= stamp {
        report(
          finding(
            "Q03", metadataOffset(slot, MetadataFields.stamp),
            "the stamp \(entry.stamp) is not above \(stamp), that of the older neighbour", slot: slot))
      }
      stamp = entry.stamp
      position = metadataOffset(slot, MetadataFields.newer)
      (previous, slot) = (slot, entry.newer)
      steps += 1
    }
    if previous != newest {
      report(
        finding("Q02", offset(ControlFields.newest), "newest is \(newest), but the queue ends at \(previous)")
      )
    }
    if steps != live.count {
      report(
        finding("Q02", offset(ControlFields.oldest), "the queue has \(steps) slots, \(live.count) are live"))
    }
  }

  /// Bound: one step more than there are free slots.
  func checkFreeList(_ report: Report) {
    var (previous, slot, steps) = (0, Int(shard.control.integer(ControlFields.freeHead)), 0)
    var position = offset(ControlFields.freeHead)
    while slot != 0 {
      guard slot <= shard.usedSlots, shard.state(slot) == .free else {
        report(
          finding(
            "A01", position, "the free list leads to slot \(slot), which is not free", slot: previous.orNil))
        return
      }
      guard steps < freeCount || planted(.walkUnbounded) else {
        report(finding("A01", position, "the free list has a cycle", slot: previous.orNil))
        return
      }
      position = metadataOffset(slot, MetadataFields.newer)
      (previous, slot) = (slot, Int(shard.metadata(MetadataFields.newer, slot: slot)))
      steps += 1
    }
    if steps != freeCount {
      report(
        finding(
          "A01", offset(ControlFields.freeHead),
          "the free list has \(steps) slots, \(freeCount) of the used ones are free"))
    }
  }
}

extension Int {
  /// A slot index, or nil for none.
  fileprivate var orNil: Int? { self == 0 ? nil : self }
}
