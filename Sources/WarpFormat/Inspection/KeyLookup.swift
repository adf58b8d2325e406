// SPDX-License-Identifier: Apache-2.0
// Finding a key from outside, without a lock and without a mark in the visited byte (SPEC.md §7.3, §10.2).
//
// A hit is a copy whose slot had one control word before and after it, so it is one entry whole. A miss counts only if
// the shard's sequence was even and unchanged while the window was looked through; else the look is repeated, and after
// 64 times the answer is that nobody knows.

/// Where keys hash to.
package struct KeyPlace: Sendable {
  package let hash: UInt64
  package let shard: Int
  /// The bucket at which a lookup begins.
  package let home: Int

  package init(_ key: [UInt8], in header: Header) {
    hash = XXH3.hash64(key, seed: header.hashSeed)
    shard = Int(hash & UInt64(header.geometry.shardCount - 1))
    home = Int(hash >> 32) & (header.geometry.bucketsPerShard - 1)
  }
}

/// What became of a look for a key.
package enum KeyLookup: Sendable {
  case found(EntryImage)
  case absent
  /// The shard was being written all the time.
  case unstable
}

extension FileImage {
  /// Looks for a key. Expired entries are found like others.
  package func lookup(_ key: [UInt8]) throws(FormatError) -> KeyLookup {
    guard key.count <= geometry.maxKeySize else { return .absent }
    let place = KeyPlace(key, in: header)
    for attempt in 0..<Format.readerTries {
      let before = try lock?.line(place.shard)
      switch try probe(key, place) {
      case .found(let entry): return .found(entry)
      case .unstable: break
      case .absent:
        // While it is odd, as a dead owner leaves it, nobody can say that a key is absent.
        guard let lock, let before else { return .absent }
        if before.sequence & 1 == 0, try lock.line(place.shard).sequence == before.sequence { return .absent }
      }
      if attempt > 0 { System.sleep(Format.sleepNanoseconds) }
    }
    return .unstable
  }

  private func probe(_ key: [UInt8], _ place: KeyPlace) throws(FormatError) -> KeyLookup {
    let used = min(
      try control(ofShard: place.shard).count(ControlFields.usedSlots), geometry.slotsPerShard)
    let buckets = geometry.shardOffset(place.shard) + geometry.bucketsOffset
    var result = KeyLookup.absent
    for step in 0..<min(Format.probeLimit, geometry.bucketsPerShard) {
      let bucket = (place.home + step) & (geometry.bucketsPerShard - 1)
      let at = buckets + bucket * Format.bucketSize
      let word = try file.read(at: at, count: Format.bucketSize).integer(ShardCheck.word)
      if word == 0 { break }
      let slot = Int(word & 0xFFFF_FFFF)
      guard word >> 32 == place.hash >> 32, (1...max(1, used)).contains(slot), used > 0 else { continue }
      guard let entry = try validated(slot, shard: place.shard, bucket: bucket) else {
        result = .unstable
        continue
      }
      if entry.key == key { return .found(entry) }
    }
    return result
  }

  /// A live slot, or one whose bucket already names it; nil if it changed while it was copied.
  package func validated(_ slot: Int, shard: Int, bucket: Int?) throws(FormatError) -> EntryImage? {
    typealias F = SlotFields
    guard (1...geometry.slotsPerShard).contains(slot) else { return nil }
    let offset = slotOffset(shard: shard, slot: slot)
    let header = try file.read(at: offset, count: F.structure.size)
    let state = Control(raw: header.integer(F.control)).state
    guard state == .live || (state == .committed && bucket != nil) else { return nil }
    let keySize = min(header.count(F.keySize), geometry.maxKeySize)
    let valueStart = Geometry.align(keySize, 8)
    let room = geometry.slotStride - F.structure.size - valueStart
    let storedSize = min(header.count(F.storedSize), geometry.maxValueSize, room)
    let payload = try file.read(at: offset + F.structure.size, count: valueStart + storedSize)
    let metadataAt = metadataOffset(shard: shard, slot: slot)
    let metadata = try file.read(at: metadataAt, count: MetadataFields.structure.size)
    let now = try file.read(at: offset, count: F.control.size).integer(F.control)
    // COMMITTED becomes LIVE by its lowest bit, and the entry is the same.
    guard now | 1 == header.integer(F.control) | 1 else { return nil }
    return EntryImage(
      slot: slot, offset: offset, metadataOffset: metadataAt, bucket: bucket, header: header,
      metadata: metadata, key: [UInt8](payload.prefix(keySize)), value: [UInt8](payload.dropFirst(valueStart)))
  }

  /// What the entry's checksum should be (SPEC.md §8.5).
  package func sealed(_ entry: EntryImage, shard: Int) -> UInt64 {
    EntryChecksum.value(
      storeID: header.storeWords, shard: shard, slot: UInt32(truncatingIfNeeded: entry.slot),
      header: EntryHeader(entry.header), metadata: EntryMetadata(entry.metadata),
      digest: XXH3.hash64(entry.value, seed: 0))
  }
}
