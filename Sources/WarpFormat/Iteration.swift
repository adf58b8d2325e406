// SPDX-License-Identifier: Apache-2.0
// Iteration (SPEC.md §10.4): which entries a shard holds is collected in one bounded step; each is then found again by
// hash and stamp, copied and validated like a hit. An update inherits the stamp, so a key that is present throughout
// appears exactly once, with a value that it had during the iteration.

/// What names an entry across updates.
package struct EntryTicket: Sendable {
  let hash: UInt64
  let stamp: UInt64
}

/// A private copy of an entry.
package struct EntryCopy: Sendable {
  package let key: [UInt8]
  /// As stored: a zstd frame if the codec says so.
  package let stored: [UInt8]
  package let header: EntryHeader
  package let metadata: EntryMetadata
}

extension Shard {
  /// Oldest stamp first. O(used slots).
  private func collect() -> [EntryTicket] {
    var tickets: [EntryTicket] = []
    for slot in usedSlots where state(slot) == .live {
      tickets.append(EntryTicket(hash: hash(slot), stamp: stamp(slot)))
    }
    return tickets.sorted { $0.stamp < $1.stamp }
  }

  /// The entry of a ticket in the current state of the table; nil if it is gone.
  private func copy(_ ticket: EntryTicket) -> (found: EntryCopy?, isStable: Bool) {
    let fingerprint = HashParts(hash: ticket.hash).fingerprint
    var step: UInt32 = 0
    while let slot = nextNamed(fingerprint, &step, before: probeLimit)?.slot {
      let control = controlWord(slot)
      guard control.state == .live else { return (nil, false) }
      let metadata = metadata(slot)
      guard metadata.hash == ticket.hash, metadata.stamp == ticket.stamp, let header = header(slot) else {
        guard isStable(slot, control) else { return (nil, false) }
        continue
      }
      let entry = EntryCopy(
        key: data.bytes(keyOffset(slot), header.keySize),
        stored: data.bytes(valueOffset(slot, keySize: header.keySize), header.storedSize), header: header,
        metadata: metadata)
      return isStable(slot, control) ? (entry, true) : (nil, false)
    }
    return (nil, true)
  }

  /// Without a lock, nil if the shard keeps changing.
  fileprivate func stableCopy(_ ticket: EntryTicket) -> EntryCopy?? {
    var waiter = Shard.readerPatience
    for _ in 0..<Format.readerTries {
      guard let sequence = evenSequence(&waiter) else { return nil }
      let (found, isStable) = copy(ticket)
      if let found { return found }
      if isStable, isUnchanged(sequence) { return .some(nil) }
    }
    return nil
  }

  fileprivate func lockedCopy(_ ticket: EntryTicket) -> EntryCopy? { copy(ticket).found }

  fileprivate func lockedTickets() -> [EntryTicket] { collect() }

  fileprivate func stableTickets() -> [EntryTicket]? {
    var waiter = Shard.readerPatience
    for _ in 0..<Format.readerTries {
      guard let sequence = evenSequence(&waiter) else { return nil }
      let tickets = collect()
      if isUnchanged(sequence) { return tickets }
    }
    return nil
  }
}

extension Attachment {
  /// The tickets of a shard's entries, oldest first.
  ///
  /// - Throws: `busy`, `superseded`.
  package func tickets(_ shard: Shard, limit: Int64) throws(FormatError) -> [EntryTicket] {
    if isReadOnly {
      // Without the sequence nothing proves that the list is whole.
      guard hasLockFile else {
        throw FormatError(
          .lockFileMissing, "a read-only handle without a lock file can't iterate: open the store read-write once",
          path: path)
      }
      guard let tickets = shard.stableTickets() else { throw busy(shard) }
      return tickets
    }
    return try withShard(shard, limit: limit, locked: shard.lockedTickets, free: shard.stableTickets)
  }

  /// The entry of a ticket, nil if it has been removed.
  ///
  /// - Throws: `busy`, `superseded`.
  package func entry(_ ticket: EntryTicket, in shard: Shard, limit: Int64) throws(FormatError) -> EntryCopy? {
    if let copy = shard.stableCopy(ticket) { return copy }
    guard !isReadOnly else { throw busy(shard) }
    return try withShard(
      shard, limit: limit, locked: { shard.lockedCopy(ticket) }, free: { shard.stableCopy(ticket) })
  }

  /// Looks at a shard that is held. Files that were replaced, at whatever moment, don't change any more, and whoever iterates has
  /// pinned them: there it looks without the lock.
  private func withShard<Result>(
    _ shard: Shard, limit: Int64, locked: () -> Result, free: () -> Result?
  ) throws(FormatError) -> Result {
    do throws(FormatError) {
      return try withShard(shard, limit: limit) { () throws(FormatError) in locked() }
    } catch {
      guard error.code == .superseded, let result = free() else { throw error }
      return result
    }
  }

  private func busy(_ shard: Shard) -> FormatError {
    FormatError(.busy, "shard \(shard.index) keeps changing: try again", path: path)
  }
}
