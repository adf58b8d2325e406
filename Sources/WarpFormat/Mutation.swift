// SPDX-License-Identifier: Apache-2.0
// Writing (SPEC.md §10.3; the step ids W1 to W5 are the same there). Removal.swift has the rest. Each function runs
// under the shard's owner word.
//
// - A linked slot is never modified: an update fills the spare slot, swings the bucket word and frees the old slot.
// - Everything that can fail happens while the sequence is even. Between odd and even nothing throws, and each freed
//   slot is FREE before the sequence is even again, so nobody who saw a true miss can see the entry again.
// - Which entry is evicted is the caller's policy; this file knows only that one must go.

/// What a set needs, encoded and digested before the lock.
@safe
public struct PendingEntry {
  let key: UnsafeRawBufferPointer
  let stored: UnsafeRawBufferPointer
  let hash: UInt64
  let digest: UInt64
  let header: EntryHeader
  let written: UInt64
  let freshUntil: UInt64

  public init(
    key: UnsafeRawBufferPointer, stored: UnsafeRawBufferPointer, hash: UInt64, header: EntryHeader,
    written: UInt64, freshUntil: UInt64 = 0
  ) {
    unsafe self.key = key
    unsafe self.stored = stored
    self.hash = hash
    self.header = header
    self.written = written
    self.freshUntil = freshUntil
    unsafe digest = EntryChecksum.digest(stored)
  }
}

/// What a mutation did, for the counters.
public struct Changes: Equatable, Sendable {
  /// A live, unexpired entry of the same key was there.
  public var replaced = false
  public var evictions = 0
  public var expirations = 0
  public var revision: UInt64 = 0

  public init() {}
}

/// Chooses who goes, among the eligible; nil if none is. The product passes it in when it opens the files.
package typealias VictimPolicy =
  @Sendable (
    _ file: Attachment, _ shard: Shard, _ isEligible: (SlotIndex) -> Bool
  ) -> SlotIndex?

extension Shard {
  // MARK: Set

  /// - Throws: `full` (eviction none), `noSpace`, `corruptShard`; the old value then stays.
  package func set(
    _ entry: PendingEntry, in file: Attachment, now: () -> UInt64
  ) throws(FormatError) -> Changes {
    var changes = Changes()
    let parts = HashParts(hash: entry.hash)
    let key = unsafe KeyBytes(entry.key)
    var existing = findHere(key, parts)
    if existing == nil, count >= capacity, !file.evicts {
      reap(now(), &changes)
      guard count < capacity else {
        throw FormatError(
          .full,
          "shard \(index) holds its \(capacity) entries and the store does not evict: remove some, or create "
            + "it with a larger capacity or eviction .sieve")
      }
    }
    let size = Shard.footprint(keySize: entry.header.keySize, storedSize: entry.header.storedSize)
    if planted(.failedSetRemoves), let existing { drop(existing.bucket, existing.slot) }
    let slot = try makeSlot(size: size, keeping: existing?.slot, file, now, &changes)
    if planted(.failedSetRemoves) { existing = nil }
    // An entry that gave up its slot was unlinked, and that may have moved this key's bucket word.
    if changes.evictions + changes.expirations > 0 { existing = findHere(key, parts) }
    // From here on nothing is in the way, and nobody may store what was computed before.
    let ended = file.voidLeases(of: entry.hash, in: self)
    defer { file.announce(ended, .over, in: self) }
    // Before the entry can be seen: whoever finds 0 need not look for expired entries.
    if entry.header.deadline != 0, get(ControlFields.sweep) == 0 { put(ControlFields.sweep, 1) }
    let revision = get64(ControlFields.writeCounter) &+ 1
    put64(ControlFields.writeCounter, revision)
    changes.revision = revision
    let stamp = existing.map { self.stamp($0.slot) } ?? get64(ControlFields.lastStamp) &+ 1
    if existing == nil { put64(ControlFields.lastStamp, stamp) }
    var metadata = EntryMetadata(
      checksum: 0, stamp: stamp, revision: revision, written: entry.written, freshUntil: entry.freshUntil,
      hash: entry.hash)
    metadata.checksum = EntryChecksum.value(
      storeID: file.storeWords, shard: index, slot: slot.raw, header: entry.header, metadata: metadata,
      digest: entry.digest)
    unsafe fill(slot, key: entry.key, stored: entry.stored, header: entry.header, metadata: metadata)
    if let existing {
      let old = deadline(existing.slot)
      if old != 0, now() >= old { changes.expirations += 1 } else { changes.replaced = true }
      swing(existing.bucket, from: existing.slot, to: slot, parts)
    } else {
      do throws(FormatError) {
        try insert(slot, parts, file, now, &changes)
      } catch {
        freeSlot(slot)
        file.countLosses(changes)
        throw error
      }
      sweep(now, &changes)
    }
    return changes
  }

  /// W3 for a key that is there.
  @inline(__always)
  private func swing(_ bucket: UInt32, from old: SlotIndex, to slot: SlotIndex, _ parts: HashParts) {
    let delta = entrySize(slot) &- entrySize(old)
    beginWrite()
    setVisited(slot, true)
    if planted(.freesOldFirst) { setControl(old, controlWord(old).with(.free)) }
    link(bucket, parts.word(slot))
    if !planted(.losesPlace) { replace(old, with: slot) }
    setControl(slot, controlWord(slot).with(.live))
    if planted(.revisionLate) { storeRevision(slot) }
    freeSlot(old)
    put64(ControlFields.storedBytes, storedBytes &+ delta)
    endWrite()
  }

  @inline(__always)
  private func findHere(_ key: KeyBytes, _ parts: HashParts) -> (bucket: UInt32, slot: SlotIndex)? {
    if let short = ShortKey(key) { find(short, parts) } else { find(key, parts) }
  }

  /// W3 for a new key. One entry at most makes room: the coldest of a full window, else the policy's victim of a full
  /// shard.
  private func insert(
    _ slot: SlotIndex, _ parts: HashParts, _ file: Attachment, _ now: () -> UInt64, _ changes: inout Changes
  ) throws(FormatError) {
    guard freeBucket(parts) != nil else { return try displace(slot, parts, now, &changes) }
    var victim: (bucket: UInt32, slot: SlotIndex)?
    if count >= capacity { victim = try pickVictim(file, now, &changes) { _ in true } }
    beginWrite()
    if let victim { drop(victim.bucket, victim.slot) }
    setVisited(slot, planted(.newcomerVisited))
    // Unlinking only makes more buckets free, so there still is one.
    link(freeBucket(parts) ?? parts.fingerprint, parts.word(slot))
    append(slot)
    setControl(slot, controlWord(slot).with(.live))
    if planted(.revisionLate) { storeRevision(slot) }
    put(ControlFields.count, UInt32(count) &+ 1)
    put64(ControlFields.storedBytes, storedBytes &+ entrySize(slot))
    endWrite()
  }

  /// Gives the newcomer the bucket of the coldest entry in its full window. A backward shift could leave the hole behind
  /// the window's end.
  private func displace(
    _ slot: SlotIndex, _ parts: HashParts, _ now: () -> UInt64, _ changes: inout Changes
  ) throws(FormatError) {
    guard let cold = coldest(parts) else {
      throw corrupt("a full probe window holds no entry", bucketOffset(parts.fingerprint), rule: "WKV-B03")
    }
    tally(cold.slot, now, &changes)
    let delta = entrySize(slot) &- entrySize(cold.slot)
    beginWrite()
    setVisited(slot, false)
    link(cold.bucket, parts.word(slot))
    detach(cold.slot)
    append(slot)
    setControl(slot, controlWord(slot).with(.live))
    if planted(.revisionLate) { storeRevision(slot) }
    freeSlot(cold.slot)
    put64(ControlFields.storedBytes, storedBytes &+ delta)
    endWrite()
  }

  /// For a planted fault.
  private func storeRevision(_ slot: SlotIndex) {
    data.store64(metadataOffset(slot, MetadataFields.revision), get64(ControlFields.writeCounter))
  }

  /// A slot with room. On a full file system the policy gives up an entry whose slot has it.
  private func makeSlot(
    size: Int, keeping old: SlotIndex?, _ file: Attachment, _ now: () -> UInt64, _ changes: inout Changes
  ) throws(FormatError) -> SlotIndex {
    do throws(FormatError) {
      return try takeSlotOrEvict(size: size, keeping: old, file, now, &changes)
    } catch {
      // Entries that have gone are gone, and nobody else will know of them.
      file.countLosses(changes)
      throw error
    }
  }

  private func takeSlotOrEvict(
    size: Int, keeping old: SlotIndex?, _ file: Attachment, _ now: () -> UInt64, _ changes: inout Changes
  ) throws(FormatError) -> SlotIndex {
    do throws(FormatError) {
      return try takeSlot(size: size, in: file)
    } catch {
      guard error.code == .noSpace else { throw error }
      guard file.evicts,
        let victim = try? pickVictim(file, now, &changes, { $0 != old && hasRoom($0, size: size) })
      else { throw error }
      beginWrite()
      drop(victim.bucket, victim.slot)
      endWrite()
      return try takeSlot(size: size, in: file)
    }
  }

  // MARK: Eviction

  private func pickVictim(
    _ file: Attachment, _ now: () -> UInt64, _ changes: inout Changes, _ isEligible: (SlotIndex) -> Bool
  ) throws(FormatError) -> (bucket: UInt32, slot: SlotIndex) {
    guard let slot = file.policy?(file, self, isEligible), state(slot) == .live,
      let bucket = bucket(of: slot, hash: hash(slot))
    else {
      throw corrupt("the queue gives no victim", control + ControlFields.hand.offset, rule: "WKV-Q02")
    }
    tally(slot, now, &changes)
    return (bucket, slot)
  }

  private func tally(_ slot: SlotIndex, _ now: () -> UInt64, _ changes: inout Changes) {
    let deadline = deadline(slot)
    if deadline != 0, now() >= deadline { changes.expirations += 1 } else { changes.evictions += 1 }
  }

  /// Within the write section: takes an entry out of table, queue and arena.
  func drop(_ bucket: UInt32, _ slot: SlotIndex) {
    let size = entrySize(slot)
    unlink(bucket)
    detach(slot)
    if !planted(.freesLate) { freeSlot(slot) }
    put(ControlFields.count, UInt32(max(count - 1, 0)))
    put64(ControlFields.storedBytes, storedBytes &- size)
  }

  /// Removes every expired entry. O(used slots).
  private func reap(_ now: UInt64, _ changes: inout Changes) {
    for slot in usedSlots { dropExpired(slot, now, &changes) }
  }

  /// W5: looks at a few slots, where the last look ended. So expired entries leave also where nothing is evicted, at a
  /// bounded cost and without a thread of their own.
  private func sweep(_ now: () -> UInt64, _ changes: inout Changes) {
    let start = get(ControlFields.sweep)
    guard start != 0 else { return }
    let now = now()
    let used = min(get(ControlFields.usedSlots), slotCount)
    var at = start
    for _ in 0..<min(used, UInt32(Format.sweepSlots)) {
      if at > used { at = 1 }
      dropExpired(SlotIndex(at), now, &changes)
      at += 1
    }
    put(ControlFields.sweep, at > used ? 1 : at)
  }

  /// An ordinary removal, if the slot's entry is expired.
  private func dropExpired(_ slot: SlotIndex, _ now: UInt64, _ changes: inout Changes) {
    guard state(slot) == .live else { return }
    let deadline = deadline(slot)
    guard deadline != 0, now >= deadline, let bucket = bucket(of: slot, hash: hash(slot)) else { return }
    beginWrite()
    drop(bucket, slot)
    endWrite()
    changes.expirations += 1
  }
}
