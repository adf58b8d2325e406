// SPDX-License-Identifier: Apache-2.0
// Rebuilding a shard from its slots after its owner died (SPEC.md §23.2; the step ids T1 to T9 are the same there).
//
// - It runs as an ordinary owner and may itself be killed anywhere: the next one starts from the same slots.
// - Hits go on meanwhile: the new table is computed in private, and only the words that differ are stored, front to
//   back, so that every other key stays in its chain at each step.
// - LIVE comes after the bucket is swung and FREE after LIVE, as in a set; slot sequences and counters never go back.
// - Everything that a map holds is checked; whatever the bytes are, a sound shard comes out.

/// What a recovery reads and decides about every used slot. It is private and sized once: a hostile hand may change the
/// number of used slots in the map meanwhile.
private struct Census {
  struct Entry {
    var hash: UInt64 = 0
    var stamp: UInt64 = 0
    var revision: UInt64 = 0
    var size: UInt64 = 0
  }

  /// By slot index; the first is no slot. Of those that do not stay nothing counts.
  private var entries: [Entry]
  /// Who has a slot's entry in the end: itself if it stays, the slot with a newer revision of its key, else 0.
  private var heirs: [UInt32]

  init(used: UInt32) {
    entries = [Entry](repeating: Entry(), count: Int(used) + 1)
    heirs = [UInt32](repeating: 0, count: Int(used) + 1)
  }

  var slots: some Collection<SlotIndex> { (1..<UInt32(heirs.count)).lazy.map { SlotIndex($0) } }
  var survivors: [SlotIndex] { slots.filter(stays) }

  subscript(_ slot: SlotIndex) -> Entry { entries[Int(slot.raw)] }

  func stays(_ slot: SlotIndex) -> Bool { heirs[Int(slot.raw)] == slot.raw }

  /// Nil if nobody has the entry, or it is no slot of these.
  func heir(of slot: SlotIndex) -> SlotIndex? {
    var slot = Int(slot.raw)
    // Each step leads to a newer revision, so there is an end.
    while slot != 0, slot < heirs.count {
      if Int(heirs[slot]) == slot { return SlotIndex(UInt32(slot)) }
      slot = Int(heirs[slot])
    }
    return nil
  }

  mutating func keep(_ slot: SlotIndex, _ entry: Entry) {
    entries[Int(slot.raw)] = entry
    heirs[Int(slot.raw)] = slot.raw
  }

  mutating func drop(_ slot: SlotIndex) { heirs[Int(slot.raw)] = 0 }

  /// Of two slots that stay and have one key the newer revision goes on staying.
  mutating func choose(_ first: SlotIndex, _ second: SlotIndex) -> SlotIndex {
    let isOlder = (self[first].revision < self[second].revision) != planted(.recoveryKeepsOlder)
    let (older, newer) = isOlder ? (first, second) : (second, first)
    heirs[Int(older.raw)] = newer.raw
    return newer
  }
}

/// Finds the slots with one key. Where a hash goes depends on a number drawn for this recovery, so nobody can make keys
/// that all meet.
private struct KeyIndex {
  private var places: [UInt32]
  private let factor = System.draw() | 1
  private let shift: UInt64

  init(slots: UInt32) {
    let bits = UInt64(33 - slots.leadingZeroBitCount)
    places = [UInt32](repeating: 0, count: 1 << Int(bits))
    shift = 64 - bits
  }

  /// The slot with that key, which the body tells from others; first `slot` itself, if there is none yet.
  mutating func place(of slot: SlotIndex, hash: UInt64, _ isSame: (SlotIndex) -> Bool) -> Int {
    var at = Int((hash &* factor) >> shift)
    while places[at] != 0, !isSame(SlotIndex(places[at])) { at = (at + 1) & (places.count - 1) }
    if places[at] == 0 { places[at] = slot.raw }
    return at
  }

  subscript(_ place: Int) -> SlotIndex {
    get { SlotIndex(places[place]) }
    set { places[place] = newValue.raw }
  }
}

extension Shard {
  /// Makes the shard sound. The caller holds the owner word. O(used slots + buckets), and sorts the slots by stamp.
  func recover(in file: Attachment) {
    if !planted(.recoveryStaysEven) { beginWrite() }
    var census = census(file)
    let first = firstBucket(census)
    let table = rebuiltTable(&census, from: first)
    if planted(.recoveryClearsTable) { for bucket in 0...bucketMask { link(bucket, 0) } }
    if !planted(.recoveryLivesFirst), !planted(.recoveryFreesFirst) { store(table, from: first) }
    for slot in census.slots where census.stays(slot) && state(slot) != .live {
      setControl(slot, controlWord(slot).with(.live))
    }
    if planted(.recoveryLivesFirst) { store(table, from: first) }
    for slot in census.slots where !census.stays(slot) && state(slot) != .free {
      setControl(slot, planted(.recoveryForgetsSequence) ? Control(raw: 0) : controlWord(slot).with(.free))
    }
    if planted(.recoveryFreesFirst) { store(table, from: first) }
    let survivors = census.survivors
    relink(census, survivors)
    raiseCounters(census, survivors)
    evictSurplus(census, survivors, file)
    let recoveries = sequenceAt - LockLineFields.sequence.offset + LockLineFields.recoveries.offset
    lock.store64(recoveries, lock.load64(recoveries) &+ 1)
    endWrite()
    file.count(.recoveries)
  }

  // MARK: T2: which slots stay

  private func census(_ file: Attachment) -> Census {
    let used = min(get(ControlFields.usedSlots), slotCount)
    var census = Census(used: used)
    var keys = KeyIndex(slots: used)
    unsafe withUnsafeTemporaryAllocation(byteCount: Geometry.align(maxKeySize, 8), alignment: 8) { buffer in
      for slot in census.slots {
        guard let found = unsafe survivor(slot, file, copyingKeyTo: buffer) else { continue }
        census.keep(slot, found.entry)
        let key = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<found.keySize])
        let place = keys.place(of: slot, hash: found.entry.hash) {
          unsafe census[$0].hash == found.entry.hash && holds($0, key)
        }
        if keys[place] != slot { keys[place] = census.choose(keys[place], slot) }
      }
    }
    return census
  }

  private func survivor(
    _ slot: SlotIndex, _ file: Attachment, copyingKeyTo buffer: UnsafeMutableRawBufferPointer
  ) -> (entry: Census.Entry, keySize: Int)? {
    let control = controlWord(slot)
    guard control.state == .live || control.state == .committed, let header = header(slot) else { return nil }
    if let base = buffer.baseAddress { unsafe data.copyOut(keyOffset(slot), to: base, size: header.keySize) }
    let key = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<header.keySize])
    let hash = unsafe XXH3.hash64(key, seed: file.header.hashSeed)
    let metadata = metadata(slot)
    guard hash == metadata.hash, file.header.geometry.shardIndex(of: hash) == index
    else { return nil }
    // Within one boot, program order makes the checksum of a linked slot unnecessary.
    if control.state == .committed {
      let candidate = Candidate(slot: slot, header: header, control: control)
      let expected = file.checksum(hash: hash, candidate, metadata, stored: storedBytes(candidate))
      guard expected == metadata.checksum else { return nil }
    }
    let entry = Census.Entry(
      hash: hash, stamp: metadata.stamp, revision: metadata.revision,
      size: UInt64(header.keySize + header.storedSize))
    return (entry, header.keySize)
  }

  // MARK: T3, T4: the table

  /// The table with the words of the survivors, each where it was or nearer to its home. Survivors that no window has
  /// room for are taken out.
  private func rebuiltTable(_ census: inout Census, from first: UInt32) -> [UInt64] {
    var table = [UInt64](repeating: 0, count: Int(bucketMask) + 1)
    var isPlaced = [Bool](repeating: false, count: Int(slotCount) + 1)
    for step in 0...bucketMask {
      let word = data.load64(bucketOffset(first &+ step))
      guard let slot = census.heir(of: SlotIndex(UInt32(truncatingIfNeeded: word))) else { continue }
      let parts = HashParts(hash: census[slot].hash)
      // A word that stands twice, because a shift was cut off, counts at its first place.
      guard !isPlaced[Int(slot.raw)], parts.fingerprint == UInt32(truncatingIfNeeded: word >> 32) else { continue }
      isPlaced[Int(slot.raw)] = place(parts.word(slot), parts, in: &table)
    }
    for slot in census.survivors where !isPlaced[Int(slot.raw)] {
      let parts = HashParts(hash: census[slot].hash)
      if !place(parts.word(slot), parts, in: &table) { census.drop(slot) }
    }
    return table
  }

  /// An empty bucket that no chain runs across, not even one that a cut-off shift or recovery left behind.
  private func firstBucket(_ census: Census) -> UInt32 {
    var isCrossed = [Bool](repeating: false, count: Int(bucketMask) + 1)
    var isEmpty = isCrossed
    for bucket in 0...bucketMask {
      let word = data.load64(bucketOffset(bucket))
      isEmpty[Int(bucket)] = word == 0
      guard census.heir(of: SlotIndex(UInt32(truncatingIfNeeded: word))) != nil else { continue }
      let home = UInt32(truncatingIfNeeded: word >> 32) & bucketMask
      for step in 0..<min((bucket &- home) & bucketMask, probeLimit) {
        isCrossed[Int((home &+ step) & bucketMask)] = true
      }
    }
    let empty = (0...bucketMask).lazy.filter { isEmpty[Int($0)] }
    return empty.first { !isCrossed[Int($0)] } ?? empty.first ?? 0
  }

  private func place(_ word: UInt64, _ parts: HashParts, in table: inout [UInt64]) -> Bool {
    for step in 0..<probeLimit {
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

  private func relink(_ census: Census, _ survivors: [SlotIndex]) {
    let order = survivors.map { (stamp: census[$0].stamp, slot: $0) }
      .sorted { $0.stamp < $1.stamp || $0.stamp == $1.stamp && $0.slot < $1.slot }
    // The hand stays where it is, or goes to what is next in the order of stamps.
    let at = checked(get(ControlFields.hand)).map { stamp($0) }
    hand = at.flatMap { stamp in order.first { $0.stamp >= stamp }?.slot }
    var before: SlotIndex?
    for (_, slot) in order {
      setOlder(slot, before)
      if let before { setNewer(before, slot) }
      before = slot
    }
    if let before { setNewer(before, nil) }
    put(ControlFields.oldest, order.first?.slot.raw ?? 0)
    put(ControlFields.newest, before?.raw ?? 0)
    var next: SlotIndex?
    for slot in census.slots.reversed() where !census.stays(slot) {
      setNewer(slot, next)
      next = slot
    }
    put(ControlFields.freeHead, next?.raw ?? 0)
    put(ControlFields.count, UInt32(order.count))
    put64(ControlFields.storedBytes, survivors.reduce(0) { $0 &+ census[$1].size })
  }

  private func raiseCounters(_ census: Census, _ survivors: [SlotIndex]) {
    var highest = get64(ControlFields.writeCounter)
    for slot in census.slots { highest = max(highest, controlWord(slot).raw >> 3) }
    for slot in survivors { highest = max(highest, census[slot].revision) }
    put64(ControlFields.writeCounter, highest)
    let stamp = survivors.reduce(get64(ControlFields.lastStamp)) { max($0, census[$1].stamp) }
    put64(ControlFields.lastStamp, stamp)
    // A sweep goes on where it was. Whatever the file says, entries with a deadline must be found by one.
    let sweep = get(ControlFields.sweep)
    if sweep > slotCount || sweep == 0 && survivors.contains(where: { deadline($0) != 0 }) {
      put(ControlFields.sweep, 1)
    }
  }

  /// T8: a set that died may have left one entry more than the capacity. The newest write is never the victim: a
  /// reader may have returned it.
  private func evictSurplus(_ census: Census, _ survivors: [SlotIndex], _ file: Attachment) {
    let newest = survivors.max { census[$0].revision < census[$1].revision }
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
