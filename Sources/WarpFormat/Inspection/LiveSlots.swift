// SPDX-License-Identifier: Apache-2.0
// The live slots of a shard's image one after another, and how far its entries sit from their home buckets.
//
// The numbers are as they are in the file, whatever they are. Stretches of slots that were never used cost nothing.

/// What a live slot says of its entry, unchecked.
public struct LiveSlot: Sendable, Equatable {
  /// From 1.
  public let slot: Int
  /// Store time; 0: none.
  public let deadline: UInt64
  public let keySize: Int
  public let storedSize: Int
  public let rawSize: Int
  public let codec: UInt8
  /// Store time of the set.
  public let written: UInt64
}

extension ShardImage {
  public func forEachLive(_ body: (LiveSlot) throws -> Void) rethrows {
    typealias F = SlotFields
    let size = F.structure.size
    for (first, chunk) in usedHeaders() {
      for index in 0..<(chunk.count / size) where first + index <= usedSlots {
        let start = index * size
        guard Control(raw: chunk.integer(F.control, at: start)).state == .live else { continue }
        try body(
          LiveSlot(
            slot: first + index, deadline: chunk.integer(F.deadline, at: start),
            keySize: Int(chunk.integer(F.keySize, at: start)),
            storedSize: Int(chunk.integer(F.storedSize, at: start)),
            rawSize: Int(chunk.integer(F.rawSize, at: start)),
            codec: UInt8(truncatingIfNeeded: chunk.integer(F.codec, at: start)),
            written: metadata(MetadataFields.written, slot: first + index)))
      }
    }
  }

  /// How many buckets are so far from home, by distance; those that no lookup reaches count for the last.
  public func probeLengths() -> [Int] {
    var lengths = [Int](repeating: 0, count: Format.probeLimit + 1)
    let mask = geometry.bucketsPerShard - 1
    let perChunk = buckets.chunkSize / Format.bucketSize
    for index in 0..<buckets.chunkCount {
      guard let chunk = buckets.chunk(index) else { continue }
      for place in 0..<(chunk.count / Format.bucketSize) {
        let word = chunk.integer(ShardCheck.word, at: place * Format.bucketSize)
        guard word & 0xFFFF_FFFF != 0 else { continue }
        let distance = (index * perChunk + place - Int(word >> 32) & mask) & mask
        lengths[min(distance, Format.probeLimit)] += 1
      }
    }
    return lengths
  }
}

extension FileImage {
  /// The first bytes of a live slot's stored value; nil if it has been replaced since, or its sizes can't be.
  package func value(of live: LiveSlot, shard: ShardImage, limit: Int) throws(FormatError) -> [UInt8]? {
    guard live.keySize <= geometry.maxKeySize, live.storedSize <= geometry.maxValueSize else { return nil }
    let offset = slotOffset(shard: shard.index, slot: live.slot)
    let size = SlotFields.control.size
    let control = shard.header(SlotFields.control, slot: live.slot)
    let value = try file.read(
      at: offset + SlotFields.structure.size + Geometry.align(live.keySize, 8), count: min(live.storedSize, limit))
    return try file.read(at: offset, count: size).integer(SlotFields.control) == control ? value : nil
  }
}
