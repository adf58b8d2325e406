// SPDX-License-Identifier: Apache-2.0
// Rules E03 to E10: what a live slot holds (SPEC.md, "Verification").
//
// A live slot is never changed in place, so its header, key, value and the sealed part of its metadata belong together
// if the control word is the same before and after they were read. Otherwise the entry has been replaced meanwhile and
// there is nothing to say about it. This holds without any stable image, and one slot at a time is in memory.

extension ShardCheck {
  /// - Parameter progress: called now and then with the part that is done, 0 to 1.
  func checkContents(_ report: Report, _ progress: (Double) -> Void) throws(FormatError) {
    for (index, entry) in live.enumerated() {
      if index & 255 == 255 { progress(Double(index) / Double(live.count)) }
      // Sizes that the slot can't hold are reported, and then nothing behind the header is read.
      let fits = Int(entry.keySize) <= geometry.maxKeySize && Int(entry.storedSize) <= geometry.maxValueSize
      let payload = fits ? Geometry.align(Int(entry.keySize), 8) + Int(entry.storedSize) : 0
      let start = image.slotOffset(shard: shard.index, slot: entry.slot)
      let bytes = try image.file.read(at: start, count: SlotFields.structure.size + payload)
      let metadata = try metadata(entry.slot)
      let now = image.lock == nil ? entry.control : try control(entry.slot)
      guard now == entry.control, bytes.integer(SlotFields.control) == entry.control,
        UInt32(truncatingIfNeeded: bytes.integer(SlotFields.keySize)) == entry.keySize,
        UInt32(truncatingIfNeeded: bytes.integer(SlotFields.storedSize)) == entry.storedSize
      else { continue }
      checkHeader(entry.slot, bytes, metadata, report)
      if fits { checkPayload(entry, bytes, metadata, report) }
    }
  }

  /// On a live store the image's metadata may be of another moment than the slot.
  private func metadata(_ slot: Int) throws(FormatError) -> [UInt8] {
    let size = MetadataFields.structure.size
    guard image.lock != nil else { return shard.metadata.bytes(at: (slot - 1) * size, count: size) }
    return try image.file.read(at: image.metadataOffset(shard: shard.index, slot: slot), count: size)
  }

  private func checkHeader(_ slot: Int, _ bytes: [UInt8], _ metadata: [UInt8], _ report: Report) {
    typealias F = SlotFields
    func add(_ rule: String, _ field: Field, _ message: String) {
      report(finding(rule, headerOffset(slot, field), message, slot: slot))
    }
    let limits = [
      (F.keySize, geometry.maxKeySize), (F.storedSize, geometry.maxValueSize),
      (F.rawSize, geometry.maxRawSize),
    ]
    for (field, limit) in limits where bytes.count(field) > limit {
      add("E03", field, "\(field.name) is \(bytes.count(field)), the limit \(limit)")
    }
    let codec = UInt8(bytes.integer(F.codec))
    if codec != Format.codecRaw && !(codec == Format.codecZstd && image.header.usesZstd) {
      add("E04", F.codec, "codec \(codec) is unknown or not allowed by the feature bits")
    } else if codec == Format.codecRaw && bytes.integer(F.rawSize) != bytes.integer(F.storedSize) {
      add("E04", F.rawSize, "the value is not compressed, but raw and stored size differ")
    }
    if bytes.integer(F.flags) != 0 { add("E05", F.flags, "flags are \(bytes.integer(F.flags)), not 0") }
    if let offset = Reserved(F.structure).firstNonzero(in: bytes) {
      report(
        finding("E05", headerOffset(slot, F.control) + offset, "a reserved byte is not zero", slot: slot))
    }
    let deadline = bytes.integer(F.deadline)
    let fresh = metadata.integer(MetadataFields.freshUntil)
    let (latest, overflow) = metadata.integer(MetadataFields.written)
      .addingReportingOverflow(UInt64(Format.maximumTimeToLive))
    if !overflow && deadline > latest {
      add(
        "E10", F.deadline,
        "the deadline \(deadline) is further from the time of writing than any time to live")
    }
    let position = metadataOffset(slot, MetadataFields.freshUntil)
    if !overflow && fresh > latest {
      report(finding("E10", position, "freshUntil is further from the time of writing than any", slot: slot))
    } else if deadline != 0 && fresh > deadline {
      report(finding("E10", position, "freshUntil is behind the deadline", slot: slot))
    }
  }

  private func checkPayload(_ entry: Live, _ bytes: [UInt8], _ metadata: [UInt8], _ report: Report) {
    let slot = entry.slot
    let keyStart = SlotFields.structure.size
    let keyEnd = keyStart + Int(entry.keySize)
    let valueStart = keyStart + Geometry.align(Int(entry.keySize), 8)
    let position = headerOffset(slot, SlotFields.control)
    // Bytes have no padding, so all of the raw span is initialised.
    let all = unsafe bytes.span.bytes
    let digest = XXH3.hash64(all.extracting(valueStart..<bytes.count), seed: 0)
    let sealed = EntryChecksum.value(
      storeID: image.header.storeWords, shard: shard.index, slot: UInt32(slot), header: EntryHeader(bytes),
      metadata: EntryMetadata(metadata), digest: digest)
    if sealed != metadata.integer(MetadataFields.checksum) {
      report(
        finding(
          "E06", metadataOffset(slot, MetadataFields.checksum), "the checksum does not match", slot: slot))
    }
    let hash = XXH3.hash64(all.extracting(keyStart..<keyEnd), seed: image.header.hashSeed)
    if hash != metadata.integer(MetadataFields.hash) {
      report(
        finding("E07", metadataOffset(slot, MetadataFields.hash), "the hash is not the key's", slot: slot))
    } else if Int(hash & UInt64(geometry.shardCount - 1)) != shard.index {
      report(
        finding(
          "E07", metadataOffset(slot, MetadataFields.hash), "the key belongs to another shard", slot: slot))
    }
    if let offset = bytes.firstNonzero(in: keyEnd..<valueStart) {
      report(finding("E08", position + offset, "a byte between key and value is not zero", slot: slot))
    }
    if bytes.integer(SlotFields.codec) == Format.codecZstd, image.header.usesZstd {
      let rawSize = bytes.integer(SlotFields.rawSize)
      if let problem = ZstdFrame.problem(in: [UInt8](bytes[valueStart...]), rawSize: rawSize) {
        report(finding("E09", position + valueStart, problem, slot: slot))
      }
    }
  }
}

extension EntryHeader {
  /// The numbers as they are in a slot's first 32 bytes, whatever they are.
  package init(_ bytes: [UInt8]) {
    typealias F = SlotFields
    self.init(
      deadline: bytes.integer(F.deadline), keySize: bytes.count(F.keySize),
      storedSize: bytes.count(F.storedSize),
      rawSize: bytes.count(F.rawSize), codec: UInt8(bytes.integer(F.codec)),
      flags: UInt8(bytes.integer(F.flags)))
  }
}

extension EntryMetadata {
  /// The sealed part of 64 bytes of metadata.
  package init(_ bytes: [UInt8]) {
    typealias F = MetadataFields
    self.init(
      checksum: bytes.integer(F.checksum), stamp: bytes.integer(F.stamp), revision: bytes.integer(F.revision),
      written: bytes.integer(F.written), freshUntil: bytes.integer(F.freshUntil), hash: bytes.integer(F.hash))
  }
}

extension Header {
  /// The store id as two little-endian words.
  var storeWords: (UInt64, UInt64) { (storeWord, storeID.integer(Field("", 8, 8))) }
}
