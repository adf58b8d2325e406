// SPDX-License-Identifier: Apache-2.0
// Reading without a lock (SPEC.md §10.2; the step ids R1 to R5 are the same there).
//
// - A hit is validated by its slot's control word alone: unrelated writes never make it retry, and it works while the
//   shard's writer is stopped or dead.
// - A miss is validated by the shard's sequence: a key that is present throughout is never missed.
// - COMMITTED counts as LIVE while its bucket still names it; otherwise a reader could see a value before it is
//   linked, and an older one at its next get.

/// An entry found and not yet validated, or validated and copied.
public struct Candidate: Sendable {
  public let slot: SlotIndex
  public let header: EntryHeader
  let control: Control
}

/// What a lookup ended with.
public enum Lookup: Sendable {
  case hit(Candidate)
  /// Authoritative: the key was absent, or its deadline had passed, at some moment during the call.
  case miss
  /// Not authoritative: the shard was being changed for longer than a reader waits.
  case busy
}

/// How one probe ended.
enum Probe {
  case match(Candidate)
  case none
  case unstable
}

extension ShardView {
  /// R2, R3: the first bucket whose slot holds the key, with `copy` run on it, and the slot's offset in `data`, before it is
  /// validated.
  @inline(__always)
  func probe(_ key: KeyBytes, _ parts: HashParts, copy: (Candidate, Int) -> Void) -> Probe {
    // A key that no slot has room for is in none of them, whatever the bytes say.
    guard key.count <= maxKeySize else { return .none }
    var step: UInt32 = 0
    while let named = nextNamed(parts.fingerprint, &step, before: probeLimit) {
      let found = match(key, named, copy: copy)
      if case .none = found { continue }
      return found
    }
    return .none
  }

  /// R3: `none` if the key is not there.
  ///
  /// - Precondition: the key is no longer than `maxKeySize`.
  @inline(__always)
  private func match(_ key: KeyBytes, _ named: NamedSlot, copy: (Candidate, Int) -> Void) -> Probe {
    let place = slotOffset(named.slot)
    let control = controlWord(at: place)  // R3.1
    if !_fastPath(control.isIn(.live)) {
      guard control.isIn(.committed), data.acquire64(named.bucket) == named.word else { return .unstable }  // R3.2
    }
    // R3.3. The two sizes are always accessed as one word.
    let sizes = data.load64(place &+ SlotFields.keySize.offset)
    guard Int(UInt32(truncatingIfNeeded: sizes)) == key.count, key.isIn(data, keyOffset(at: place)) else {
      return .none
    }
    guard let header = header(at: place, sizes: sizes, key: key.count) else {
      return isStable(at: place, control) ? .none : .unstable
    }
    let candidate = Candidate(slot: named.slot, header: header, control: control)
    copy(candidate, place)  // R3.4
    return isStable(at: place, control) ? .match(candidate) : .unstable
  }

  @inline(__always)
  func isStable(at offset: Int, _ control: Control) -> Bool { data.isStable(at: offset, control) }
}

extension Window {
  /// Of the slot at an offset.
  @inline(__always)
  func controlWord(at offset: Int) -> Control { Control(raw: acquire64(offset)) }

  /// R3.5: the same sequence, and COMMITTED only ever becomes LIVE.
  @inline(__always)
  func isStable(at offset: Int, _ control: Control) -> Bool {
    fenceAcquire()
    let now = load64(offset)
    if planted(.copyNotValidated) { return true }
    return now == control.raw || control.isIn(.committed) && now == control.with(.live).raw
  }
}

extension Shard {
  @inline(__always)
  func isStable(_ slot: SlotIndex, _ control: Control) -> Bool { isStable(at: slotOffset(slot), control) }

  /// R1 to R4. `copy` may run several times; only its last run counts, and only for a hit.
  ///
  /// - Parameter now: store time; asked for only if the entry has a deadline.
  @inline(__always)
  func lookup(
    _ key: UnsafeRawBufferPointer, hash: UInt64, retries: inout Int, now: () -> UInt64, copy: (Candidate) -> Void
  ) -> Lookup {
    let parts = HashParts(hash: hash)
    let key = unsafe KeyBytes(key)
    var waiter = Shard.readerPatience
    for attempt in 0..<Format.readerTries {
      var outcome = probe(key, parts) { (candidate, _) in copy(candidate) }
      var isMiss = false
      if case .none = outcome {
        // R4: nothing matched; true only if no linked state changed around a second look.
        if planted(.missNotValidated) { return .miss }
        guard let sequence = evenSequence(&waiter) else { return .busy }
        outcome = probe(key, parts) { (candidate, _) in copy(candidate) }
        isMiss = isUnchanged(sequence)
      }
      switch outcome {
      case .match(let candidate):
        retries = attempt
        if candidate.header.deadline != 0, now() >= candidate.header.deadline { return .miss }
        return .hit(candidate)
      case .none:
        if isMiss {
          retries = attempt
          return .miss
        }
      case .unstable: break
      }
      if attempt > 4 { System.yield() }
    }
    retries = Format.readerTries
    return .busy
  }

  /// R4.4: the same, by whoever holds the shard.
  func lockedLookup(
    _ key: UnsafeRawBufferPointer, hash: UInt64, now: () -> UInt64, copy: (Candidate) -> Void
  ) -> Lookup {
    guard let found = unsafe find(key, HashParts(hash: hash)), let header = header(found.slot) else { return .miss }
    let candidate = Candidate(slot: found.slot, header: header, control: controlWord(found.slot))
    copy(candidate)
    return header.deadline != 0 && now() >= header.deadline ? .miss : .hit(candidate)
  }
}
