// SPDX-License-Identifier: Apache-2.0
// Asking for the cache lines of several keys before any of them is looked up, so that the misses of the processor's caches
// overlap. It changes nothing. Of what it reads only the slot that `prefetchSlot` returns is used: it was found by R2, and whoever
// goes on from there does R3.

extension AttachmentCell {
  /// What the current files hash keys with.
  package var hashSeed: UInt64 { unsafe unowned._withUnsafeGuaranteedRef { file in file.header.hashSeed } }

  /// Hashes a key and asks for the line of its home bucket.
  package func prefetchBucket(_ key: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    unsafe unowned._withUnsafeGuaranteedRef { file in
      let hash = unsafe KeyBytes(key).hash(HashSeed(seed))
      file.prefetchBucket(hash)
      return hash
    }
  }

  /// Asks for the lines of the slots of several keys, whose buckets were asked for before.
  package func prefetchSlots(_ hashes: UnsafeBufferPointer<UInt64>) {
    unsafe unowned._withUnsafeGuaranteedRef { file in
      for index in 0..<hashes.count { unsafe file.prefetchSlot(hashes[index]) }
    }
  }
}

extension Attachment {
  /// Asks for the line of a key's home bucket.
  @inline(__always)
  func prefetchBucket(_ hash: UInt64) {
    let shard = QuickShard(self, hash)
    shard.data.prefetch(shard.bucketOffset(HashParts(hash: hash).fingerprint))
  }

  /// Asks for the lines of the slot that a key's chain names, once the bucket is there: its header and key, and the begin
  /// of the value.
  ///
  /// - Returns: that slot, found by R2; the key may be elsewhere. nil: the begin of the chain names no slot.
  @discardableResult
  @inline(__always)
  func prefetchSlot(_ hash: UInt64) -> QuickSlot? {
    let shard = QuickShard(self, hash)
    let fingerprint = HashParts(hash: hash).fingerprint
    guard let slot = shard.firstNamed(fingerprint, before: Format.prefetchedBuckets) else { return nil }
    let place = shard.place(slot)
    quick.visited.prefetch(place.visited)
    place.data.prefetch(0)
    if shard.stride > Format.slotAlignment { place.data.prefetch(Format.slotAlignment) }
    return place
  }
}
