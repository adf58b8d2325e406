// SPDX-License-Identifier: Apache-2.0
// Walking over all entries while others write.

import Synchronization
import WarpFormat

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
    var facts = EntryFacts(copy.header, copy.metadata)
    if facts.deadline != 0 || facts.freshUntil != 0 { facts.now = file.storeTime() }
    guard facts.deadline == 0 || facts.now < facts.deadline else { return nil }
    guard let value = copy.value else {
      file.count(.corrupt)
      return nil
    }
    return StoreEntry(key: copy.key, value: value, facts)
  }
}
