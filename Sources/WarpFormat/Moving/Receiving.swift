// SPDX-License-Identifier: Apache-2.0
// Entries from elsewhere into a store that others may be using (SPEC.md 24.4): each is set as any other writer would, with the
// times that it brings.

/// A handle that takes entries from elsewhere.
package final class Receiver {
  package enum Arrival: Equatable, Sendable {
    case added(evicted: Int)
    /// The key has an entry, which stays.
    case kept
    case tooLarge
    /// There is no place, and nobody may go.
    case full
  }

  private let attachment: Attachment
  /// Whether entries may go for others.
  private let evicts: Bool

  package var header: Header { attachment.header }
  package var now: UInt64 { attachment.storeTime() }

  /// - Parameter policy: chooses who goes for others; nil: nobody but who is expired.
  /// - Throws: what an opening throws.
  package init(_ path: String, policy: VictimPolicy?, environment: Environment = .system) throws(FormatError) {
    attachment = try OpenRequest(
      files: StoreFiles(path: path), parameters: Parameters(), readOnly: false, creates: false,
      ifDifferent: .useExisting, environment: environment,
      policy: policy ?? expiredOnly
    ).attach()
    evicts = policy != nil
  }

  deinit { attachment.leave() }

  /// Sets an entry.
  ///
  /// - Parameter replaces: whether it takes the place of an entry of the same key that is not expired.
  /// - Throws: `busy`, `noSpace`, `superseded`, `corruptShard`.
  package func receive(_ entry: CarriedEntry, replaces: Bool) throws(FormatError) -> Arrival {
    guard let entry = header.fitted(entry) else { return .tooLarge }
    let file = attachment
    let hash = unsafe entry.key.withUnsafeBytes { unsafe file.hash($0) }
    let shard = file.shard(of: hash)
    let now = file.storeTime()
    let evicts = evicts
    do throws(FormatError) {
      return try entry.withPending(hash: hash) { (pending) throws(FormatError) -> Arrival in
        try file.withShard(shard, limit: Format.writerWait) { () throws(FormatError) -> Arrival in
          if !replaces, unsafe shard.resident(pending.key, hash: hash, now: now) != nil { return .kept }
          let isNew = unsafe shard.find(pending.key, HashParts(hash: hash)) == nil
          let needsVictim = isNew && shard.count >= shard.capacity && file.evicts
          if needsVictim, !evicts, expiredOnly(file, shard, { _ in true }) == nil { return .full }
          let changes = try shard.set(pending, in: file, now: { now })
          file.count(changes.replaced ? .updates : .insertions)
          file.count(.evictions, changes.evictions)
          file.count(.expirations, changes.expirations)
          if isNew, entry.isVisited, let slot = shard.newest { shard.setVisited(slot, true) }
          return .added(evicted: changes.evictions)
        }
      }
    } catch {
      guard error.code == .full else { throw error }
      return .full
    }
  }
}
