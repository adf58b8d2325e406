// SPDX-License-Identifier: Apache-2.0
// The invalid stores: each breaks one rule of SPEC.md and is named by it. Beside each, NAME.json says which finding a
// checker must report: {"rule": …, "offset": …}.

import WarpFormat
import WarpTestSupport

struct InvalidFixtures {
  let directory: String
  let valid: String

  func make() throws {
    for damage in Damage.header + Damage.state + Damage.control + Damage.buckets + Damage.metadata + Damage.slots
      + Damage.values + Damage.queue
    {
      var image = try StoreImage(data: TestFiles.read("\(valid)/\(damage.base).warp"))
      let offset = damage.edit(&image)
      try TestFiles.write("\(directory)/\(damage.name).warp", image.data)
      try write(damage, offset)
    }
    for damage in Damage.lockHeader + Damage.lock {
      let base = "\(valid)/\(damage.base).warp"
      var image = try StoreImage(data: TestFiles.read(base))
      image.lock = try TestFiles.read(base + StoreFiles.lockSuffix)
      let offset = damage.edit(&image)
      try TestFiles.write("\(directory)/\(damage.name).warp", image.data)
      try TestFiles.write("\(directory)/\(damage.name).warp" + StoreFiles.lockSuffix, image.lock)
      try write(damage, offset)
    }
  }

  private func write(_ damage: Damage, _ offset: Int) throws {
    let finding = "{\"rule\": \"\(damage.rule)\", \"offset\": \(offset)}\n"
    try TestFiles.write("\(directory)/\(damage.name).json", Array(finding.utf8))
  }
}

extension Damage {
  private typealias H = HeaderFields

  /// Rules that end the reading.
  static var header: [Damage] {
    [
      Damage("H01-empty-file", "one-entry") { image in
        image.data = []
        return 0
      },
      Damage("H01-short-header", "one-entry") { image in
        image.data = Array(image.data.prefix(4095))
        return 4095
      },
      Damage("H02-magic", "one-entry") { image in
        image.data[1] = UInt8(ascii: "X")
        return 0
      },
      Damage("H02-text-mode", "one-entry") { image in
        image.data.remove(at: 4)
        return 0
      },
      Damage("H02-two-bytes", "one-entry") { image in
        image.data = Array("WK".utf8)
        return 0
      },
      .inHeader("H03-newer-major", (H.majorVersion, 2)),
      .inHeader("H03-byte-order", (H.majorVersion, 0x0100)),
      .inHeader("H04-header-size", (H.headerSize, 8192)),
      Damage("H05-header-checksum", "one-entry") { image in
        image.data[H.checksum.offset] ^= 1
        return H.checksum.offset
      },
      .inHeader("H06-unknown-incompat", (H.incompatFeatures, 1 << 63)),
      .inHeader("H06-chained-slots", (H.incompatFeatures, 2)),
      Damage("H07-reserved", "one-entry") { image in
        image.data[2048] = 1
        image.sealHeader()
        return 2048
      },
      .inHeader("H08-hash", (H.hashID, 2)),
      .inHeader("H08-checksum", (H.checksumID, 0)),
      .inHeader("H08-eviction", (H.evictionID, 2)),
      .inHeader("H08-clock", (H.clockID, 0)),
      .inHeader("H08-time-to-live", (H.defaultTimeToLive, 1 << 63)),
      .inHeader("G01-capacity-zero", (H.capacity, 0)),
      .inHeader("G01-capacity-huge", (H.capacity, (1 << 31) + 1)),
      .inHeader("G01-shards-three", (H.shardCount, 3)),
      .inHeader("G01-key-size", (H.maxKeySize, 1 << 20)),
      .inHeader("G01-value-size", (H.maxValueSize, 1 << 31)),
      .inHeader("G01-raw-size", (H.maxRawSize, 31)),
      .inHeader("G01-shard-capacity", (H.capacity, 1 << 31), at: H.shardCount),
      .inHeader(
        "G01-file-size", (H.capacity, 1 << 20), (H.maxValueSize, 1 << 30), (H.maxRawSize, 1 << 30)),
      .inHeader("G02-slots", (H.slotsPerShard, 3)),
      .inHeader("G02-buckets", (H.bucketsPerShard, 16)),
      .inHeader("G02-stride", (H.slotStride, 64)),
      .inHeader("G02-probe-limit", (H.probeLimit, 0)),
      .inHeader("G02-state-offset", (H.stateOffset, 8192)),
      .inHeader("G02-shards-offset", (H.shardsOffset, 12_288)),
      .inHeader("G02-shard-stride", (H.shardStride, 4096)),
      .inHeader("G02-buckets-offset", (H.bucketsOffset, 264)),
      .inHeader("G02-metadata-offset", (H.metadataOffset, 312)),
      .inHeader("G02-slots-offset", (H.slotsOffset, 0)),
      .inHeader("G02-file-size", (H.fileSize, 8192)),
      Damage("G03-truncated", "one-entry") { image in
        image.data.removeLast()
        return H.fileSize.offset
      },
      Damage("G03-longer", "one-entry") { image in
        image.data.append(0)
        return H.fileSize.offset
      },
      Damage("G03-huge-geometry", "one-entry") { image in
        // Consistent in itself: terabytes declared by a file of four pages.
        let huge = Parameters(capacity: 1 << 28, shards: 64, maxKeySize: 65_536, maxValueSize: 1 << 13)
        guard let geometry = try? Geometry(huge) else { return -1 }
        image.header.geometry = geometry
        image.data.replaceSubrange(0..<Format.pageSize, with: image.header.encoded())
        return H.fileSize.offset
      },
      Damage("H09-store-id", "one-entry") { image in
        image.set(H.storeID.offset, 8, 15)
        image.sealHeader()
        return H.storeID.offset
      },
    ]
  }

  static var state: [Damage] {
    [
      .inState("S01-reserved", 300),
      .inState("S01-in-clock", StateFields.clockB.offset + 40),
      .inState("S01-in-detach", StateFields.detach.offset + 63),
      Damage("S02-no-clock", "empty") { image in
        let start = Format.stateOffset + StateFields.clockA.offset
        for index in 0..<StateFields.clockA.size { image.data[start + index] = 0 }
        return start
      },
      Damage("S03-clock-checksum", "empty") { image in
        let start = Format.stateOffset + StateFields.clockB.offset
        image.set(start + ClockFields.generation.offset, 8, 7)
        return start
      },
      Damage("S04-detach", "empty") { image in
        let start = Format.stateOffset + StateFields.detach.offset
        image.set(start + DetachFields.detached.offset, 8, 7)
        return start
      },
      Damage("S05-superseded", "empty") { image in
        image.set(Format.stateOffset, 8, 3)
        return Format.stateOffset
      },
    ]
  }

  static var control: [Damage] {
    typealias C = ControlFields
    return [
      .byte("C01-reserved", "empty") { $0.geometry.shardOffset(0) + 200 },
      .inControl("C02-used-slots", C.usedSlots, 100),
      .inControl("C03-backed-slots", C.backedSlots, 0),
      .inControl("C03-backed-too-many", C.backedSlots, 100),
      .inControl("C03-large-slots", C.backedSlots, 1, of: "large-slots"),
      .inControl("C04-count", C.count, 3),
      Damage("C04-above-capacity", "one-entry") { image in
        image.insert(Array("second".utf8), [])
        return image.controlOffset(C.count)
      },
      .inControl("C05-write-counter", C.writeCounter, 1),
      .inControl("C05-last-stamp", C.lastStamp, 0),
      .inControl("C06-stored-bytes", C.storedBytes, 1),
      .inControl("C07-deadline-unswept", C.sweep, 0, of: "deadlines"),
      .inControl("C07-sweep", C.sweep, 6),
      .byte("P01-padding", "empty") { $0.geometry.shardOffset(0) + $0.geometry.slotsOffset - 1 },
      .byte("P01-after-the-slots", "empty") {
        $0.slotOffset($0.geometry.slotsPerShard) + $0.geometry.slotStride
      },
    ]
  }

  static var buckets: [Damage] {
    [
      Damage("B01-half-empty") { image in
        let at = image.emptyBucket
        image.set(at, 8, 0xABCD_0000_0000)
        return at
      },
      Damage("B02-slot-out-of-range") { image in
        let at = image.emptyBucket
        image.set(at, 8, 0xABCD_0000_0063)
        return at
      },
      Damage("B03-free-slot") { image in
        let at = image.emptyBucket
        image.set(at, 8, image.metadata(image.free, MetadataFields.hash) & ~0xFFFF_FFFF | UInt64(image.free))
        return at
      },
      Damage("B04-fingerprint", "one-entry") { image in
        let at = image.bucketOffset(ofSlot: 1)
        image.data[at + 7] ^= 1
        return at
      },
      Damage("B05-unreachable", "one-entry") { image in
        let old = image.bucketOffset(ofSlot: 1)
        let at = image.bucketOffset(ofSlot: 1, plus: 2)
        image.set(at, 8, image.get(old, 8))
        image.set(old, 8, 0)
        return at
      },
      Damage("B06-twice", "one-entry") { image in
        let at = image.bucketOffset(ofSlot: 1, plus: 1)
        image.set(at, 8, image.get(image.bucketOffset(ofSlot: 1), 8))
        return at
      },
      Damage("B06-not-linked", "one-entry") { image in
        image.set(image.bucketOffset(ofSlot: 1), 8, 0)
        return image.slotOffset(1)
      },
      Damage("B07-same-key", "empty") { image in
        image.insert(Array("key".utf8), Array("first".utf8))
        image.insert(Array("key".utf8), Array("second".utf8))
        return image.slotOffset(2)
      },
    ]
  }
}
