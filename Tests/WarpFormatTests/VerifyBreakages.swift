// SPDX-License-Identifier: Apache-2.0
// One way, or a few, to break each rule of SPEC.md's chapter "Verification" and nothing else.

import WarpTestSupport

@testable import WarpFormat

extension Breakage {
  static func inHeader(_ rule: String, _ field: Field, _ value: UInt64) -> Breakage {
    Breakage(rule) {
      $0.set(field.offset, field.size, value)
      $0.sealHeader()
    }
  }

  static let header: [Breakage] = [
    Breakage("H01") { $0.data = [UInt8]($0.data.prefix(5)) },
    Breakage("H01") { $0.data = [UInt8]($0.data.prefix(4095)) },
    Breakage("H02") { $0.data[4] = 0x0A },
    inHeader("H03", HeaderFields.majorVersion, 2), inHeader("H03", HeaderFields.majorVersion, 256),
    inHeader("H04", HeaderFields.headerSize, 512),
    Breakage("H05") { $0.data[HeaderFields.userTag.offset] ^= 1 },
    inHeader("H06", HeaderFields.incompatFeatures, 4),
    Breakage("H07") {
      $0.data[1000] = 1
      $0.sealHeader()
    },
    inHeader("H08", HeaderFields.hashID, 2), inHeader("H08", HeaderFields.clockID, 0),
    inHeader("H08", HeaderFields.evictionID, 2), inHeader("H08", HeaderFields.checksumID, 0),
    inHeader("H08", HeaderFields.defaultTimeToLive, 1 << 63), inHeader("H09", HeaderFields.storeID, 15),
    inHeader("G01", HeaderFields.capacity, 0), inHeader("G01", HeaderFields.maxKeySize, 1 << 20),
    inHeader("G02", HeaderFields.slotsPerShard, 9), inHeader("G02", HeaderFields.slotsOffset, 0),
    Breakage("G03") { $0.data.append(0) }, Breakage("G03") { $0.data.removeLast() },
  ]

  static func inState(_ rule: String, also: [String] = [], _ offset: Int) -> Breakage {
    Breakage(rule, also: also) { $0.data[Format.stateOffset + offset] = 9 }
  }

  static let state: [Breakage] = [
    inState("S01", 8), inState("S01", 64 + 60), inState("S01", 192 + 40), inState("S01", 4095),
    Breakage("S02") { image in for index in 0..<64 { image.data[Format.stateOffset + 64 + index] = 0 } },
    inState("S03", 128 + 8), inState("S03", also: ["S02"], 64 + 24), inState("S04", 192), inState("S05", 0),
  ]

  static func inControl(_ rule: String, also: [String] = [], _ field: Field, _ value: UInt64) -> Breakage {
    Breakage(rule, also: also) { $0.setControl(field, value) }
  }

  static let control: [Breakage] = [
    Breakage("C01") { $0.data[$0.geometry.shardOffset(0) + 8] = 1 },
    Breakage("C01") { $0.data[$0.geometry.shardOffset(0) + 255] = 1 },
    // The slots above are then taken for used, and they are not on the free list.
    inControl("C02", also: ["A01"], ControlFields.usedSlots, 6),
    inControl("C03", ControlFields.backedSlots, 3),
    inControl("C03", ControlFields.backedSlots, 6),
    Breakage("C03", of: Sample.large) { $0.setControl(ControlFields.backedSlots, 4) },
    inControl("C04", ControlFields.count, 2), inControl("C05", also: [], ControlFields.lastStamp, 2),
    inControl("C05", ControlFields.writeCounter, 2), inControl("C06", ControlFields.storedBytes, 0),
    inControl("C07", ControlFields.sweep, 0), inControl("C07", ControlFields.sweep, 6),
    Breakage("P01") { $0.data[$0.geometry.shardOffset(0) + $0.geometry.slotsOffset - 1] = 1 },
    Breakage("P01") { $0.data[$0.data.count - 1] = 1 },
  ]

  /// An empty bucket, a place where an entry of slot 1 does not belong.
  static func inBucket(_ rule: String, also: [String] = [], _ word: UInt64) -> Breakage {
    Breakage(rule, also: also) { image in
      let empty = (0..<image.geometry.bucketsPerShard).first { image.get(image.bucketOffset($0), 8) == 0 }!
      // The fingerprint makes the bucket its own home.
      image.set(image.bucketOffset(empty), 8, UInt64(empty) << 32 | word)
    }
  }

  static let buckets: [Breakage] = [
    Breakage("B01") { image in
      let empty = (0..<image.geometry.bucketsPerShard).first { image.get(image.bucketOffset($0), 8) == 0 }!
      image.set(image.bucketOffset(empty), 8, 1 << 63)
    },
    inBucket("B02", 5), inBucket("B02", 0xFFFF_FFFF), inBucket("B03", 4), inBucket("B06", also: ["B04"], 1),
    Breakage("B04") { image in
      // Eight buckets: bit 31 of the fingerprint does not change the home.
      image.data[image.bucketOffset(image.bucket(of: 1)!) + 7] ^= 0x80
    },
    Breakage("B05") { image in
      let buckets = image.geometry.bucketsPerShard
      let empty = (0..<buckets).last {
        image.get(image.bucketOffset($0), 8) == 0
          && image.get(image.bucketOffset(($0 + buckets - 1) % buckets), 8) == 0
      }!
      let old = image.bucket(of: 1)!
      let word = image.get(image.bucketOffset(old), 8)
      image.set(image.bucketOffset(old), 8, 0)
      image.set(image.bucketOffset(empty), 8, word)
    },
    Breakage("B06") { $0.set($0.bucketOffset($0.bucket(of: 3)!), 8, 0) },
    Breakage("B07", of: sameKeyTwice) { _ in },
  ]

  @Sendable private static func sameKeyTwice() throws -> StoreImage {
    var image = try StoreImage(Sample.parameters)
    image.insert([7], [1])
    image.insert([7], [2])
    return image
  }

  static let metadata: [Breakage] = [
    Breakage("M01") { $0.data[$0.metadataOffset(1) + 60] = 1 },
    Breakage("M01") { $0.data[$0.metadataOffset(4) + 63] = 1 },
    Breakage("M02", also: ["Q03"]) {
      $0.setMetadata(2, MetadataFields.stamp, 1)
      $0.seal(2)
    },
    Breakage("M02") {
      $0.setMetadata(1, MetadataFields.stamp, 0)
      $0.seal(1)
    },
    Breakage("M03") {
      $0.setMetadata(2, MetadataFields.revision, 1)
      $0.seal(2)
    },
    Breakage("M04") { $0.setMetadata(1, MetadataFields.allocated, 64) },
    Breakage("M04", of: Sample.large) { $0.setMetadata(1, MetadataFields.allocated, 1 << 20) },
    Breakage("M04", of: Sample.large) { $0.setMetadata(1, MetadataFields.allocated, 42) },
    Breakage("M05") { $0.data[$0.metadataOffset(5) + 20] = 1 },
  ]

  /// Changes a field of slot 1 and seals it again.
  static func inSlot(_ rule: String, also: [String] = [], _ field: Field, _ value: UInt64) -> Breakage {
    Breakage(rule, also: also) {
      $0.setSlot(1, field, value)
      $0.seal(1)
    }
  }

  static func inFrame(_ index: Int, _ byte: UInt8) -> Breakage {
    Breakage("E09", of: Sample.zstd) {
      $0.data[$0.slotOffset(1) + 40 + index] = byte
      $0.seal(1)
    }
  }

  static let slots: [Breakage] = [
    Breakage("E01", also: ["A01"]) { $0.setSlot(4, SlotFields.control, 1 << 3 | 1) },
    Breakage("E01", also: ["A01"]) { $0.setSlot(4, SlotFields.control, 1 << 3 | 2) },
    Breakage("E01", also: ["A01"]) { $0.setSlot(4, SlotFields.control, 1 << 3 | 6) },
    Breakage("E02") { $0.setSlot(1, SlotFields.control, 5 << 3 | 3) },
    Breakage("E02") { $0.setSlot(1, SlotFields.control, 3) },
    Breakage("E02") { $0.setSlot(4, SlotFields.control, 9 << 3) },
    Breakage("E03", also: ["C06"]) { $0.setSlot(1, SlotFields.keySize, 17) },
    Breakage("E03", also: ["C06", "E04"]) { $0.setSlot(1, SlotFields.storedSize, 0xFFFF_FFFF) },
    inSlot("E03", also: ["E04"], SlotFields.rawSize, 25), inSlot("E04", SlotFields.codec, 1),
    inSlot("E04", SlotFields.codec, 2), inSlot("E04", SlotFields.rawSize, 2),
    inSlot("E05", SlotFields.flags, 1),
    Breakage("E05") { $0.data[$0.slotOffset(1) + 31] = 1 },
    Breakage("E06") { $0.data[$0.slotOffset(1) + 40] ^= 1 },
    Breakage("E06") { $0.setMetadata(1, MetadataFields.checksum, 1) },
    Breakage("E07") { $0.data[$0.slotOffset(1) + 32] ^= 1 },
    Breakage("E07", of: Sample.sharded) { image in
      // A key of the other shard, in its home bucket.
      image.set(image.bucketOffset(image.bucket(of: 1)!), 8, 0)
      func home(_ key: UInt8) -> Int {
        Int(XXH3.hash64([key], seed: image.header.hashSeed) >> 32) % image.geometry.bucketsPerShard
      }
      let key = (UInt8(10)...).first {
        image.shard(of: [$0]) == 1 && image.get(image.bucketOffset(home($0)), 8) == 0
      }!
      let hash = XXH3.hash64([key], seed: image.header.hashSeed)
      image.data[image.slotOffset(1) + 32] = key
      image.data[image.slotOffset(1) + 33] = 0
      image.setSlot(1, SlotFields.keySize, 1)
      image.setControl(ControlFields.storedBytes, image.control(ControlFields.storedBytes) - 1)
      image.setMetadata(1, MetadataFields.hash, hash)
      image.set(image.bucketOffset(home(key)), 8, hash & ~0xFFFF_FFFF | 1)
      image.seal(1)
    },
    Breakage("E08") { $0.data[$0.slotOffset(1) + 32 + 7] = 1 },
    // Magic, a reserved bit, no content size, another content size, a block too long, too short, one more behind.
    inFrame(0, 0), inFrame(4, 0x28), inFrame(4, 0), inFrame(5, 4), inFrame(6, 0x21), inFrame(6, 0x11),
    inFrame(6, 0x18),
    inSlot("E10", SlotFields.deadline, 1 << 63), inSlot("E10", SlotFields.deadline, 7_999_999),
    Breakage("E10") {
      $0.setMetadata(2, MetadataFields.freshUntil, 1 << 63)
      $0.seal(2)
    },
    Breakage("E11") { $0.setSlot(5, SlotFields.control, 8) },
    Breakage("E11", of: Sample.large) { $0.setSlot(5, SlotFields.control, 8) },
  ]

  static let queue: [Breakage] = [
    inControl("Q01", also: [], ControlFields.hand, 5),
    inControl("Q01", also: ["Q02"], ControlFields.newest, 9),
    Breakage("Q01", also: ["Q02"]) { $0.setMetadata(2, MetadataFields.older, 5) },
    inControl("Q02", ControlFields.oldest, 0), inControl("Q02", ControlFields.newest, 2),
    Breakage("Q02") { $0.setMetadata(3, MetadataFields.newer, 1) },
    Breakage("Q02") { $0.setMetadata(1, MetadataFields.older, 3) },
    Breakage("Q02") { $0.setMetadata(2, MetadataFields.newer, 0) },
    Breakage("Q03") {
      $0.setMetadata(2, MetadataFields.stamp, 4)
      $0.seal(2)
    },
    inControl("Q04", ControlFields.hand, 4), inControl("A01", ControlFields.freeHead, 0),
    inControl("A01", ControlFields.freeHead, 1), inControl("A01", ControlFields.freeHead, 5),
    Breakage("A01") { $0.setMetadata(4, MetadataFields.newer, 4) },
  ]

  static func inLock(_ rule: String, also: [String] = [], _ place: @escaping @Sendable (LockGeometry) -> Int)
    -> Breakage
  {
    Breakage(rule, also: also) { $0.lock[place($0.lockGeometry)] = 3 }
  }

  static func inLockHeader(_ rule: String, _ offset: Int) -> Breakage {
    Breakage(rule) {
      $0.lock[offset] ^= 0x10
      $0.sealLockHeader()
    }
  }

  static let lock: [Breakage] = [
    Breakage("L01") { $0.lock[0] = 0 }, Breakage("L01") { $0.lock = [] },
    Breakage("L01") { $0.lock[40] ^= 1 },
    inLockHeader("L01", LockHeaderFields.majorVersion.offset), inLockHeader("L01", 1000),
    inLockHeader("L02", LockHeaderFields.storeID.offset),
    inLockHeader("L03", LockHeaderFields.leaseCells.offset),
    Breakage("L03") { $0.lock.append(0) }, inLock("L04") { $0.linesOffset + 8 },
    inLock("L04") { $0.registryOffset + 1023 * 64 + 63 }, inLock("L04") { $0.countersOffset + 255 },
    inLock("L04") { $0.visitedOffset + 5 }, inLock("L04") { $0.fileSize - 1 },
    // An owner that nobody is: no such generation, no such entry.
    inLock("L05") { $0.linesOffset + LockLineFields.owner.offset },
    inLock("L05") { $0.linesOffset + LockLineFields.owner.offset + 1 },
    inLock("L06") { $0.linesOffset + LockLineFields.sequence.offset }, inLock("L07") { $0.visitedOffset },
    inLock("L04") { $0.leasesOffset + 28 },
    lease("L05", owner: 5 << 32 | 1), lease("L05", owner: 1 << 32), lease("L08", bit: 0), lease("L08", bit: 2),
    lease("L08", claim: 4), lease("L08", claim: 7), lease("L09", hash: 0),
  ]

  /// A lock file whose last shard has a claimed cell 0, held by the handle that registry entry 0 knew last.
  static func lease(
    _ rule: String, hash: UInt64 = .max, owner: UInt64 = 1 << 32 | 1, claim: UInt64 = 5, bit: UInt64 = 1
  ) -> Breakage {
    Breakage(rule, of: Sample.sharded) { image in
      let geometry = image.lockGeometry
      let shard = geometry.shardCount - 1
      let cell = geometry.leasesOffset + shard * Format.leaseCells * LeaseFields.structure.size
      let line = geometry.linesOffset + shard * LockLineFields.structure.size
      func set(_ offset: Int, _ size: Int, _ value: UInt64) {
        for index in 0..<size { image.lock[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
      }
      set(geometry.registryOffset + RegistryFields.generation.offset, 4, 1)
      set(cell + LeaseFields.hash.offset, 8, hash)
      set(cell + LeaseFields.owner.offset, 8, owner)
      set(cell + LeaseFields.claim.offset, 4, claim)
      set(line + LockLineFields.leases.offset, 8, bit)
    }
  }
}
