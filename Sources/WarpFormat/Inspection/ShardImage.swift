// SPDX-License-Identifier: Apache-2.0
// One shard as a private copy: control, buckets, metadata, slot headers (SPEC.md, "Verification").
//
// Invariants:
// - A stable image was copied while the shard's owner word was 0 and its sequence even and unchanged, so rules that
//   join several words may be checked on it. Any other image is only good for looking. Without a lock file an image is
//   stable if nobody who may write is attached: whoever is has mapped a lock file that we can't see.
// - Keys and values are not part of it; they are read later and count only if the slot's control word is still the
//   same, because a live slot is never changed in place.
// - All indexes taken from the image are unchecked bytes until a caller has compared them with the geometry.

/// A copy of a shard's bookkeeping.
public struct ShardImage: Sendable {
  public let index: Int
  /// Of the shard in the file.
  public let offset: Int
  public let isStable: Bool
  /// 256 bytes.
  public let control: [UInt8]
  let geometry: Geometry
  let buckets: SparseBytes
  let metadata: SparseBytes
  /// 32 bytes for each slot, the first at 0.
  let headers: SparseBytes
  /// File offsets of the first byte that is not zero in either stretch of padding.
  let padding: [Int]

  /// Slots ever used, as far as the shard can have them.
  var usedSlots: Int { min(control.count(ControlFields.usedSlots), geometry.slotsPerShard) }

  func header(_ field: Field, slot: Int) -> UInt64 {
    headers.integer(field, at: (slot - 1) * SlotFields.structure.size)
  }

  func metadata(_ field: Field, slot: Int) -> UInt64 {
    metadata.integer(field, at: (slot - 1) * MetadataFields.structure.size)
  }

  func state(_ slot: Int) -> SlotState? { Control(raw: header(SlotFields.control, slot: slot)).state }
}

extension FileImage {
  /// A stable image of a shard if one can be had within 64 tries, else one that may mix two moments.
  ///
  /// - Parameter progress: called now and then while a large shard is copied, with the part that is done, 0 to 1.
  public func shard(_ index: Int, progress: (Double) -> Void = { _ in }) throws(FormatError) -> ShardImage {
    // Nothing ends it early.
    func wholeCopy(isStable: Bool) throws(FormatError) -> ShardImage {
      try copyShard(index, isStable: isStable, told: progress, goesOn: { () throws(FormatError) in true })!
    }
    guard let lock else {
      if !isInUse {
        let image = try wholeCopy(isStable: true)
        if !isInUse { return image }
      }
      return try wholeCopy(isStable: false)
    }
    var transients: [UInt64]?
    for _ in 0..<Format.readerTries {
      let before = try lock.line(index)
      if before.isQuiet,
        let image = try copyShard(
          index, isStable: true, told: progress,
          goesOn: { () throws(FormatError) in try lock.line(index) == before }),
        try lock.line(index) == before
      {
        // A failed write leaves the sequence alone, and its owner may have come and gone unseen; then the slot it was
        // filling looks different a moment later.
        let now = image.transients()
        if now.isEmpty || now == transients { return image }
        transients = now
      }
      System.sleep(Format.sleepNanoseconds)
    }
    return try wholeCopy(isStable: false)
  }

  /// Whether a handle that may write is attached.
  package var isInUse: Bool {
    !System.isByteFree(file.descriptor, at: Format.registryLockOffset, count: Int64(Format.registryEntries))
  }

  /// - Parameter goesOn: asked now and then, so that no work is lost on a shard that has changed.
  /// - Returns: nil if it said no.
  private func copyShard(
    _ index: Int, isStable: Bool, told progress: (Double) -> Void, goesOn: () throws(FormatError) -> Bool
  ) throws(FormatError) -> ShardImage? {
    let offset = geometry.shardOffset(index)
    let metadataSize = geometry.slotsPerShard * MetadataFields.structure.size
    let slotsEnd = offset + geometry.slotsOffset + geometry.slotsPerShard * geometry.slotStride
    let gaps = [
      (offset + geometry.metadataOffset + metadataSize)..<(offset + geometry.slotsOffset),
      slotsEnd..<(offset + geometry.shardStride),
    ]
    var padding: [Int] = []
    for gap in gaps {
      if let nonzero = try file.firstNonzero(in: gap) { padding.append(nonzero) }
    }
    let control = try file.read(at: offset, count: ControlFields.structure.size)
    let buckets = try file.sparse(
      at: offset + geometry.bucketsOffset, count: geometry.bucketsPerShard * Format.bucketSize)
    guard try goesOn() else { return nil }
    let metadata = try file.sparse(at: offset + geometry.metadataOffset, count: metadataSize)
    guard let headers = try slotHeaders(index, told: progress, goesOn: goesOn) else { return nil }
    return ShardImage(
      index: index, offset: offset, isStable: isStable, control: control, geometry: geometry, buckets: buckets,
      metadata: metadata, headers: headers, padding: padding)
  }

  /// The headers of all slots of a shard, gathered. Only slots that are not in a hole are read.
  private func slotHeaders(
    _ shard: Int, told progress: (Double) -> Void, goesOn: () throws(FormatError) -> Bool
  ) throws(FormatError) -> SparseBytes? {
    let size = SlotFields.structure.size
    let perChunk = SparseBytes.usualChunk / MetadataFields.structure.size
    let stride = geometry.slotStride
    var result = SparseBytes(count: geometry.slotsPerShard * size, chunkSize: perChunk * size)
    let isSmall = geometry.slotsPerShard * stride <= SparseBytes.usualChunk
    let base = slotOffset(shard: shard, slot: 1)
    var data = 0..<(isSmall ? Int.max : 0)
    var first = 0
    // Bound: `first` grows by a whole chunk each turn.
    while first < geometry.slotsPerShard {
      guard try goesOn() else { return nil }
      progress(Double(first) / Double(geometry.slotsPerShard))
      let last = min(first + perChunk, geometry.slotsPerShard)
      if base + first * stride >= data.upperBound {
        guard let next = System.nextData(file.descriptor, from: base + first * stride) else { break }
        data = next
      }
      if data.lowerBound < base + last * stride {
        let bytes = try gather(base: base, slots: first..<last, data: &data)
        if bytes.firstNonzero(in: 0..<bytes.count) != nil { result.set(chunk: first / perChunk, bytes) }
        first = last
      } else {
        let slot = min((data.lowerBound - base) / stride, geometry.slotsPerShard)
        first = slot / perChunk * perChunk
        if first < last { first = last }
      }
    }
    return result
  }

  func gather(base: Int, slots: Range<Int>, data: inout Range<Int>) throws(FormatError) -> [UInt8] {
    let size = SlotFields.structure.size
    let stride = geometry.slotStride
    var bytes: [UInt8] = []
    bytes.reserveCapacity(slots.count * size)
    // Close together one large read is cheaper than many small ones.
    if stride <= 1024 {
      let block = try file.read(at: base + slots.lowerBound * stride, count: slots.count * stride)
      for index in 0..<slots.count {
        bytes.append(contentsOf: block[(index * stride)..<(index * stride + size)])
      }
      return bytes
    }
    for slot in slots {
      let offset = base + slot * stride
      if offset >= data.upperBound {
        data = System.nextData(file.descriptor, from: offset) ?? Int.max..<Int.max
      }
      // A header never lies across the edge of a hole: slots begin at multiples of 64.
      if data.contains(offset) {
        bytes.append(contentsOf: try file.read(at: offset, count: size))
      } else {
        bytes.append(contentsOf: repeatElement(0, count: size))
      }
    }
    return bytes
  }
}

extension ShardImage {
  /// Control words of used slots that a writer has in hand.
  fileprivate func transients() -> [UInt64] {
    var words: [UInt64] = []
    for (_, chunk) in usedHeaders() {
      for start in stride(from: 0, to: chunk.count, by: SlotFields.structure.size) {
        let word = chunk.integer(SlotFields.control, at: start)
        if let state = Control(raw: word).state, state == .writing || state == .committed {
          words.append(word)
        }
      }
    }
    return words
  }

  /// The chunks of slot headers that are not zero throughout: the first slot's number and the bytes.
  func usedHeaders() -> [(first: Int, bytes: [UInt8])] {
    (0..<headers.chunkCount).compactMap { index in
      headers.chunk(index).map { (index * (headers.chunkSize / SlotFields.structure.size) + 1, $0) }
    }
  }
}
