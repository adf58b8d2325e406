// SPDX-License-Identifier: Apache-2.0
// The open-addressing table (SPEC.md §7): linear probing, backward shift, no tombstones.
//
//   bucket   63        32 31         0
//            | fingerprint | slot index |     0: empty
//
// - home = fingerprint mod buckets, so that shifting never touches a slot.
// - No empty bucket lies between an entry's home and its bucket, and it is less than `probeLimit` away: a flood of
//   colliding keys costs hit rate, never time.
// - Every bucket store is a release store. A shift copies first and clears last, so each other key stays in its chain
//   at every step, also if the writer dies there.

/// A hash, cut up.
struct HashParts {
  let hash: UInt64

  @inline(__always)
  var fingerprint: UInt32 { UInt32(truncatingIfNeeded: hash >> 32) }

  @inline(__always)
  func word(_ slot: SlotIndex) -> UInt64 { hash & 0xFFFF_FFFF_0000_0000 | UInt64(slot.raw) }
}

/// A slot that a bucket names, and the bucket's offset and word.
struct NamedSlot {
  let slot: SlotIndex
  let bucket: Int
  let word: UInt64
}

extension ShardView {
  @inline(__always)
  func bucketOffset(_ bucket: UInt32) -> Int { buckets &+ Int(bucket & bucketMask) &* Format.bucketSize }

  /// R2: the first slot that a chain names for a fingerprint, before a last step.
  ///
  /// One key in four is not at home. A branch that asked for that would be guessed wrong as often, so the home bucket and the next
  /// one on its cache line are both loaded, and one of them is chosen.
  @inline(__always)
  func firstNamed(_ fingerprint: UInt32, before end: UInt32) -> SlotIndex? {
    let home = bucketOffset(fingerprint)
    let isLast = (fingerprint &+ 1) & (Format.bucketsPerLine &- 1) == 0
    assert(isLast || bucketOffset(fingerprint &+ 1) == home &+ Format.bucketSize, "a bucket of another line")
    let word = data.acquire64(home)  // R2.1
    let next = data.acquire64(home &+ (isLast ? 0 : Format.bucketSize))
    if word == 0 { return nil }
    let chosen = UInt32(truncatingIfNeeded: word &>> 32) == fingerprint ? word : next
    if let slot = named(chosen, fingerprint) { return slot }
    var step: UInt32 = 1
    return nextNamed(fingerprint, &step, before: end)?.slot
  }

  /// R2: the next slot that a chain names for a fingerprint, before a last step.
  @inline(__always)
  func nextNamed(_ fingerprint: UInt32, _ step: inout UInt32, before end: UInt32) -> NamedSlot? {
    while step < end {
      let bucket = bucketOffset(fingerprint &+ step)
      step &+= 1
      let word = data.acquire64(bucket)  // R2.1
      if word == 0 { return nil }
      if let slot = named(word, fingerprint) { return NamedSlot(slot: slot, bucket: bucket, word: word) }
    }
    return nil
  }

  /// R2.2: the slot that a bucket's word names for a fingerprint.
  @inline(__always)
  private func named(_ word: UInt64, _ fingerprint: UInt32) -> SlotIndex? {
    let raw = UInt32(truncatingIfNeeded: word)
    guard UInt32(truncatingIfNeeded: word &>> 32) == fingerprint,
      isUsed(raw) || planted(.slotIndexUnchecked) && raw != 0
    else { return nil }
    return SlotIndex(raw)
  }
}

extension Shard {
  /// The bucket of a key, looked up by whoever holds the shard.
  func find(_ key: UnsafeRawBufferPointer, _ parts: HashParts) -> (bucket: UInt32, slot: SlotIndex)? {
    find(unsafe KeyBytes(key), parts)
  }

  @inline(__always)
  func find(_ key: some ProbeKey, _ parts: HashParts) -> (bucket: UInt32, slot: SlotIndex)? {
    guard key.count <= maxKeySize else { return nil }
    var step: UInt32 = 0
    while let named = nextNamed(parts.fingerprint, &step, before: probeLimit) {
      guard controlWord(named.slot).isIn(.live), holds(named.slot, key) else { continue }
      return ((parts.fingerprint &+ step &- 1) & bucketMask, named.slot)
    }
    return nil
  }

  /// Where a slot of that hash is linked.
  func bucket(of slot: SlotIndex, hash: UInt64) -> UInt32? {
    let parts = HashParts(hash: hash)
    let wanted = parts.word(slot)
    for step in 0..<probeLimit {
      let word = data.acquire64(bucketOffset(parts.fingerprint &+ step))
      if word == wanted { return (parts.fingerprint &+ step) & bucketMask }
      if word == 0 { return nil }
    }
    return nil
  }

  /// The first free bucket of the hash's window.
  @inline(__always)
  func freeBucket(_ parts: HashParts) -> UInt32? {
    var bucket = parts.fingerprint
    let end = bucket &+ probeLimit
    while bucket != end {
      if data.load64(bucketOffset(bucket)) == 0 { return bucket & bucketMask }
      bucket &+= 1
    }
    return nil
  }

  /// U3, U4, W3.3, W3.5, X4, T4.
  @inline(__always)
  func link(_ bucket: UInt32, _ word: UInt64) { data.release64(bucketOffset(bucket), word) }

  /// Closes the hole at a bucket: moves each later entry of the chain that may move, front to back, and clears the
  /// last place. Bounded by the number of buckets.
  func unlink(_ bucket: UInt32) {
    var hole = bucket & bucketMask
    var next = hole
    for _ in 0..<bucketMask {
      next = (next &+ 1) & bucketMask
      let word = data.load64(bucketOffset(next))
      if word == 0 { break }
      let home = UInt32(truncatingIfNeeded: word >> 32) & bucketMask
      // It may move if its home is not between the hole (exclusive) and where it is.
      if (next &- home) & bucketMask >= (next &- hole) & bucketMask {
        if planted(.shiftClearsFirst) { link(next, 0) }
        link(hole, word)
        hole = next
      }
    }
    link(hole, 0)
  }

  /// The entry of a full window that matters least: unvisited before visited, then the lowest stamp.
  func coldest(_ parts: HashParts) -> (bucket: UInt32, slot: SlotIndex)? {
    var best: (bucket: UInt32, slot: SlotIndex)?
    var bestRank: (UInt8, UInt64) = (.max, .max)
    for step in 0..<probeLimit {
      let bucket = (parts.fingerprint &+ step) & bucketMask
      let word = data.load64(bucketOffset(bucket))
      guard let slot = checked(UInt32(truncatingIfNeeded: word)), state(slot) == .live else { continue }
      let rank = (isVisited(slot) ? 1 as UInt8 : 0, stamp(slot))
      if best == nil || rank < bestRank {
        best = (bucket, slot)
        bestRank = rank
      }
    }
    return best
  }
}
