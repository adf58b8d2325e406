// SPDX-License-Identifier: Apache-2.0
// Quick gets of several keys whose memory is asked for before the first is looked up: all hashes and buckets, then all slots,
// then the gets of QuickGet.swift. One call for all of them.

/// Keys of one size, one behind the other, and room for their values in the same way.
@safe
package struct QuickBatch {
  let keys: UnsafeRawPointer
  let keySize: Int
  let values: UnsafeMutableRawPointer
  let valueSize: Int
  /// At most ``Format/batchSize``.
  let count: Int

  /// - Precondition: there is room for so many keys of at least one byte, and values.
  package init(
    keys: UnsafeRawPointer, keySize: Int, values: UnsafeMutableRawPointer, valueSize: Int, count: Int
  ) {
    unsafe self.keys = unsafe keys
    self.keySize = keySize
    unsafe self.values = unsafe values
    self.valueSize = valueSize
    self.count = count
  }

  @inline(__always)
  func key(_ index: Int) -> KeyBytes { unsafe KeyBytes(keys + index &* keySize, keySize) }

  @inline(__always)
  func room(_ index: Int) -> Room { unsafe Room(values + index &* valueSize, valueSize) }
}

extension AttachmentCell {
  /// One get for each key. Hits and misses are not counted: the caller does that.
  ///
  /// - Parameter results: as many as there are keys.
  /// - Precondition: the handle keeps its attachments as long as this runs.
  package func quickGets(_ batch: QuickBatch, results: UnsafeMutablePointer<QuickGet>) {
    unsafe unowned._withUnsafeGuaranteedRef { file in unsafe file.quickGets(batch, results: results) }
  }
}

extension Attachment {
  @inline(never)
  fileprivate func quickGets(_ batch: QuickBatch, results: UnsafeMutablePointer<QuickGet>) {
    // Once for all: whatever happens to the files from here on happens while all of the gets are under way.
    guard isCurrent else {
      for index in 0..<batch.count { unsafe results[index] = .unsure }
      return
    }
    let seed = header.hashSeed
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { hashes in
      for index in 0..<batch.count {
        let key = batch.key(index)
        let hash =
          ShortKey(key) == nil ? key.hash(seed: seed) : unsafe XXH3.upTo16(key.start, batch.keySize, seed)
        unsafe hashes[index] = hash
        prefetchBucket(hash)
      }
      for index in 0..<batch.count { unsafe prefetchSlot(hashes[index]) }
      for index in 0..<batch.count {
        let (key, hash) = unsafe (batch.key(index), hashes[index])
        if let short = ShortKey(key) {
          unsafe results[index] = quickGet(
            short, key, hash, batch.room(index), marking: true, counting: false, noting: { _, _ in })
        } else {
          unsafe results[index] = quickGetOfAnySize(key, hash, batch.room(index))
        }
      }
    }
  }

  @inline(never)
  private func quickGetOfAnySize(_ key: KeyBytes, _ hash: UInt64, _ room: Room) -> QuickGet {
    quickGet(key, key, hash, room, marking: true, counting: false, noting: { _, _ in })
  }
}
