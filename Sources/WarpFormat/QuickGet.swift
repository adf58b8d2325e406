// SPDX-License-Identifier: Apache-2.0
// A get as it nearly always goes: the files are the store, nobody changes the entry meanwhile (SPEC.md §10.2, R1 to R5).
//
// - `quickHit` knows one kind of hit: the first slot that the chain names for the fingerprint has the key, and a raw value
//   that has room. It is one function, without a reference to the files, an error or a view of the shard in memory, so
//   that a hit costs what its steps cost. If it is no such hit, one whole try follows, with the probe that Lookup.swift has.
// - Nothing here waits. Whatever would need that or a second try, whatever needs the value decoded, and requests that are
//   recorded are left to the caller, who begins anew with the whole lookup. Nothing is marked or counted then.
// - It is run on the cell that holds the handle's attachment: see AttachmentCell.unowned for who keeps it.

/// What a quick get ended with.
@frozen
@usableFromInline
package enum QuickGet: Sendable {
  /// The value is in the target's first bytes.
  case hit(size: Int)
  case tooSmall(needed: Int)
  /// Authoritative.
  case miss
  /// The entry or the shard was being changed: one try has failed.
  case torn
  /// It takes the long way.
  case unsure
}

/// What an entry says besides its value. Times are store times, 0: never.
package struct QuickFacts: Sendable {
  package var deadline: UInt64 = 0
  package var freshUntil: UInt64 = 0
  package var revision: UInt64 = 0

  package init() {}
}

extension AttachmentCell {
  /// Copies a value out, marks its entry visited, counts the get.
  ///
  /// - Precondition: the handle keeps its attachments as long as this runs.
  @inlinable @inline(__always)
  package func quickGet(_ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> QuickGet {
    unsafe quickGet(key.baseAddress, key.count, into: target.baseAddress, target.count)
  }

  /// Sizes in registers: a buffer pointer's would be computed here once more.
  @usableFromInline
  func quickGet(
    _ key: UnsafeRawPointer?, _ keySize: Int, into target: UnsafeMutableRawPointer?, _ room: Int
  ) -> QuickGet {
    unsafe unowned._withUnsafeGuaranteedRef { file in
      unsafe WarpFormat.quickGet(KeyBytes(key, keySize), Room(target, room), file)
    }
  }

  /// The same for a key whose hash is known. `unsure` if the files have another seed by now.
  package func quickGet(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, hash: UInt64, seed: UInt64
  ) -> QuickGet {
    unsafe unowned._withUnsafeGuaranteedRef { file in
      unsafe file.quickGet(key, into: target, hash: hash, seed: seed)
    }
  }

  /// The same, with what the entry says besides. Costs the line of the metadata, and counts nothing.
  ///
  /// - Parameters:
  ///   - marking: whether a hit marks the entry visited.
  ///   - facts: set by a hit; else it may be anything.
  package func quickGet(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, marking: Bool,
    facts: inout QuickFacts
  ) -> QuickGet {
    unsafe unowned._withUnsafeGuaranteedRef { file in
      unsafe file.quickGet(key, into: target, marking: marking, facts: &facts)
    }
  }

  /// Counts one of the current files.
  package func count(_ counter: Counter, _ amount: Int = 1) {
    unsafe unowned._withUnsafeGuaranteedRef { file in file.count(counter, amount) }
  }

  /// Store time of the current files.
  package func storeTime() -> UInt64 {
    unsafe unowned._withUnsafeGuaranteedRef { file in file.storeTime() }
  }
}

/// The attachment comes last and is no `self`, so that the cell's function ends with a jump to this one.
@inline(never)
private func quickGet(_ key: KeyBytes, _ room: Room, _ file: Attachment) -> QuickGet {
  guard file.isCurrent else { return .unsure }
  guard let short = ShortKey(key) else { return file.quickGetOfAnySize(key, room) }
  let hash = short.hash(seed: file.header.hashSeed)
  guard !file.records(hash) else { return .unsure }
  return file.quickHit(short, hash, room) ?? file.wholeTry(key, hash, room, counting: true)
}

extension Attachment {
  @inline(never)
  fileprivate func quickGetOfAnySize(_ key: KeyBytes, _ room: Room) -> QuickGet {
    let hash = key.hash(seed: header.hashSeed)
    guard !records(hash) else { return .unsure }
    return quickHit(key, hash, room) ?? wholeTry(key, hash, room, counting: true)
  }

  @inline(never)
  fileprivate func quickGet(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, hash: UInt64, seed: UInt64
  ) -> QuickGet {
    guard isCurrent, header.hashSeed == seed, !records(hash) else { return .unsure }
    let (key, room) = unsafe (KeyBytes(bytes), Room(target))
    let hit = if let short = ShortKey(key) { quickHit(short, hash, room) } else { quickHit(key, hash, room) }
    return hit ?? wholeTry(key, hash, room, counting: true)
  }

  @inline(never)
  fileprivate func quickGet(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, marking: Bool,
    facts: inout QuickFacts
  ) -> QuickGet {
    guard isCurrent else { return .unsure }
    let (key, room) = unsafe (KeyBytes(bytes), Room(target))
    let hash = key.hash(seed: header.hashSeed)
    guard !records(hash) else { return .unsure }
    func note(_ found: Candidate) {
      let shard = shard(of: hash)
      facts.deadline = found.header.deadline
      facts.freshUntil = shard.data.load64(shard.metadataOffset(found.slot, MetadataFields.freshUntil))
      facts.revision = shard.data.load64(shard.metadataOffset(found.slot, MetadataFields.revision))
    }
    if let slot = firstNamed(key, hash),
      let hit = quickHit(key, hash, slot, room, marking: marking, counting: false, noting: note)
    {
      return hit
    }
    return wholeTry(key, hash, room, marking: marking, counting: false, noting: note)
  }

  // MARK: The hit

  /// R2 to R5. nil: it is no such hit.
  @inline(__always)
  fileprivate func quickHit(_ key: some ProbeKey, _ hash: UInt64, _ room: Room) -> QuickGet? {
    guard let slot = firstNamed(key, hash) else { return nil }
    return quickHit(key, hash, slot, room, marking: true, counting: true, noting: { _ in })
  }

  /// R2 up to its first match. A key that no slot has room for is in none of them, whatever the bytes say.
  @inline(__always)
  private func firstNamed(_ key: some ProbeKey, _ hash: UInt64) -> SlotIndex? {
    let shard = QuickShard(self, hash)
    guard key.count <= shard.maxKeySize else { return nil }
    return shard.firstNamed(HashParts(hash: hash).fingerprint, before: shard.probeLimit)
  }

  /// R3 to R5 for a slot that a bucket named.
  ///
  /// - Parameter note: is run on the entry before it is validated.
  /// - Precondition: the slot was checked, and the key is no longer than `maxKeySize`.
  @inline(__always)
  func quickHit(
    _ key: some ProbeKey, _ hash: UInt64, _ slot: SlotIndex, _ room: Room, marking: Bool, counting: Bool,
    noting note: (Candidate) -> Void
  ) -> QuickGet? {
    let shard = QuickShard(self, hash)
    let place = shard.slotOffset(slot)
    let control = shard.controlWord(at: place)  // R3.1
    if _slowPath(!control.isIn(.live)) { return control.isIn(.committed) ? nil : .torn }  // R3.2
    // R3.3. Of a raw value the word of raw size, codec and flags is the stored size.
    let sizes = shard.data.load64(place &+ SlotFields.keySize.offset)
    let rest = shard.data.load64(place &+ SlotFields.rawSize.offset)
    let size = Int(sizes &>> 32)
    guard UInt32(truncatingIfNeeded: sizes) == UInt32(truncatingIfNeeded: key.count),
      key.isIn(shard.data, shard.keyOffset(at: place)), rest == sizes &>> 32,
      size <= shard.maxValueSize || planted(.sizesUnchecked), size <= room.size
    else { return nil }
    let found = Candidate(
      slot: slot,
      header: EntryHeader(
        deadline: shard.data.load64(place &+ SlotFields.deadline.offset), keySize: key.count, storedSize: size,
        rawSize: size, codec: Format.codecRaw, flags: 0),
      control: control)
    let value = shard.valueOffset(at: place, keySize: key.count)
    unsafe shard.data.copyOut(value, to: room.start, size: size)  // R3.4
    note(found)
    guard shard.isStable(at: place, control) else { return .torn }  // R3.5
    return finish(found, in: self.shard(of: hash), room: room.size, marking, counting)
  }

  // MARK: Any other get

  @inline(never)
  func wholeTry(_ key: KeyBytes, _ hash: UInt64, _ room: Room, counting: Bool) -> QuickGet {
    wholeTry(key, hash, room, marking: true, counting: counting, noting: { _ in })
  }

  /// R4, once. A match needs no more than R3; that there is none is true only if no linked state changed meanwhile.
  @inline(__always)
  private func wholeTry(
    _ key: KeyBytes, _ hash: UInt64, _ room: Room, marking: Bool, counting: Bool, noting note: (Candidate) -> Void
  ) -> QuickGet {
    let shard = shard(of: hash)
    let sequence = lock.acquire64(shard.sequenceAt)  // R4.1
    switch QuickShard(self, hash).quickProbe(key, hash, room, note) {  // R4.2
    case .match(let candidate): return finish(candidate, in: shard, room: room.size, marking, counting)
    case .none:
      if !planted(.missNotValidated) {
        guard sequence & 1 == 0 else { return .unsure }
        guard shard.isUnchanged(sequence) else { return .torn }  // R4.3
      }
      return provenMiss(counting)
    case .unstable: return .torn
    }
  }

  /// If the files were left meanwhile it was zeros that were looked at, and what is not in them says nothing.
  @inline(never)
  private func provenMiss(_ counting: Bool) -> QuickGet {
    guard gate.value == 0, hasLockFile else { return .unsure }
    if counting { count(.misses, 1) }
    return .miss
  }

  /// R3.6 and R5.
  @inline(__always)
  private func finish(
    _ candidate: Candidate, in shard: Shard, room: Int, _ marking: Bool, _ counting: Bool
  ) -> QuickGet {
    guard candidate.header.isRaw else { return .unsure }
    if candidate.header.deadline != 0, hasPassed(candidate.header.deadline) { return provenMiss(counting) }
    if planted(.hitStoresToData) {
      shard.put64(ControlFields.lastStamp, shard.get64(ControlFields.lastStamp) &+ 1)
    }
    // A handle without a stripe may not write.
    if let stripe {
      if marking, !shard.isVisited(candidate.slot) { shard.setVisited(candidate.slot, true) }
      if counting, candidate.header.storedSize <= room { lock.add64(stripe &+ Counter.hits.rawValue &* 8, 1) }
    }
    let size = candidate.header.storedSize
    return size <= room ? .hit(size: size) : .tooSmall(needed: size)
  }

  /// Out of the way of entries without a deadline: the clock costs more than the rest of a hit.
  @inline(never)
  private func hasPassed(_ deadline: UInt64) -> Bool { storeTime() >= deadline }
}

/// Where a value goes.
@safe
struct Room {
  /// nil: there is no room.
  let start: UnsafeMutableRawPointer?
  let size: Int

  @inline(__always)
  init(_ target: UnsafeMutableRawBufferPointer) { unsafe self.init(target.baseAddress, target.count) }

  @inline(__always)
  init(_ start: UnsafeMutableRawPointer?, _ size: Int) {
    unsafe self.start = unsafe start
    self.size = size
  }
}

extension QuickShard {
  /// R2 and R3, copying a raw value that has room.
  @inline(__always)
  fileprivate func quickProbe(
    _ key: KeyBytes, _ hash: UInt64, _ target: Room, _ note: (Candidate) -> Void
  ) -> Probe {
    probe(key, HashParts(hash: hash)) { (candidate, place) in
      copy(candidate, at: place, to: target)
      note(candidate)
    }
  }

  @inline(__always)
  private func copy(_ candidate: Candidate, at place: Int, to target: Room) {
    let header = candidate.header
    guard header.isRaw, header.storedSize <= target.size else { return }
    unsafe data.copyOut(valueOffset(at: place, keySize: header.keySize), to: target.start, size: header.storedSize)
  }
}
