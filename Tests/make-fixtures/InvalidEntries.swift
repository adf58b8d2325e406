// SPDX-License-Identifier: Apache-2.0
// Invalid fixtures, continued: metadata, slots, queue and free list.

import WarpFormat
import WarpTestSupport

extension Damage {
  private typealias M = MetadataFields
  private typealias S = SlotFields

  static var metadata: [Damage] {
    [
      .byte("M01-reserved", "one-entry") { $0.metadataOffset(1) + 60 },
      .inMetadata("M02-stamp-zero", M.stamp, 0),
      Damage("M02-same-stamp") { image in Self.same(M.stamp, &image) },
      .inMetadata("M03-revision-zero", M.revision, 0),
      Damage("M03-same-revision") { image in Self.same(M.revision, &image) },
      .inMetadata("M04-allocated-in-runs", M.allocated, 64),
      Damage("M04-allocated-too-little", "large-slots") { image in
        image.setMetadata(image.newest, M.allocated, 32)
        return image.metadataOffset(image.newest, M.allocated)
      },
      Damage("M05-unused", "one-entry") { image in
        image.setMetadata(2, M.stamp, 9)
        return image.metadataOffset(2, M.stamp)
      },
    ]
  }

  /// Gives the two ends of the queue the same number; the higher slot is the one that is reported.
  private static func same(_ field: Field, _ image: inout StoreImage) -> Int {
    let slots = [image.oldest, image.newest].sorted()
    image.setMetadata(slots[1], field, image.metadata(slots[0], field))
    image.seal(slots[1])
    return image.metadataOffset(slots[1], field)
  }

  static var slots: [Damage] {
    [
      Damage("E01-undefined-state", "one-entry") { image in
        image.setSlot(1, S.control, image.slot(1, S.control) & ~7 | 4)
        return image.slotOffset(1)
      },
      Damage("E01-writing") { image in
        image.setSlot(image.free, S.control, image.slot(image.free, S.control) | 1)
        return image.slotOffset(image.free)
      },
      .inSlot("E02-sequence-zero", S.control, 3),
      .inSlot("E02-sequence-too-high", S.control, 1 << 40 | 3),
      .inSlot("E03-key-size", S.keySize, 17),
      .inSlot("E03-stored-size", S.storedSize, 33),
      .inSlot("E03-raw-size", S.rawSize, 33),
      .inSlot("E04-unknown-codec", S.codec, 9),
      .inSlot("E04-zstd-not-allowed", S.codec, 1),
      .inSlot("E04-raw-size", S.rawSize, 4),
      .inSlot("E05-flags", S.flags, 1),
      .byte("E05-reserved", "one-entry") { $0.slotOffset(1) + 30 },
      .byte("E06-value", "one-entry", at: M.checksum) { $0.valueOffset(1) },
      Damage("E06-misplaced", "one-entry") { image in
        image.setMetadata(1, M.checksum, 0)
        return image.metadataOffset(1, M.checksum)
      },
      .byte("E07-key", "one-entry", at: M.hash) { $0.slotOffset(1) + 32 },
      Damage("E07-other-shard", "several-shards", Self.moveToAnotherShard),
      .byte("E08-padding", "one-entry") { $0.valueOffset(1) - 1 },
      .inSlot("E10-deadline", S.deadline, 1 << 63),
      Damage("E10-fresh-after-deadline", "deadlines") { image in
        let slot = image.newest
        image.setMetadata(slot, M.freshUntil, image.slot(slot, S.deadline) + 1)
        image.seal(slot)
        return image.metadataOffset(slot, M.freshUntil)
      },
      Damage("E11-unused", "one-entry") { image in
        image.setSlot(2, S.control, 8)
        return image.slotOffset(2)
      },
    ]
  }

  /// A changed byte that makes the checksum or hash wrong, which stand elsewhere.
  private static func byte(
    _ name: String, _ base: String, at field: Field, _ place: @escaping (StoreImage) -> Int
  ) -> Damage {
    Damage(name, base) { image in
      image.data[place(image)] ^= 1
      return image.metadataOffset(1, field)
    }
  }

  /// The only entry of a shard gets a key of another one; hash, bucket and checksum follow the key.
  private static func moveToAnotherShard(_ image: inout StoreImage) -> Int {
    let shard = (0..<4).first { image.control(ControlFields.count, shard: $0) == 1 }!
    let slot = Int(image.control(ControlFields.oldest, shard: shard))
    let key = (0...9).map { Array("out\($0)".utf8) }.first { image.shard(of: $0) != shard }!
    let hash = XXH3.hash64(key, seed: image.header.hashSeed)
    let start = image.slotOffset(slot, shard: shard) + 32
    image.data.replaceSubrange(start..<(start + key.count), with: key)
    image.setMetadata(slot, M.hash, hash, shard: shard)
    image.set(image.bucketOffset(image.bucket(of: slot, shard: shard)!, shard: shard), 8, 0)
    let home = Int(hash >> 32) % image.geometry.bucketsPerShard
    image.set(image.bucketOffset(home, shard: shard), 8, hash & ~0xFFFF_FFFF | UInt64(slot))
    image.seal(slot, shard: shard)
    return image.metadataOffset(slot, M.hash, shard: shard)
  }

  /// Stored values that are no zstd frame of the raw size.
  static var values: [Damage] {
    [
      frame("E09-frame") { $0[0] ^= 1 },
      frame("E09-content-size", rawSize: 701) { _ in },
      frame("E09-trailing-byte") { $0.append(0) },
      // A dictionary id of one byte.
      frame("E09-dictionary") {
        $0[4] |= 1
        $0.insert(7, at: 5)
      },
      // Skippable, four bytes long.
      frame("E09-skippable") { $0 = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4] },
    ]
  }

  private static func frame(
    _ name: String, rawSize: UInt64 = 700, _ change: @escaping (inout [UInt8]) -> Void
  ) -> Damage {
    Damage(name, "zstd") { image in
      let slot = image.newest
      let start = image.valueOffset(slot)
      let old = Int(image.slot(slot, S.storedSize))
      var frame = Array(image.data[start..<(start + old)])
      change(&frame)
      image.data.replaceSubrange(start..<(start + frame.count), with: frame)
      image.setSlot(slot, S.storedSize, UInt64(frame.count))
      image.setSlot(slot, S.rawSize, rawSize)
      let stored = image.control(ControlFields.storedBytes)
      image.setControl(ControlFields.storedBytes, stored + UInt64(frame.count) - UInt64(old))
      image.seal(slot)
      return start
    }
  }

  static var queue: [Damage] {
    typealias C = ControlFields
    return [
      link("Q01-link-out-of-range", M.newer, 77),
      link("Q02-cycle", M.newer, 1),
      Damage("Q02-mirror") { image in
        image.setMetadata(image.newest, M.older, 0)
        return image.metadataOffset(image.newest, M.older)
      },
      Damage("Q02-oldest", "empty") { image in
        // Names a slot that is free.
        image.setControl(C.usedSlots, 1)
        image.setControl(C.backedSlots, 5)
        image.setControl(C.freeHead, 1)
        image.setControl(C.oldest, 1)
        return image.controlOffset(C.oldest)
      },
      Damage("Q02-newest") { image in
        image.setControl(C.newest, UInt64(image.oldest))
        return image.controlOffset(C.newest)
      },
      Damage("Q02-too-short") { image in
        image.setMetadata(image.oldest, M.newer, 0)
        image.setControl(C.newest, UInt64(image.oldest))
        return image.controlOffset(C.oldest)
      },
      Damage("Q03-order") { image in
        let slots = (image.oldest, image.newest)
        let stamps = (image.metadata(slots.0, M.stamp), image.metadata(slots.1, M.stamp))
        image.setMetadata(slots.0, M.stamp, stamps.1)
        image.setMetadata(slots.1, M.stamp, stamps.0)
        image.seal(slots.0)
        image.seal(slots.1)
        return image.metadataOffset(slots.1, M.stamp)
      },
      Damage("Q04-hand") { image in
        image.setControl(C.hand, UInt64(image.free))
        return image.controlOffset(C.hand)
      },
      .inControl("A01-lost", C.freeHead, 0),
      Damage("A01-cycle") { image in
        image.setMetadata(image.free, M.newer, UInt64(image.free))
        return image.metadataOffset(image.free, M.newer)
      },
    ]
  }

  private static func link(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name, "one-entry") { image in
      image.setMetadata(1, field, value)
      return image.metadataOffset(1, field)
    }
  }
}
