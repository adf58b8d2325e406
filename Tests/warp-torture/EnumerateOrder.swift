// SPDX-License-Identifier: Apache-2.0
// The order of stores that the format prescribes, checked from one image to the next. Some of it protects readers that run at
// the same moment, and no image of a crash would be wrong without it: so it is asked for by itself.
//
// - A slot goes through its states in order, and its sequence grows by one when it is filled anew, only then (WKV-W02).
// - A slot is counted as used before it is touched (WKV-W04), and becomes LIVE only when a bucket names it (W3.5, WKV-O04).
// - Buckets change while the sequence is odd; when it is even again each LIVE slot is named by a bucket (W3, WKV-W10).
// - `usedSlots`, `writeCounter`, `lastStamp` and the shard's sequence never go down (WKV-W05, WKV-O05).

import WarpFormat

struct StoreOrder {
  private let geometry: Geometry
  private let shards: Int
  private var last: CrashImage?

  init(_ geometry: Geometry) {
    self.geometry = geometry
    shards = geometry.shardCount
  }

  /// Compares with the image before.
  mutating func check(_ image: CrashImage, _ complaints: inout Complaints) {
    defer { last = image }
    guard let last else { return }
    for shard in 0..<shards {
      checkCounters(shard, last, image, &complaints)
      checkSlots(shard, last, image, &complaints)
      let isOdd = image.sequence(shard) & 1 != 0
      if !isOdd, buckets(shard, last) != buckets(shard, image) {
        complaints.add(.wrong, "a bucket of shard \(shard) changed while the sequence was even")
      }
      guard !isOdd, last.sequence(shard) & 1 != 0 else { continue }
      for slot in 1...geometry.slotsPerShard
      where control(shard, slot, image) & 7 == 3 && !isNamed(shard, slot, image) {
        complaints.add(.wrong, "slot \(slot) is LIVE without a bucket when the sequence is even again")
      }
    }
  }

  private func checkCounters(
    _ shard: Int, _ last: CrashImage, _ image: CrashImage, _ complaints: inout Complaints
  ) {
    for field in [ControlFields.usedSlots, ControlFields.writeCounter, ControlFields.lastStamp] {
      let at = geometry.shardOffset(shard) + field.offset
      if image.integer(at, field.size) < last.integer(at, field.size) {
        complaints.add(.wrong, "\(field.name) of shard \(shard) goes down")
      }
    }
    if !(last.sequence(shard)...last.sequence(shard) + 1).contains(image.sequence(shard)) {
      complaints.add(
        .wrong, "the sequence of shard \(shard) goes from \(last.sequence(shard)) to \(image.sequence(shard))")
    }
  }

  private func checkSlots(_ shard: Int, _ last: CrashImage, _ image: CrashImage, _ complaints: inout Complaints) {
    let used = image.integer(geometry.shardOffset(shard) + ControlFields.usedSlots.offset, 4)
    for slot in 1...geometry.slotsPerShard {
      let (old, new) = (control(shard, slot, last), control(shard, slot, image))
      guard old != new else { continue }
      if slot > used { complaints.add(.wrong, "slot \(slot) is touched while \(used) slots are used") }
      let isRight =
        switch (old & 7, new & 7) {
        case (0, 1): new >> 3 == old >> 3 + 1
        case (1, 2), (2, 3), (3, 0), (2, 0), (1, 0): new >> 3 == old >> 3
        default: false
        }
      if !isRight {
        complaints.add(
          .wrong, "slot \(slot) goes from state \(old & 7), sequence \(old >> 3), to \(new & 7), \(new >> 3)")
      }
      if new & 7 == 3, !isNamed(shard, slot, image) {
        complaints.add(.wrong, "slot \(slot) becomes LIVE before a bucket names it")
      }
    }
  }

  private func control(_ shard: Int, _ slot: Int, _ image: CrashImage) -> UInt64 {
    image.integer(
      geometry.shardOffset(shard) + geometry.slotsOffset + (slot - 1) * geometry.slotStride, 8)
  }

  private func buckets(_ shard: Int, _ image: CrashImage) -> ArraySlice<UInt8> {
    let start = geometry.shardOffset(shard) + geometry.bucketsOffset
    return image.data[start..<start + geometry.bucketsPerShard * Format.bucketSize]
  }

  private func isNamed(_ shard: Int, _ slot: Int, _ image: CrashImage) -> Bool {
    let start = geometry.shardOffset(shard) + geometry.bucketsOffset
    return (0..<geometry.bucketsPerShard).contains {
      image.integer(start + $0 * Format.bucketSize, 4) == UInt64(slot)
    }
  }
}
