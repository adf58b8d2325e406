// SPDX-License-Identifier: Apache-2.0
// Entries for people to look at: one live slot with everything that belongs to it (SPEC.md §8).
//
// Nothing is judged here; that is what Verify.swift is for. A damaged queue gives what can be walked from its oldest
// end, and sizes that a slot can't hold are cut to what it can.

/// A live slot and its bytes.
public struct EntryImage: Sendable {
  /// From 1.
  public let slot: Int
  /// Of the slot in the file.
  public let offset: Int
  public let metadataOffset: Int
  /// The bucket that names it, from 0; nil if none does.
  public let bucket: Int?
  /// 32 bytes.
  public let header: [UInt8]
  /// 64 bytes.
  public let metadata: [UInt8]
  public let key: [UInt8]
  /// As stored: a zstd frame if the codec says so.
  public let value: [UInt8]
}

extension ShardImage {
  /// Live slots from oldest to newest, as far as the queue can be followed: to a slot that is not live, or met before.
  public var queue: [Int] {
    var slots: [Int] = []
    var seen = Set<Int>()
    var slot = Int(control.integer(ControlFields.oldest))
    while slot != 0, slot <= usedSlots, state(slot) == .live,
      seen.insert(slot).inserted || planted(.endlessQueue)
    {
      slots.append(slot)
      slot = Int(metadata(MetadataFields.newer, slot: slot))
    }
    return slots
  }

  /// The bucket that names each slot; the first one if there are several.
  public func bucketsBySlot() -> [Int: Int] {
    var result: [Int: Int] = [:]
    let perChunk = buckets.chunkSize / Format.bucketSize
    for index in 0..<buckets.chunkCount {
      guard let chunk = buckets.chunk(index) else { continue }
      for place in 0..<(chunk.count / Format.bucketSize) {
        let slot = Int(chunk.integer(ShardCheck.word, at: place * Format.bucketSize) & 0xFFFF_FFFF)
        if slot != 0, result[slot] == nil { result[slot] = index * perChunk + place }
      }
    }
    return result
  }
}

extension FileImage {
  /// One live slot of a shard's image, its key and value read now; nil if it has been replaced since.
  ///
  /// - Parameter buckets: `ShardImage.bucketsBySlot()`, made once for many entries.
  public func entry(
    _ slot: Int, of shard: ShardImage, buckets: [Int: Int]
  ) throws(FormatError) -> EntryImage? {
    guard (1...geometry.slotsPerShard).contains(slot) else { return nil }
    typealias F = SlotFields
    let offset = slotOffset(shard: shard.index, slot: slot)
    let room = geometry.slotStride - F.structure.size
    let keySize = min(Int(shard.header(F.keySize, slot: slot)), geometry.maxKeySize)
    let valueStart = Geometry.align(keySize, 8)
    let storedSize = min(
      Int(shard.header(F.storedSize, slot: slot)), geometry.maxValueSize, room - valueStart)
    let bytes = try file.read(at: offset, count: F.structure.size + valueStart + storedSize)
    let metadata = try file.read(
      at: metadataOffset(shard: shard.index, slot: slot), count: MetadataFields.structure.size)
    let now = try file.read(at: offset, count: F.control.size).integer(F.control)
    let control = shard.header(F.control, slot: slot)
    guard now == control, bytes.integer(F.control) == control else { return nil }
    let payload = bytes[F.structure.size...]
    return EntryImage(
      slot: slot, offset: offset, metadataOffset: metadataOffset(shard: shard.index, slot: slot),
      bucket: buckets[slot], header: [UInt8](bytes.prefix(F.structure.size)), metadata: metadata,
      key: [UInt8](payload.prefix(keySize)), value: [UInt8](payload.dropFirst(valueStart)))
  }

  /// All entries of a shard at once, oldest first; for small shards.
  public func entries(inShard index: Int) throws(FormatError) -> [EntryImage] {
    let shard = try shard(index)
    let buckets = shard.bucketsBySlot()
    var entries: [EntryImage] = []
    for slot in shard.queue {
      if let entry = try entry(slot, of: shard, buckets: buckets) { entries.append(entry) }
    }
    return entries
  }
}
