// SPDX-License-Identifier: Apache-2.0
// Slots and buckets of a shard, a chunk at a time, for pictures and lists of large stores (SPEC.md §5.4 to §5.6).
//
// Invariants:
// - Memory is that of one chunk, whatever the file claims. Never-used slots are not read, nor what lies in holes.
// - Nothing is judged and no two chunks are of one moment: on a store in use this counts, and decides nothing.

extension FileImage {
  /// Bytes of the data file when it was opened.
  package var size: Int { file.size }

  /// Exactly these bytes of the data file.
  ///
  /// - Throws: `truncated` if the file has become shorter, `system`.
  package func bytes(at offset: Int, count: Int) throws(FormatError) -> [UInt8] {
    try file.read(at: offset, count: count)
  }

  /// A shard's control, 256 bytes.
  package func control(ofShard shard: Int) throws(FormatError) -> [UInt8] {
    try file.read(at: geometry.shardOffset(shard), count: ControlFields.structure.size)
  }

  /// Headers of slots 1 to `used` in order: the number of the first and 32 bytes for each. Chunks that lie in a hole
  /// are left out; all their slots are free. `used` is clamped to what the shard has.
  package func scanHeaders(
    shard: Int, used: Int, _ body: (_ first: Int, _ headers: [UInt8]) throws(FormatError) -> Void
  ) throws(FormatError) {
    let perChunk = SparseBytes.usualChunk / MetadataFields.structure.size
    let stride = geometry.slotStride
    let count = min(max(used, 0), geometry.slotsPerShard)
    let base = slotOffset(shard: shard, slot: 1)
    var data = 0..<0
    var first = 0
    // Bound: `first` grows by a chunk, or to a later one, each turn.
    while first < count {
      let last = min(first + perChunk, count)
      if base + first * stride >= data.upperBound {
        guard let next = System.nextData(file.descriptor, from: base + first * stride) else { return }
        data = next
      }
      guard data.lowerBound < base + last * stride else {
        first = max(last, (data.lowerBound - base) / stride / perChunk * perChunk)
        continue
      }
      try body(first + 1, try gather(base: base, slots: first..<last, data: &data))
      first = last
    }
  }

  /// Buckets in order: the number of the first and 8 bytes for each. Chunks without any entry are left out.
  package func scanBuckets(
    shard: Int, _ body: (_ first: Int, _ words: [UInt8]) throws(FormatError) -> Void
  ) throws(FormatError) {
    let start = geometry.shardOffset(shard) + geometry.bucketsOffset
    let count = geometry.bucketsPerShard * Format.bucketSize
    var data = 0..<0
    var place = 0
    // Bound: `place` grows by a chunk, or to a later one, each turn.
    while place < count {
      let end = min(place + SparseBytes.usualChunk, count)
      if start + place >= data.upperBound {
        guard let next = System.nextData(file.descriptor, from: start + place) else { return }
        data = next
      }
      guard data.lowerBound < start + end else {
        place = max(end, (data.lowerBound - start) / SparseBytes.usualChunk * SparseBytes.usualChunk)
        continue
      }
      let bytes = try file.read(at: start + place, count: end - place)
      if bytes.firstNonzero(in: 0..<bytes.count) != nil { try body(place / Format.bucketSize, bytes) }
      place = end
    }
  }
}

extension LockImage {
  /// Bytes of the lock file when it was opened.
  package var size: Int { file.size }

  /// Exactly these bytes of the lock file.
  package func bytes(at offset: Int, count: Int) throws(FormatError) -> [UInt8] {
    try file.read(at: offset, count: count)
  }

  /// Visited bytes of `count` slots of a shard (SPEC.md §5.8); every value but 0 is visited.
  package func visited(shard: Int, first slot: Int, count: Int) throws(FormatError) -> [UInt8] {
    try file.read(at: geometry.visitedOffset + shard * geometry.visitedStride + slot - 1, count: count)
  }
}
