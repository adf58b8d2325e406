// SPDX-License-Identifier: Apache-2.0
// A get as it nearly always goes: the files are the store, nobody changes the entry meanwhile (SPEC.md §10.2, R1 to R5).
//
// - It is the same probe, with the same checks, as Lookup.swift has. What is different is what surrounds it: one function,
//   without a reference to the files, an error or a view of the shard in memory, so that a hit costs what its steps cost.
// - It never waits and never tries twice. Whatever would need that, whatever needs the value decoded, and requests that are
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
  @usableFromInline
  package func quickGet(_ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> QuickGet {
    unsafe unowned._withUnsafeGuaranteedRef { file in unsafe quickHit(key, target, file) }
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
private func quickHit(
  _ key: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _ file: Attachment
) -> QuickGet {
  guard file.isCurrent else { return .unsure }
  let room = unsafe Room(target)
  let bytes = unsafe KeyBytes(key)
  guard file.recorder == nil, let short = ShortKey(bytes) else { return file.quickGetOfAnySize(bytes, room) }
  let hash = unsafe XXH3.upTo16(bytes.start, bytes.count, file.header.hashSeed)
  return file.quickLook(short, bytes, hash, room, marking: true, counting: true, noting: { _, _ in })
}

extension Attachment {
  @inline(never)
  fileprivate func quickGetOfAnySize(_ key: KeyBytes, _ target: Room) -> QuickGet {
    quickGet(
      key, key, key.hash(seed: header.hashSeed), target, marking: true, counting: true, noting: { _, _ in })
  }

  @inline(never)
  fileprivate func quickGet(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, hash: UInt64, seed: UInt64
  ) -> QuickGet {
    guard isCurrent, header.hashSeed == seed else { return .unsure }
    let bytes = unsafe KeyBytes(key)
    guard let short = ShortKey(bytes) else {
      return unsafe quickGet(
        bytes, bytes, hash, Room(target), marking: true, counting: true, noting: { _, _ in })
    }
    return unsafe quickGet(
      short, bytes, hash, Room(target), marking: true, counting: true, noting: { _, _ in })
  }

  @inline(never)
  fileprivate func quickGet(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, marking: Bool,
    facts: inout QuickFacts
  ) -> QuickGet {
    guard isCurrent else { return .unsure }
    let key = unsafe KeyBytes(key)
    let hash = key.hash(seed: header.hashSeed)
    return unsafe quickGet(key, key, hash, Room(target), marking: marking, counting: false) { shard, candidate in
      facts.deadline = candidate.header.deadline
      facts.freshUntil = shard.data.load64(shard.metadataOffset(candidate.slot, MetadataFields.freshUntil))
      facts.revision = shard.data.load64(shard.metadataOffset(candidate.slot, MetadataFields.revision))
    }
  }

  /// - Parameter bytes: the key once more, for a second look that may come.
  @inline(__always)
  func quickGet(
    _ key: some ProbeKey, _ bytes: KeyBytes, _ hash: UInt64, _ target: Room, marking: Bool, counting: Bool,
    noting note: (Shard, Candidate) -> Void
  ) -> QuickGet {
    guard !records(hash) else { return .unsure }
    return quickLook(key, bytes, hash, target, marking: marking, counting: counting, noting: note)
  }

  /// The same for a request that is not recorded.
  @inline(__always)
  fileprivate func quickLook(
    _ key: some ProbeKey, _ bytes: KeyBytes, _ hash: UInt64, _ target: Room, marking: Bool, counting: Bool,
    noting note: (Shard, Candidate) -> Void
  ) -> QuickGet {
    switch QuickShard(self, hash).quickProbe(key, hash, target, note) {
    case .match(let candidate):
      return finish(candidate, in: shard(of: hash), room: target.size, marking, counting)
    case .none: return quickMiss(bytes, hash, target, marking: marking, counting: counting, noting: note)
    case .unstable: return .torn
    }
  }

  /// R4, once: nothing matched; true only if no linked state changed around a second look.
  @inline(never)
  private func quickMiss(
    _ key: KeyBytes, _ hash: UInt64, _ target: Room, marking: Bool,
    counting: Bool, noting note: (Shard, Candidate) -> Void
  ) -> QuickGet {
    let shard = shard(of: hash)
    let sequence = lock.acquire64(shard.sequenceAt)  // R4.1
    guard sequence & 1 == 0 || planted(.missNotValidated) else { return .unsure }
    switch QuickShard(self, hash).quickProbe(key, hash, target, note) {  // R4.2
    case .match(let candidate):
      return finish(candidate, in: shard, room: target.size, marking, counting)
    case .none:
      guard shard.isUnchanged(sequence) || planted(.missNotValidated) else { return .torn }  // R4.3
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
  func finish(
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
  let start: UnsafeMutableRawPointer
  let size: Int

  @inline(__always)
  init(_ target: UnsafeMutableRawBufferPointer) {
    // No byte is stored at the address of an empty target.
    unsafe start = target.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 8)!
    size = target.count
  }

  @inline(__always)
  init(_ start: UnsafeMutableRawPointer, _ size: Int) {
    unsafe self.start = unsafe start
    self.size = size
  }
}

extension QuickShard {
  /// R2 and R3, copying a raw value that has room.
  @inline(__always)
  fileprivate func quickProbe(
    _ key: some ProbeKey, _ hash: UInt64, _ target: Room, _ note: (Shard, Candidate) -> Void
  ) -> Probe {
    probe(key, HashParts(hash: hash)) { (candidate, place) in
      copy(candidate, at: place, to: target)
      note(shard, candidate)
    }
  }

  /// R3, copying a raw value that has room. The bucket was looked at long ago, so an entry that is not LIVE is left to a new
  /// probe.
  @inline(__always)
  func quickMatch(_ key: some ProbeKey, _ slot: SlotIndex, _ target: Room) -> Probe {
    match(
      key, slot, isNamed: { false }, copy: { (candidate, place) in copy(candidate, at: place, to: target) })
  }

  @inline(__always)
  private func copy(_ candidate: Candidate, at place: Int, to target: Room) {
    let header = candidate.header
    guard header.isRaw, header.storedSize <= target.size else { return }
    unsafe data.copyOut(valueOffset(at: place, keySize: header.keySize), to: target.start, size: header.storedSize)
  }
}
