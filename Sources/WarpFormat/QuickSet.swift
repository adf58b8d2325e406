// SPDX-License-Identifier: Apache-2.0
// A set as it nearly always goes: whatever is there, of bytes as they are, into a shard that nobody holds (SPEC.md §10.3).
//
// - The steps are those of Mutation.swift. What is left out is what surrounds them: closures, copies of errors, a second pin.
// - It never waits. Whatever would need that, and what is wrong with the arguments or the handle, is left to the caller, who
//   begins anew with the whole set. Nothing is stored or counted then.

/// What a quick set did, and the entry's revision.
package enum QuickSet: Sendable {
  case stored(revision: UInt64)
  case replaced(revision: UInt64)
  /// It takes the long way.
  case unsure
}

extension AttachmentCell {
  /// Stores a value as it is, and counts that.
  ///
  /// - Parameters:
  ///   - lifetime: nanoseconds, 0: for ever.
  ///   - fresh: nanoseconds, 0: never stale.
  /// - Precondition: the handle keeps its attachments as long as this runs.
  /// - Throws: as ``Shard/set(_:in:now:)``; it is counted.
  package func quickSet(
    _ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer, lifetime: UInt64, fresh: UInt64
  ) throws(FormatError) -> QuickSet {
    let outcome = unsafe unowned._withUnsafeGuaranteedRef { file in
      Result { () throws(FormatError) in try unsafe file.quickSet(key, to: value, lifetime: lifetime, fresh: fresh)
      }
    }
    return try outcome.get()
  }
}

extension Attachment {
  @inline(never)
  fileprivate func quickSet(
    _ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer, lifetime: UInt64, fresh: UInt64
  ) throws(FormatError) -> QuickSet {
    guard isCurrent, let owner = registration?.owner, key.count <= header.geometry.maxKeySize,
      value.count <= header.geometry.maxValueSize, !planted(.ownerNotTaken)
    else { return .unsure }
    let hash = unsafe hash(key)
    let now = storeTime()
    let ends = StoreTime.ends(now, lifetime, fresh)
    let entry = unsafe PendingEntry(
      key: key, stored: value, hash: hash,
      header: EntryHeader(
        deadline: ends.deadline, keySize: key.count, storedSize: value.count, rawSize: value.count,
        codec: Format.codecRaw, flags: 0),
      written: now, freshUntil: ends.freshUntil)
    guard pin() else { return .unsure }
    defer { unpin() }
    let shard = shard(of: hash)
    // A child of a fork must not own a shard in its parent's name. W1.2, W1.3.
    guard gate.value == 0, shard.isUnowned, lock.exchange64(shard.ownerAt, from: 0, to: owner) else {
      return .unsure
    }
    defer { shard.release() }
    if shard.isTorn { shard.recover(in: self) }
    guard supersededWord == Format.supersededCurrent else { return .unsure }
    do throws(FormatError) {
      // Nothing was waited for, so the time is still the same; a closure over `self` would cost a reference.
      let changes = try shard.set(entry, in: self, now: { now })
      // Counted as the owner: a replacer has every shard when it carries the counters over.
      count(changes, of: entry)
      return changes.replaced ? .replaced(revision: changes.revision) : .stored(revision: changes.revision)
    } catch {
      // That can be mended, and nothing was stored.
      if error.code == .descriptorLost { return .unsure }
      // A failure is told, and not tried again: the second try may go well, and nobody would know of the first.
      countFailure(error.code)
      throw error
    }
  }

  /// Counts and records what a set did.
  package func count(_ changes: Changes, of entry: PendingEntry) {
    noteSet(entry)
    count(changes.replaced ? .updates : .insertions, 1)
    countLosses(changes)
  }

  /// Counts the entries that had to go for another one.
  func countLosses(_ changes: Changes) {
    count(.evictions, changes.evictions)
    count(.expirations, changes.expirations)
  }
}

extension Attachment {
  /// Counts what kept a write from being done.
  package func countFailure(_ code: FormatError.Code) {
    switch code {
    case .busy: count(.busySets)
    case .noSpace: count(.noSpaceSets)
    case .full: count(.fullSets)
    default: break
    }
  }
}

/// When an entry ends; 0: never.
package enum StoreTime {
  /// The deadline of an entry written now. It ends at the last store time there is (SPEC.md §11).
  @inline(__always)
  package static func deadline(_ written: UInt64, _ lifetime: UInt64) -> UInt64 {
    guard lifetime > 0 else { return 0 }
    let (sum, overflow) = written.addingReportingOverflow(lifetime)
    return overflow ? .max : sum
  }

  /// The deadline, and when the entry ends to be fresh. Nothing is fresh after its deadline.
  @inline(__always)
  package static func ends(
    _ written: UInt64, _ lifetime: UInt64, _ fresh: UInt64
  ) -> (deadline: UInt64, freshUntil: UInt64) {
    let deadline = deadline(written, lifetime)
    let freshUntil = self.deadline(written, fresh)
    return (deadline, deadline == 0 ? freshUntil : min(freshUntil, deadline))
  }
}
