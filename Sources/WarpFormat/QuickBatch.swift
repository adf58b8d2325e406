// SPDX-License-Identifier: Apache-2.0
// Quick gets of several keys whose memory is asked for before the first is looked up: all hashes and buckets, then the
// probes up to their first match, then the entries there. One call for all of them.

/// Keys of one size, one behind the other, and room for their values in the same way.
@safe
package struct QuickBatch {
  let keys: UnsafeRawPointer
  let keySize: Int
  let values: UnsafeMutableRawPointer?
  let valueSize: Int
  /// At most ``Format/batchSize``.
  let count: Int

  /// - Precondition: there is room for so many keys of at least one byte, and values.
  package init(
    keys: UnsafeRawPointer, keySize: Int, values: UnsafeMutableRawPointer?, valueSize: Int, count: Int
  ) {
    unsafe self.keys = unsafe keys
    self.keySize = keySize
    unsafe self.values = unsafe values
    self.valueSize = valueSize
    self.count = count
  }

  @inline(__always)
  func key(_ index: Int) -> KeyBytes { unsafe KeyBytes(keys + index &* keySize, keySize) }

  /// Without a question whether there is any: of no room no part is looked at.
  @inline(__always)
  func room(_ index: Int) -> Room {
    unsafe Room(
      UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: values) &+ UInt(bitPattern: index &* valueSize)),
      valueSize)
  }
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
  /// A hash, and the slot that its chain named when the memory was asked for.
  @safe
  private struct Place {
    let hash: UInt64
    /// nil: none.
    private var slot: UnsafeMutableRawPointer?
    private var visited = 0

    init(hash: UInt64) { self.hash = hash }

    @inline(__always)
    mutating func set(_ slot: QuickSlot?) {
      unsafe self.slot = slot?.data.base
      visited = slot?.visited ?? 0
    }

    @inline(__always)
    func slot(of size: Int) -> QuickSlot? {
      unsafe slot.map { unsafe QuickSlot(data: Window(base: $0, size: size), visited: visited) }
    }
  }

  @inline(never)
  fileprivate func quickGets(_ batch: QuickBatch, results: UnsafeMutablePointer<QuickGet>) {
    // Once for all: whatever happens to the files from here on happens while all of the gets are under way.
    guard isCurrent, batch.keySize <= header.geometry.maxKeySize else {
      for index in 0..<batch.count { unsafe results[index] = .unsure }
      return
    }
    if ShortKey.takes(batch.keySize) {
      unsafe quickGets(batch, results) { ShortKey(sized: $0) }
    } else {
      unsafe quickGets(batch, results) { $0 }
    }
  }

  @inline(__always)
  private func quickGets<Key: ProbeKey>(
    _ batch: QuickBatch, _ results: UnsafeMutablePointer<QuickGet>, as key: (KeyBytes) -> Key
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Place.self, capacity: 16) { places in
      for index in 0..<batch.count {
        let hash = key(batch.key(index)).hash(quick.seed)
        unsafe places.initializeElement(at: index, to: Place(hash: hash))
        prefetchBucket(hash)
      }
      for index in 0..<batch.count { unsafe places[index].set(prefetchSlot(places[index].hash)) }
      for index in 0..<batch.count {
        let (bytes, place) = unsafe (batch.key(index), places[index])
        unsafe results[index] = quickGet(bytes, key(bytes), place, batch.room(index))
      }
    }
  }

  /// The probe has got to R3 of its first match when it asked for the slot's memory, and goes on there.
  @inline(__always)
  private func quickGet(_ bytes: KeyBytes, _ key: some ProbeKey, _ place: Place, _ room: Room) -> QuickGet {
    guard !records(place.hash) else { return .unsure }
    if let slot = place.slot(of: header.geometry.slotStride) {
      if let hit = quickHit(key, slot, room, marking: true, counting: false, noting: { _ in }) { return hit }
      if planted(.batchSlotTrusted) { return .miss }
    }
    return wholeTry(bytes, place.hash, room, counting: false)
  }
}
