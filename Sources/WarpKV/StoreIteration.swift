// SPDX-License-Identifier: Apache-2.0
// Walking over all entries while others write.

import Synchronization
import WarpFormat

/// A copy of one entry.
public struct StoreEntry: Sendable, Equatable {
  public let key: [UInt8]
  public let value: [UInt8]
  /// nil: it does not expire.
  public let remaining: Duration?
  /// Grows with every write to the entry's shard, and is never used again.
  public let revision: UInt64
}

extension SharedStore {
  /// Runs a closure on a copy of each entry that has not expired: shard by shard, oldest first. The closure may use
  /// the store. A key that is present throughout appears exactly once.
  ///
  /// It counts as no get and marks nothing visited.
  ///
  /// - Throws: what `body` throws, as it is; `busy`, `closed`, `superseded`; `lockFileMissing` from a read-only handle that
  ///   found no lock file.
  /// - Complexity: O(capacity + bytes); one shard's writers wait while its entries are listed.
  public func forEachEntry(_ body: (StoreEntry) throws -> Void) throws {
    let file = try withCurrent(reads: true) { (file) throws(WarpError) in
      // Also if the store is replaced meanwhile: then the old files are what it was at that moment.
      guard file.pin() else { throw file.superseded() }
      return file
    }
    defer { file.unpin() }
    for shard in file.shards {
      try checkOpen()
      for ticket in try file.tickets(shard, limit: writerWait) {
        try checkOpen()
        guard let copy = try file.entry(ticket, in: shard, limit: writerWait), let entry = entry(copy, file)
        else { continue }
        try body(entry)
      }
    }
  }

  private func checkOpen() throws(WarpError) {
    guard isOpen.load(ordering: .relaxed) else { throw SharedStore.closed }
  }

  /// All keys, in the order of ``forEachEntry(_:)``.
  public func keys() throws -> [[UInt8]] {
    var keys: [[UInt8]] = []
    try forEachEntry { keys.append($0.key) }
    return keys
  }

  /// nil if it has expired or its bytes can't be decoded.
  private func entry(_ copy: EntryCopy, _ file: Attachment) -> StoreEntry? {
    var remaining: Duration?
    if copy.header.deadline != 0 {
      let now = file.storeTime()
      guard now < copy.header.deadline else { return nil }
      remaining = .nanoseconds(Int64(clamping: copy.header.deadline - now))
    }
    guard let value = decoded(copy.stored, copy.header) else {
      file.count(.corrupt)
      return nil
    }
    return StoreEntry(key: copy.key, value: value, remaining: remaining, revision: copy.metadata.revision)
  }

  private func decoded(_ stored: [UInt8], _ header: EntryHeader) -> [UInt8]? {
    if header.codec == Format.codecRaw { return header.rawSize == stored.count ? stored : nil }
    return Compression.value(stored, rawSize: header.rawSize)
  }
}
