// SPDX-License-Identifier: Apache-2.0
// Invalid fixtures, continued: metadata, slots, queue, free list and padding.

import WarpFormat

extension Damage {
  static var metadata: [Damage] {
    [
      Damage("M01-reserved", "one-entry") { image in
        image.bytes[image.metadata(1) + 60] = 1
        return image.metadata(1) + 60
      },
      Damage("M02-stamp-zero", "one-entry") { image in
        image.put(MetadataFields.stamp, image.metadata(1), 0)
        image.sealEntry(1)
        return image.metadata(1) + MetadataFields.stamp.offset
      },
      Damage("M03-revision-zero", "one-entry") { image in
        image.put(MetadataFields.revision, image.metadata(1), 0)
        image.sealEntry(1)
        return image.metadata(1) + MetadataFields.revision.offset
      },
      Damage("M04-allocated-in-runs", "one-entry") { image in
        image.put(MetadataFields.allocated, image.metadata(1), 64)
        return image.metadata(1) + MetadataFields.allocated.offset
      },
      Damage("M04-allocated-too-little", "large-slots") { image in
        let slot = image.get(ControlFields.newest, image.shard())
        let at = image.metadata(Int(slot))
        image.put(MetadataFields.allocated, at, 32)
        return at + MetadataFields.allocated.offset
      },
      Damage("M05-unused", "one-entry") { image in
        image.put(MetadataFields.stamp, image.metadata(2), 9)
        return image.metadata(2) + MetadataFields.stamp.offset
      },
    ]
  }

  static var slots: [Damage] {
    [
      Damage("E01-undefined-state", "one-entry") { image in
        image.bytes[image.slot(1)] = image.bytes[image.slot(1)] & ~7 | 4
        return image.slot(1)
      },
      Damage("E01-writing") { image in
        let free = Int(image.get(ControlFields.freeHead, image.shard()))
        image.bytes[image.slot(free)] |= 1
        return image.slot(free)
      },
      Damage("E02-sequence-zero", "one-entry") { image in
        image.put(image.slot(1), 3, 8)
        return image.slot(1)
      },
      Damage("E02-sequence-too-high", "one-entry") { image in
        image.put(image.slot(1), 1 << 40 | 3, 8)
        return image.slot(1)
      },
      slot("E03-key-size", SlotFields.keySize, 17),
      slot("E03-stored-size", SlotFields.storedSize, 33),
      slot("E03-raw-size", SlotFields.rawSize, 33),
      sealed("E04-unknown-codec", SlotFields.codec, 9),
      sealed("E04-zstd-not-allowed", SlotFields.codec, 1),
      sealed("E04-raw-size", SlotFields.rawSize, 4),
      sealed("E05-flags", SlotFields.flags, 1),
      Damage("E05-reserved", "one-entry") { image in
        image.bytes[image.slot(1) + 30] = 1
        return image.slot(1) + 30
      },
      Damage("E06-value", "one-entry") { image in
        image.bytes[image.slot(1) + 40] ^= 1
        return image.metadata(1) + MetadataFields.checksum.offset
      },
      Damage("E06-misplaced", "one-entry") { image in
        image.put(MetadataFields.checksum, image.metadata(1), 0)
        return image.metadata(1) + MetadataFields.checksum.offset
      },
      Damage("E07-key", "one-entry") { image in
        image.bytes[image.slot(1) + 32] ^= 1
        return image.metadata(1) + MetadataFields.hash.offset
      },
      Damage("E08-padding", "one-entry") { image in
        image.bytes[image.slot(1) + 39] = 1
        return image.slot(1) + 39
      },
      Damage("E09-frame", "zstd") { image in
        let slot = Int(image.get(ControlFields.newest, image.shard()))
        image.bytes[image.slot(slot) + 40] ^= 1
        image.sealEntry(slot)
        return image.slot(slot) + 40
      },
      Damage("E09-content-size", "zstd") { image in
        let slot = Int(image.get(ControlFields.newest, image.shard()))
        image.put(SlotFields.rawSize, image.slot(slot), 701)
        image.sealEntry(slot)
        return image.slot(slot) + 40
      },
      Damage("E10-deadline", "one-entry") { image in
        image.put(SlotFields.deadline, image.slot(1), 1 << 63)
        image.sealEntry(1)
        return image.slot(1) + SlotFields.deadline.offset
      },
      Damage("E10-fresh-after-deadline", "deadlines") { image in
        let slot = Int(image.get(ControlFields.newest, image.shard()))
        image.put(
          MetadataFields.freshUntil, image.metadata(slot), image.get(SlotFields.deadline, image.slot(slot)) + 1)
        image.sealEntry(slot)
        return image.metadata(slot) + MetadataFields.freshUntil.offset
      },
      Damage("E11-unused", "one-entry") { image in
        image.put(image.slot(2), 8, 8)
        return image.slot(2)
      },
      Damage("P01-padding", "empty") { image in
        let at = image.shard() + image.header.geometry.slotsOffset - 1
        image.bytes[at] = 1
        return at
      },
    ]
  }

  private static func slot(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name, "one-entry") { image in
      image.put(field, image.slot(1), value)
      return image.slot(1) + field.offset
    }
  }

  private static func sealed(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name, "one-entry") { image in
      image.put(field, image.slot(1), value)
      image.sealEntry(1)
      return image.slot(1) + field.offset
    }
  }

  static var queue: [Damage] {
    [
      Damage("Q01-link-out-of-range", "one-entry") { image in
        image.put(MetadataFields.newer, image.metadata(1), 77)
        return image.metadata(1) + MetadataFields.newer.offset
      },
      Damage("Q02-cycle", "one-entry") { image in
        image.put(MetadataFields.newer, image.metadata(1), 1)
        return image.metadata(1) + MetadataFields.newer.offset
      },
      Damage("Q02-mirror") { image in
        let newest = Int(image.get(ControlFields.newest, image.shard()))
        image.put(MetadataFields.older, image.metadata(newest), 0)
        return image.metadata(newest) + MetadataFields.older.offset
      },
      Damage("Q02-newest", "empty") { image in
        image.put(ControlFields.newest, image.shard(), 0)
        image.put(ControlFields.oldest, image.shard(), 0)
        image.put(ControlFields.hand, image.shard(), 0)
        image.put(ControlFields.usedSlots, image.shard(), 1)
        image.put(ControlFields.backedSlots, image.shard(), 5)
        image.put(ControlFields.freeHead, image.shard(), 1)
        image.put(ControlFields.oldest, image.shard(), 1)
        return image.shard() + ControlFields.oldest.offset
      },
      Damage("Q03-order") { image in
        let newest = Int(image.get(ControlFields.newest, image.shard()))
        let oldest = Int(image.get(ControlFields.oldest, image.shard()))
        let stamps = (
          image.get(MetadataFields.stamp, image.metadata(newest)),
          image.get(MetadataFields.stamp, image.metadata(oldest))
        )
        image.put(MetadataFields.stamp, image.metadata(newest), stamps.1)
        image.put(MetadataFields.stamp, image.metadata(oldest), stamps.0)
        image.sealEntry(newest)
        image.sealEntry(oldest)
        return image.metadata(newest) + MetadataFields.stamp.offset
      },
      Damage("Q04-hand") { image in
        image.put(ControlFields.hand, image.shard(), image.get(ControlFields.freeHead, image.shard()))
        return image.shard() + ControlFields.hand.offset
      },
      Damage("A01-lost") { image in
        image.put(ControlFields.freeHead, image.shard(), 0)
        return image.shard() + ControlFields.freeHead.offset
      },
      Damage("A01-cycle") { image in
        let free = image.get(ControlFields.freeHead, image.shard())
        image.put(MetadataFields.newer, image.metadata(Int(free)), free)
        return image.metadata(Int(free)) + MetadataFields.newer.offset
      },
    ]
  }
}
