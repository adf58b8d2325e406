// SPDX-License-Identifier: Apache-2.0
// Rebuilding a shard from its slots after its owner died (SPEC.md §23.2; the step ids T1 to T9 are the same there).
//
// - It runs as an ordinary owner and may itself be killed anywhere: the next one starts from the same slots.
// - Hits go on meanwhile: the new table is computed in private, and only the words that differ are stored, front to
//   back, so that every other key stays in its chain at each step.
// - LIVE comes after the bucket is swung and FREE after LIVE, as in a set; slot sequences and counters never go back.
// - Everything that a map holds is checked; whatever the bytes are, a sound shard comes out.

/// A slot whose entry stays.
private struct Survivor {
  let slot: SlotIndex
  let metadata: EntryMetadata
  let size: UInt64
}

extension Shard {
  /// Makes the shard sound. The caller holds the owner word. O(used slots + buckets).
  func recover(in file: Attachment) {
    if !planted(.recoveryStaysEven) { beginWrite() }
    var (survivors, winners) = survivors(file)
    let first = firstBucket(survivors)
    let table = rebuiltTable(&survivors, winners, from: first)
    if planted(.recoveryClearsTable) { for bucket in 0...bucketMask { link(bucket, 0) } }
    if !planted(.recoveryLivesFirst), !planted(.recoveryFreesFirst) { store(table, from: first) }
    let kept = Set(survivors.map(\.slot))
    for survivor in survivors where state(survivor.slot) != .live {
      setControl(survivor.slot, controlWord(survivor.slot).with(.live))
    }
    if planted(.recoveryLivesFirst) { store(table, from: first) }
    for slot in usedSlots where !kept.contains(slot) && state(slot) != .free {
      setControl(slot, planted(.recoveryForgetsSequence) ? Control(raw: 0) : controlWord(slot).with(.free))
    }
    if planted(.recoveryFreesFirst) { store(table, from: first) }
    relink(survivors, kept)
    raiseCounters(survivors)
    evictSurplus(survivors, file)
    let recoveries = sequenceAt - LockLineFields.sequence.offset + LockLineFields.recoveries.offset
    lock.store64(recoveries, lock.load64(recoveries) &+ 1)
    endWrite()
    file.count(.recoveries)
  }

  // MARK: T2: which slots stay

  /// The newest sound entry of each key, and for each older one of its key the slot that takes its place.
  private func survivors(_ file: Attachment) -> (kept: [Survivor], winners: [SlotIndex: SlotIndex]) {
    var byHash: [UInt64: [Survivor]] = [:]
    for slot in usedSlots {
      guard let survivor = survivor(slot, file) else { continue }
      byHash[survivor.metadata.hash, default: []].append(survivor)
    }
    var kept: [Survivor] = []
    var winners: [SlotIndex: SlotIndex] = [:]
    for group in byHash.values {
      // Different keys of one hash are rare: the group is nearly always one entry, or two of one key.
      var heads: [(key: [UInt8], best: Survivor)] = []
      for survivor in group.sorted(by: {
        planted(.recoveryKeepsOlder)
          ? $0.metadata.revision < $1.metadata.revision : $0.metadata.revision > $1.metadata.revision
      }) {
        let key = key(survivor.slot)
        if let head = heads.first(where: { $0.key == key }) {
          winners[survivor.slot] = head.best.slot
        } else {
          heads.append((key, survivor))
        }
      }
      kept += heads.map(\.best)
    }
    return (kept, winners)
  }

  private func survivor(_ slot: SlotIndex, _ file: Attachment) -> Survivor? {
    let control = controlWord(slot)
    guard control.state == .live || control.state == .committed, let header = header(slot) else { return nil }
    let metadata = metadata(slot)
    let hash = XXH3.hash64(key(slot), seed: file.header.hashSeed)
    guard hash == metadata.hash, Int(truncatingIfNeeded: hash) & (file.header.geometry.shardCount - 1) == index
    else { return nil }
    // Within one boot, program order makes the checksum of a linked slot unnecessary.
    if control.state == .committed {
      let candidate = Candidate(slot: slot, header: header, control: control)
      let expected = file.checksum(hash: hash, candidate, metadata, stored: storedBytes(candidate))
      guard expected == metadata.checksum else { return nil }
    }
    return Survivor(slot: slot, metadata: metadata, size: UInt64(header.keySize + header.storedSize))
  }

  private func key(_ slot: SlotIndex) -> [UInt8] {
    guard let header = header(slot) else { return [] }
    return data.bytes(keyOffset(slot), header.keySize)
  }

  // MARK: T3, T4: the table

  /// The table with the words of the survivors, each where it was or nearer to its home. Survivors that no window has
  /// room for are taken out.
  private func rebuiltTable(
    _ survivors: inout [Survivor], _ winners: [SlotIndex: SlotIndex], from first: UInt32
  ) -> [UInt64] {
    var missing = Dictionary(uniqueKeysWithValues: survivors.map { ($0.slot, HashParts(hash: $0.metadata.hash)) })
    var table = [UInt64](repeating: 0, count: Int(bucketMask) + 1)
    for step in 0...bucketMask {
      let word = data.load64(bucketOffset(first &+ step))
      guard word != 0, var slot = checked(UInt32(truncatingIfNeeded: word)) else { continue }
      slot = winners[slot] ?? slot
      // A word that stands twice, because a shift was cut off, counts at its first place.
      guard let parts = missing[slot], parts.fingerprint == UInt32(truncatingIfNeeded: word >> 32) else { continue }
      if place(parts.word(slot), parts, in: &table) { missing[slot] = nil }
    }
    for (slot, parts) in missing.sorted(by: { $0.key < $1.key }) where place(parts.word(slot), parts, in: &table) {
      missing[slot] = nil
    }
    survivors.removeAll { missing[$0.slot] != nil }
    return table
  }

  /// An empty bucket that no chain runs across, not even one that a cut-off shift or recovery left behind.
  private func firstBucket(_ survivors: [Survivor]) -> UInt32 {
    let hashes = Dictionary(uniqueKeysWithValues: survivors.map { ($0.slot, $0.metadata.hash) })
    var isCrossed = [Bool](repeating: false, count: Int(bucketMask) + 1)
    for bucket in 0...bucketMask {
      let word = data.load64(bucketOffset(bucket))
      guard let slot = checked(UInt32(truncatingIfNeeded: word)), hashes[slot] != nil else { continue }
      let home = UInt32(truncatingIfNeeded: word >> 32) & bucketMask
      for step in 0..<min((bucket &- home) & bucketMask, UInt32(probeLimit)) {
        isCrossed[Int((home &+ step) & bucketMask)] = true
      }
    }
    let empty = (0...bucketMask).filter { data.load64(bucketOffset($0)) == 0 }
    return empty.first { !isCrossed[Int($0)] } ?? empty.first ?? 0
  }

  private func place(_ word: UInt64, _ parts: HashParts, in table: inout [UInt64]) -> Bool {
    for step in 0..<UInt32(truncatingIfNeeded: probeLimit) {
      let bucket = Int((parts.fingerprint &+ step) & bucketMask)
      if table[bucket] == 0 {
        table[bucket] = word
        return true
      }
    }
    return false
  }

  /// Front to back from an empty bucket: an entry that moves is copied before its old place is overwritten.
  private func store(_ table: [UInt64], from first: UInt32) {
    for step in 0...bucketMask {
      let bucket = (first &+ step) & bucketMask
      if data.load64(bucketOffset(bucket)) != table[Int(bucket)] { link(bucket, table[Int(bucket)]) }
    }
  }

  // MARK: T7: queue, free list, counts

  private func relink(_ survivors: [Survivor], _ kept: Set<SlotIndex>) {
    let order = survivors.sorted { ($0.metadata.stamp, $0.slot) < ($1.metadata.stamp, $1.slot) }
    // The hand stays where it is, or goes to what is next in the order of stamps.
    let at = checked(get(ControlFields.hand)).map { stamp($0) }
    let next = at.flatMap { stamp in order.first { $0.metadata.stamp >= stamp } }
    hand = next?.slot
    var before: SlotIndex?
    for survivor in order {
      setOlder(survivor.slot, before)
      setNewer(survivor.slot, nil)
      if let before { setNewer(before, survivor.slot) }
      before = survivor.slot
    }
    put(ControlFields.oldest, order.first?.slot.raw ?? 0)
    put(ControlFields.newest, order.last?.slot.raw ?? 0)
    put(ControlFields.freeHead, 0)
    for slot in usedSlots.reversed() where !kept.contains(slot) {
      data.store32(metadataOffset(slot, MetadataFields.newer), get(ControlFields.freeHead))
      put(ControlFields.freeHead, slot.raw)
    }
    put(ControlFields.count, UInt32(order.count))
    put64(ControlFields.storedBytes, order.reduce(0) { $0 &+ $1.size })
  }

  private func raiseCounters(_ survivors: [Survivor]) {
    var highest = get64(ControlFields.writeCounter)
    for slot in usedSlots { highest = max(highest, controlWord(slot).raw >> 3) }
    for survivor in survivors { highest = max(highest, survivor.metadata.revision) }
    put64(ControlFields.writeCounter, highest)
    let stamp = survivors.reduce(get64(ControlFields.lastStamp)) { max($0, $1.metadata.stamp) }
    put64(ControlFields.lastStamp, stamp)
    // A sweep goes on where it was. Whatever the file says, entries with a deadline must be found by one.
    let sweep = get(ControlFields.sweep)
    if sweep > slotCount || sweep == 0 && survivors.contains(where: { deadline($0.slot) != 0 }) {
      put(ControlFields.sweep, 1)
    }
  }

  /// T8: a set that died may have left one entry more than the capacity. The newest write is never the victim: a
  /// reader may have returned it.
  private func evictSurplus(_ survivors: [Survivor], _ file: Attachment) {
    let newest = survivors.max { $0.metadata.revision < $1.metadata.revision }?.slot
    for _ in capacity..<max(capacity, survivors.count) {
      let chosen = file.policy?(file, self) { $0 != newest || planted(.recoveryEvictsNewest) } ?? oldest
      guard let victim = chosen, let bucket = bucket(of: victim, hash: hash(victim)) else { return }
      let count = get(ControlFields.count)
      drop(bucket, victim)
      put(ControlFields.count, count &- 1)
      file.count(.evictions)
    }
  }
}
