// SPDX-License-Identifier: Apache-2.0
// Removing one entry, or all (SPEC.md §10.3 and §10.5; the step ids W4 and X1 to X6 are the same there). Each function runs under the shard's owner
// word, as those of Mutation.swift.

extension Shard {
  /// W4. Returns whether an unexpired entry was there.
  package func remove(
    _ key: UnsafeRawBufferPointer, hash: UInt64, in file: Attachment, now: () -> UInt64, changes: inout Changes
  ) -> Bool {
    let ended = file.voidLeases(of: hash, in: self)
    defer { file.announce(ended, .over, in: self) }
    guard let found = unsafe find(key, HashParts(hash: hash)) else { return false }
    let deadline = deadline(found.slot)
    let isExpired = deadline != 0 && now() >= deadline
    beginWrite()
    drop(found.bucket, found.slot)
    endWrite()
    if planted(.freesLate) { freeSlot(found.slot) }
    if isExpired { changes.expirations += 1 }
    return !isExpired
  }

  /// X1 to X6. Every slot is FREE before the first bucket is cleared: a writer that dies in between has removed some of the
  /// entries and hidden none. O(slots + buckets).
  package func removeAll(in file: Attachment) {
    let ended = file.voidLeases(in: self)
    defer { file.announce(ended, .over, in: self) }
    beginWrite()
    if planted(.clearsTableFirst) { for bucket in 0...bucketMask { link(bucket, 0) } }
    for slot in usedSlots where state(slot) == .live { setControl(slot, controlWord(slot).with(.free)) }
    for bucket in 0...bucketMask { link(bucket, 0) }
    for slot in usedSlots { setNewer(slot, checked(slot.raw &+ 1)) }
    put(ControlFields.freeHead, usedSlots.isEmpty ? 0 : 1)
    put(ControlFields.oldest, 0)
    put(ControlFields.newest, 0)
    put(ControlFields.hand, 0)
    put(ControlFields.sweep, 0)
    if planted(.usedSlotsGoDown) { put(ControlFields.usedSlots, 0) }
    put(ControlFields.count, 0)
    put64(ControlFields.storedBytes, 0)
    endWrite()
  }
}
