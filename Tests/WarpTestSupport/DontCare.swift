// SPDX-License-Identifier: Apache-2.0
// Which bytes of a data file may change without a finding, by the letter of SPEC.md ("Verification", don't-care bytes)
// and independently of the verifier.

import WarpFormat

package struct DontCare {
  private let image: StoreImage
  private let shards: [ShardDontCare]

  package init(_ image: StoreImage) {
    self.image = image
    shards = (0..<image.geometry.shardCount).map { ShardDontCare(image, $0) }
  }

  /// Whether `changed`, which differs from the image in the byte at `offset`, may be without a finding.
  package func covers(_ offset: Int, _ changed: StoreImage) -> Bool {
    if offset < Format.pageSize { return false }
    if offset < Format.shardsOffset {
      let superseded = changed.get(Format.stateOffset, 8)
      return offset < Format.stateOffset + 8 && (superseded <= 2 || superseded >= 16)
    }
    let stride = image.geometry.shardStride
    let shard = (offset - Format.shardsOffset) / stride
    return shards[shard].covers((offset - Format.shardsOffset) % stride, changed)
  }
}

private struct ShardDontCare {
  let image: StoreImage
  let shard: Int
  let used: Int
  let live: [Int]
  let highestStamp: UInt64
  let highestRevision: UInt64
  let highestSequence: UInt64

  init(_ image: StoreImage, _ shard: Int) {
    self.image = image
    self.shard = shard
    used = Int(image.control(ControlFields.usedSlots, shard: shard))
    let all = Array((1...image.geometry.slotsPerShard).prefix(used))
    live = all.filter { image.slot($0, SlotFields.control, shard: shard) & 7 == 3 }
    highestStamp = live.map { image.metadata($0, MetadataFields.stamp, shard: shard) }.max() ?? 0
    highestRevision = live.map { image.metadata($0, MetadataFields.revision, shard: shard) }.max() ?? 0
    highestSequence = all.map { image.slot($0, SlotFields.control, shard: shard) >> 3 }.max() ?? 0
  }

  /// `place` counts from the shard's start.
  func covers(_ place: Int, _ changed: StoreImage) -> Bool {
    let geometry = image.geometry
    if place < geometry.bucketsOffset { return isFreeControl(place, changed) }
    if place < geometry.metadataOffset { return false }
    if place < geometry.slotsOffset {
      let slot = (place - geometry.metadataOffset) / 64 + 1
      let within = (place - geometry.metadataOffset) % 64
      return slot <= used && !live.contains(slot) && !(48..<52).contains(within) && within < 56
    }
    let slot = (place - geometry.slotsOffset) / geometry.slotStride + 1
    guard slot <= geometry.slotsPerShard else { return false }
    let within = (place - geometry.slotsOffset) % geometry.slotStride
    if within < 8 { return isFreeSequence(slot, changed) }
    guard live.contains(slot) else { return true }
    let keySize = Int(image.slot(slot, SlotFields.keySize, shard: shard))
    return within >= 32 + (keySize + 7) / 8 * 8 + Int(image.slot(slot, SlotFields.storedSize, shard: shard))
  }

  private func isFreeSequence(_ slot: Int, _ changed: StoreImage) -> Bool {
    let old = image.slot(slot, SlotFields.control, shard: shard)
    let new = changed.slot(slot, SlotFields.control, shard: shard)
    let floor: UInt64 = live.contains(slot) ? 1 : 0
    let ceiling = image.control(ControlFields.writeCounter, shard: shard)
    return slot <= used && old & 7 == new & 7 && (floor...max(floor, ceiling)).contains(new >> 3)
  }

  private func isFreeControl(_ place: Int, _ changed: StoreImage) -> Bool {
    func value(_ field: Field) -> UInt64 { changed.control(field, shard: shard) }
    let slots = UInt64(image.geometry.slotsPerShard)
    switch place {
    case 0..<8:
      // With slots of large stride nothing is backed in runs, and usedSlots alone is bounded.
      let used = value(ControlFields.usedSlots)
      let backed = value(ControlFields.backedSlots)
      return image.geometry.allocatesRuns ? used <= backed && backed <= slots : used <= slots && backed == 0
    case 80..<84:
      let hand = Int(value(ControlFields.hand))
      return hand == 0 || live.contains(hand)
    case 84..<88:
      let hasDeadline = live.contains { image.slot($0, SlotFields.deadline, shard: shard) != 0 }
      return ((hasDeadline ? 1 : 0)...slots).contains(value(ControlFields.sweep))
    case 88..<96: return value(ControlFields.writeCounter) >= max(highestRevision, highestSequence)
    case 96..<104: return value(ControlFields.lastStamp) >= highestStamp
    default: return false
    }
  }
}
