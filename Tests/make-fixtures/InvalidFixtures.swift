// SPDX-License-Identifier: Apache-2.0
// The invalid stores: each breaks one rule of SPEC.md and is named by it. Beside each, NAME.json says which finding a
// checker must report: {"rule": …, "offset": …}.

import WarpFormat

struct InvalidFixtures {
  let directory: String
  let valid: String

  func make() throws {
    for damage in Damage.header + Damage.state + Damage.control + Damage.buckets + Damage.metadata + Damage.slots
      + Damage.queue
    {
      var image = try FixtureImage("\(valid)/\(damage.base).warp")
      let offset = damage.edit(&image)
      try write("\(damage.name).warp", image.bytes)
      let finding = "{\"rule\": \"\(damage.rule)\", \"offset\": \(offset)}\n"
      try write("\(damage.name).json", Array(finding.utf8))
    }
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws {
    let path = "\(directory)/\(name)"
    try System.remove(path)
    let file = try System.open(path, .createExclusive)
    defer { System.close(file) }
    try System.write(file, at: 0, bytes, path)
  }
}

extension Damage {
  /// Rules that end the reading.
  static var header: [Damage] {
    [
      Damage("H01-empty-file", "one-entry") { image in
        image.bytes = []
        return 0
      },
      Damage("H01-short-header", "one-entry") { image in
        image.bytes = Array(image.bytes.prefix(4095))
        return 4095
      },
      Damage("H02-magic", "one-entry") { image in
        image.bytes[1] = UInt8(ascii: "X")
        return 0
      },
      Damage("H02-text-mode", "one-entry") { image in
        image.bytes.remove(at: 4)
        return 0
      },
      .header("H03-newer-major", HeaderFields.majorVersion, 2),
      .header("H03-byte-order", HeaderFields.majorVersion, 0x0100),
      .header("H04-header-size", HeaderFields.headerSize, 8192),
      Damage("H05-header-checksum", "one-entry") { image in
        image.bytes[HeaderFields.checksum.offset] ^= 1
        return HeaderFields.checksum.offset
      },
      .header("H06-unknown-incompat", HeaderFields.incompatFeatures, 1 << 63),
      .header("H06-chained-slots", HeaderFields.incompatFeatures, 2),
      Damage("H07-reserved", "one-entry") { image in
        image.bytes[2048] = 1
        image.sealHeader()
        return 2048
      },
      .header("H08-hash", HeaderFields.hashID, 2),
      .header("H08-checksum", HeaderFields.checksumID, 0),
      .header("H08-eviction", HeaderFields.evictionID, 2),
      .header("H08-clock", HeaderFields.clockID, 0),
      .header("H08-time-to-live", HeaderFields.defaultTimeToLive, 1 << 63),
      .header("G01-capacity-zero", HeaderFields.capacity, 0),
      .header("G01-capacity-huge", HeaderFields.capacity, (1 << 31) + 1),
      .header("G01-shards-three", HeaderFields.shardCount, 3),
      .header("G01-key-size", HeaderFields.maxKeySize, 1 << 20),
      .header("G01-value-size", HeaderFields.maxValueSize, 1 << 31),
      .header("G01-raw-size", HeaderFields.maxRawSize, 31),
      .header("G02-slots", HeaderFields.slotsPerShard, 3),
      .header("G02-buckets", HeaderFields.bucketsPerShard, 16),
      .header("G02-stride", HeaderFields.slotStride, 64),
      .header("G02-probe-limit", HeaderFields.probeLimit, 0),
      .header("G02-slots-offset", HeaderFields.slotsOffset, 0),
      .header("G02-file-size", HeaderFields.fileSize, 8192),
      Damage("G03-truncated", "one-entry") { image in
        image.bytes.removeLast()
        return HeaderFields.fileSize.offset
      },
      Damage("G03-longer", "one-entry") { image in
        image.bytes.append(0)
        return HeaderFields.fileSize.offset
      },
      Damage("G03-huge-geometry", "one-entry") { image in
        // Consistent in itself: terabytes declared by a file of four pages.
        var header = image.header
        let huge = Parameters(capacity: 1 << 28, shards: 64, maxKeySize: 65_536, maxValueSize: 1 << 13)
        guard let geometry = try? Geometry(huge) else { return -1 }
        header.geometry = geometry
        image.bytes.replaceSubrange(0..<Format.pageSize, with: header.encoded())
        return HeaderFields.fileSize.offset
      },
      Damage("H09-store-id", "one-entry") { image in
        image.put(HeaderFields.storeID.offset, 15, 8)
        image.sealHeader()
        return HeaderFields.storeID.offset
      },
    ]
  }

  static var state: [Damage] {
    [
      Damage("S01-reserved", "empty") { image in
        image.bytes[4096 + 300] = 1
        return 4096 + 300
      },
      Damage("S02-no-clock", "empty") { image in
        image.put(4096 + StateFields.clockA.offset, 0, 8)
        for index in 0..<64 { image.bytes[4096 + StateFields.clockA.offset + index] = 0 }
        return 4096 + StateFields.clockA.offset
      },
      Damage("S03-clock-checksum", "empty") { image in
        let at = 4096 + StateFields.clockB.offset
        image.put(ClockFields.generation, at, 7)
        return at
      },
      Damage("S04-detach", "empty") { image in
        let at = 4096 + StateFields.detach.offset
        image.put(DetachFields.detached, at, 7)
        return at
      },
      Damage("S05-superseded", "empty") { image in
        image.put(4096, 3, 8)
        return 4096
      },
    ]
  }

  static var control: [Damage] {
    [
      Damage("C01-reserved", "empty") { image in
        image.bytes[image.shard() + 200] = 1
        return image.shard() + 200
      },
      control("C02-used-slots", ControlFields.usedSlots, 100),
      control("C03-backed-slots", ControlFields.backedSlots, 0),
      control("C03-backed-too-many", ControlFields.backedSlots, 100),
      control("C04-count", ControlFields.count, 3),
      control("C05-write-counter", ControlFields.writeCounter, 1),
      control("C05-last-stamp", ControlFields.lastStamp, 0),
      control("C06-stored-bytes", ControlFields.storedBytes, 1),
    ]
  }

  private static func control(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name) { image in
      image.put(field, image.shard(), value)
      return image.shard() + field.offset
    }
  }

  static var buckets: [Damage] {
    [
      Damage("B01-half-empty") { image in
        let at = image.bucket(image.emptyBucket)
        image.put(at, 0xABCD_0000_0000, 8)
        return at
      },
      Damage("B02-slot-out-of-range") { image in
        let at = image.bucket(image.emptyBucket)
        image.put(at, 0xABCD_0000_0063, 8)
        return at
      },
      Damage("B03-free-slot") { image in
        let free = image.get(ControlFields.freeHead, image.shard())
        let at = image.bucket(image.emptyBucket)
        image.put(at, image.get(MetadataFields.hash, image.metadata(Int(free))) & ~0xFFFF_FFFF | free, 8)
        return at
      },
      Damage("B04-fingerprint", "one-entry") { image in
        let at = image.bucket(image.bucket(ofSlot: 1))
        image.bytes[at + 7] ^= 1
        return at
      },
      Damage("B05-unreachable", "one-entry") { image in
        let old = image.bucket(ofSlot: 1)
        let word = image.number(image.bucket(old), 8)
        let at = image.bucket((old + 2) % 8)
        image.put(image.bucket(old), 0, 8)
        image.put(at, word, 8)
        return at
      },
      Damage("B06-twice", "one-entry") { image in
        let old = image.bucket(ofSlot: 1)
        let at = image.bucket((old + 1) % 8)
        image.put(at, image.number(image.bucket(old), 8), 8)
        return at
      },
      Damage("B06-not-linked", "one-entry") { image in
        image.put(image.bucket(image.bucket(ofSlot: 1)), 0, 8)
        return image.slot(1)
      },
    ]
  }
}
