// SPDX-License-Identifier: Apache-2.0
// What a write that depends on the old value needs: the key's entry as the shard's owner sees it (SPEC.md §10.3).
//
// Nobody else changes the shard meanwhile, so what is read here holds until the same owner has written. An expired
// entry counts as absent. Bytes are still copied and checked before anything is made of them.

/// An unexpired entry, found by whoever holds its shard.
package struct Resident {
  let candidate: Candidate
  package let metadata: EntryMetadata
}

extension Shard {
  /// - Parameter now: store time.
  package func resident(_ key: UnsafeRawBufferPointer, hash: UInt64, now: UInt64) -> Resident? {
    guard case .hit(let candidate) = unsafe lockedLookup(key, hash: hash, now: { now }, copy: { _ in }) else {
      return nil
    }
    return Resident(candidate: candidate, metadata: metadata(candidate.slot))
  }
}

extension Attachment {
  /// A copy of the entry; nil if its bytes contradict their checksum, since writing them again would make that right.
  package func copy(_ resident: Resident, key: [UInt8], hash: UInt64, in shard: Shard) -> EntryCopy? {
    let stored = shard.storedBytes(resident.candidate)
    guard
      checksum(hash: hash, resident.candidate, resident.metadata, stored: stored) == resident.metadata.checksum
        || planted(.damagedEntryRewritten)
    else { return nil }
    return EntryCopy(key: key, stored: stored, header: resident.candidate.header, metadata: resident.metadata)
  }
}
