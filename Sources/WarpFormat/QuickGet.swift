// SPDX-License-Identifier: Apache-2.0
// A get as it nearly always goes: the files are the store, nobody changes the entry meanwhile (SPEC.md §10.2, R1 to R5).
//
// - `quickHit` knows one kind of hit: the first slot that the chain names for the fingerprint has the key, and a raw value
//   that has room. It is one function, without a reference to the files, an error or a view of the shard in memory, so
//   that a hit costs what its steps cost. If it is no such hit, one whole try follows, with the probe that Lookup.swift has.
// - Nothing here waits. Whatever would need that or a second try, whatever needs the value decoded, and requests that are
//   recorded are left to the caller, who begins anew with the whole lookup. Nothing is counted then
//   but a try that has failed.
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
      let (key, room) = unsafe (KeyBytes(key, keySize), Room(target, room))
      return ShortKey.takes(keySize) ? quickGetOfShort(key, room, file) : quickGetOfAnySize(key, room, file)
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
private func quickGetOfShort(_ bytes: KeyBytes, _ room: Room, _ file: Attachment) -> QuickGet {
  guard file.isCurrent else { return .unsure }
  guard bytes.count <= file.quick.longestShortKey else { return quickGetOfAnySize(bytes, room, file) }
  let key = ShortKey(sized: bytes)
  let hash = key.hash(file.quick.seed)
  return file.quickHit(key, hash, room) ?? file.wholeTry(bytes, hash, room, counting: true)
}

@inline(never)
private func quickGetOfAnySize(_ key: KeyBytes, _ room: Room, _ file: Attachment) -> QuickGet {
  guard file.isCurrent else { return .unsure }
  let hash = key.hash(file.quick.seed)
  guard !file.records(hash) else { return .unsure }
  let hit = file.fits(key) ? file.quickHit(key, hash, room) : nil
  return hit ?? file.wholeTry(key, hash, room, counting: true)
}

extension Attachment {
  @inline(never)
  fileprivate func quickGet(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, hash: UInt64, seed: UInt64
  ) -> QuickGet {
    guard isCurrent, quick.seed.value == seed, !records(hash) else { return .unsure }
    let (key, room) = unsafe (KeyBytes(bytes), Room(target))
    var hit: QuickGet?
    if fits(key) {
      hit = if let short = ShortKey(key) { quickHit(short, hash, room) } else { quickHit(key, hash, room) }
    }
    return hit ?? wholeTry(key, hash, room, counting: true)
  }

  @inline(never)
  fileprivate func quickGet(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, marking: Bool,
    facts: inout QuickFacts
  ) -> QuickGet {
    guard isCurrent else { return .unsure }
    let (key, room) = unsafe (KeyBytes(bytes), Room(target))
    let hash = key.hash(quick.seed)
    guard !records(hash) else { return .unsure }
    func note(_ slot: SlotIndex, deadline: UInt64) {
      let shard = shard(of: hash)
      facts.deadline = deadline
      facts.freshUntil = shard.data.load64(shard.metadataOffset(slot, MetadataFields.freshUntil))
      facts.revision = shard.data.load64(shard.metadataOffset(slot, MetadataFields.revision))
    }
    let view = QuickShard(self, hash)
    if fits(key), let slot = view.firstNamed(hash) {
      let hit = quickHit(key, view.place(slot), room, marking: marking, counting: false) {
        note(slot, deadline: $0)
      }
      if let hit { return hit }
    }
    return wholeTry(key, hash, room, marking: marking, counting: false) {
      note($0.slot, deadline: $0.header.deadline)
    }
  }

  /// A key that no slot has room for is in none of them, whatever the bytes say.
  @inline(__always)
  fileprivate func fits(_ key: KeyBytes) -> Bool { key.count <= header.geometry.maxKeySize }

  // MARK: The hit

  /// R2 to R5. nil: it is no such hit.
  ///
  /// - Precondition: the key is no longer than `maxKeySize`.
  @inline(__always)
  fileprivate func quickHit(_ key: some ProbeKey, _ hash: UInt64, _ room: Room) -> QuickGet? {
    let shard = QuickShard(self, hash)
    guard let slot = shard.firstNamed(hash) else { return nil }
    return quickHit(key, shard.place(slot), room, marking: true, counting: true, noting: { _ in })
  }

  /// R3 to R5 for a slot that a bucket named.
  ///
  /// - Parameter note: is run with the entry's deadline before the entry is validated.
  /// - Precondition: the slot was checked, and the key is no longer than `maxKeySize`.
  @inline(__always)
  func quickHit(
    _ key: some ProbeKey, _ slot: QuickSlot, _ room: Room, marking: Bool, counting: Bool,
    noting note: (UInt64) -> Void
  ) -> QuickGet? {
    let most = planted(.sizesUnchecked) ? room.size : min(room.size, header.geometry.maxValueSize)
    return quickHit(key, slot, most: most, marking: marking, counting: counting) { (value, size, deadline) in
      unsafe slot.data.copyOut(value, to: room.start, size: size)
      note(deadline)
    }
  }

  /// - Parameters:
  ///   - most: the size of the largest value that is taken.
  ///   - copy: is run with the value's offset in the slot, its size and the entry's deadline, before the entry is validated.
  @inline(__always)
  func quickHit(
    _ key: some ProbeKey, _ slot: QuickSlot, most: Int, marking: Bool, counting: Bool,
    copy: (Int, Int, UInt64) -> Void
  ) -> QuickGet? {
    let control = slot.data.controlWord(at: 0)  // R3.1
    if _slowPath(!control.isIn(.live)) { return control.isIn(.committed) ? nil : .torn }  // R3.2
    // R3.3. Of a raw value the word of raw size, codec and flags is the stored size.
    let sizes = slot.data.load64(SlotFields.keySize.offset)
    let rest = slot.data.load64(SlotFields.rawSize.offset)
    let size = Int(sizes &>> 32)
    let deadline = slot.data.load64(SlotFields.deadline.offset)
    guard UInt32(truncatingIfNeeded: sizes) == UInt32(truncatingIfNeeded: key.count),
      key.isIn(slot.data, SlotFields.structure.size), rest == sizes &>> 32, size <= most
    else { return nil }
    copy(SlotFields.structure.size &+ key.paddedCount, size, deadline)  // R3.4
    guard slot.data.isStable(at: 0, control) else { return .torn }  // R3.5
    if deadline != 0, hasPassed(deadline) { return provenMiss(counting) }  // R3.6
    note(slot, isHit: true, marking, counting)
    return .hit(size: size)
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
    let view = QuickShard(self, hash)
    let sequence = lock.acquire64(shard.sequenceAt)  // R4.1
    switch view.quickProbe(key, hash, room, note) {  // R4.2
    case .match(let candidate):
      let header = candidate.header
      guard header.isRaw else { return .unsure }
      if header.deadline != 0, hasPassed(header.deadline) { return provenMiss(counting) }  // R3.6
      let isHit = header.storedSize <= room.size
      self.note(view.place(candidate.slot), isHit: isHit, marking, counting)
      return isHit ? .hit(size: header.storedSize) : .tooSmall(needed: header.storedSize)
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

  /// R5.
  @inline(__always)
  private func note(_ slot: QuickSlot, isHit: Bool, _ marking: Bool, _ counting: Bool) {
    if planted(.hitStoresToData) { data.add64(Format.shardsOffset &+ ControlFields.lastStamp.offset, 1) }
    // A handle without a stripe may not write.
    guard let stripe else { return }
    if marking, quick.visited.load8(slot.visited) == 0 { quick.visited.store8(slot.visited, 1) }
    if counting, isHit { lock.add64(stripe &+ Counter.hits.rawValue &* 8, 1) }
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
