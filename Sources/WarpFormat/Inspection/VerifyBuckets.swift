// SPDX-License-Identifier: Apache-2.0
// Rules B01 to B07: the table of a shard, on a stable image (SPEC.md, "Verification").
//
// Whether a bucket can be reached from its home follows from the length of the run of full buckets just before it, which
// one pass over the table keeps up to date. The table is a ring: the run that reaches over its end is measured first.

extension ShardCheck {
  mutating func checkBuckets(_ report: Report) {
    let count = geometry.bucketsPerShard
    let perChunk = shard.buckets.chunkSize / Format.bucketSize
    var run = runAtEnd()
    for chunk in 0..<shard.buckets.chunkCount {
      guard let bytes = shard.buckets.chunk(chunk) else {
        run = 0
        continue
      }
      for place in 0..<(bytes.count / Format.bucketSize) {
        let word = bytes.integer(ShardCheck.word, at: place * Format.bucketSize)
        let bucket = chunk * perChunk + place
        if word & 0xFFFF_FFFF == 0 {
          run = 0
          if word != 0 {
            report(finding("B01", bucketOffset(bucket), "bucket \(bucket) has a fingerprint but no slot"))
          }
        } else {
          checkBucket(bucket, word, run: run, report)
          run = min(run + 1, count)
        }
      }
    }
    for entry in live where entry.bucket == nil {
      let position = headerOffset(entry.slot, SlotFields.control)
      report(finding("B06", position, "no bucket names this live slot", slot: entry.slot))
    }
  }

  private mutating func checkBucket(_ bucket: Int, _ word: UInt64, run: Int, _ report: Report) {
    let position = bucketOffset(bucket)
    let fingerprint = word >> 32
    let slot = Int(word & 0xFFFF_FFFF)
    let mask = geometry.bucketsPerShard - 1
    let distance = (bucket - Int(fingerprint) & mask) & mask
    if distance >= Format.probeLimit {
      report(
        finding(
          "B05", position, "bucket \(bucket) is \(distance) from its home, the limit is \(Format.probeLimit)")
      )
    } else if distance > run {
      report(finding("B05", position, "an empty bucket lies between bucket \(bucket) and its home"))
    }
    guard slot <= shard.usedSlots else {
      report(finding("B02", position, "bucket \(bucket) names slot \(slot) of \(shard.usedSlots) used"))
      return
    }
    guard let index = find(slot) else {
      report(finding("B03", position, "bucket \(bucket) names a slot that is not live", slot: slot))
      return
    }
    if live[index].hash >> 32 != fingerprint {
      report(finding("B04", position, "bucket \(bucket) has another fingerprint than its slot", slot: slot))
    }
    if let other = live[index].bucket {
      report(finding("B06", position, "buckets \(other) and \(bucket) name the same slot", slot: slot))
    } else {
      live[index].bucket = bucket
    }
  }

  private func bucketOffset(_ bucket: Int) -> Int {
    shard.offset + geometry.bucketsOffset + bucket * Format.bucketSize
  }

  /// Full buckets at the end of the table, up to the probe limit: more would not change a verdict.
  private func runAtEnd() -> Int {
    var run = 0
    while run < min(geometry.bucketsPerShard, Format.probeLimit) {
      let place = (geometry.bucketsPerShard - 1 - run) * Format.bucketSize
      if shard.buckets.integer(ShardCheck.word, at: place) & 0xFFFF_FFFF == 0 { break }
      run += 1
    }
    return run
  }

  static var word: Field { Field("bucket", 0, Format.bucketSize, .hex) }

  /// Two live slots can only have the same key if they have the same hash, and few have, so their keys are read again.
  func checkKeys(_ report: Report) throws(FormatError) {
    let sorted = live.sorted { ($0.hash, $0.slot) < ($1.hash, $1.slot) }
    var first = 0
    while first < sorted.count {
      let end = sorted[first...].firstIndex { $0.hash != sorted[first].hash } ?? sorted.count
      if end - first > 1 {
        var owners: [[UInt8]: Int] = [:]
        for entry in sorted[first..<end] {
          guard let key = try key(entry) else { continue }
          guard let other = owners.updateValue(entry.slot, forKey: key) else { continue }
          report(
            finding(
              "B07", headerOffset(entry.slot, SlotFields.control),
              "slots \(other) and \(entry.slot) have the same key", slot: entry.slot))
        }
      }
      first = end
    }
  }

  /// nil if the key can't be in the slot, or the slot has changed since the image was taken.
  private func key(_ entry: Live) throws(FormatError) -> [UInt8]? {
    guard Int(entry.keySize) <= geometry.maxKeySize else { return nil }
    let size = SlotFields.structure.size
    let start = image.slotOffset(shard: shard.index, slot: entry.slot)
    let key = try image.file.read(at: start + size, count: Int(entry.keySize))
    return try control(entry.slot) == entry.control ? key : nil
  }

  /// A slot's control word as it is now.
  func control(_ slot: Int) throws(FormatError) -> UInt64 {
    let start = image.slotOffset(shard: shard.index, slot: slot)
    return try image.file.read(at: start, count: SlotFields.control.size).integer(SlotFields.control)
  }
}
