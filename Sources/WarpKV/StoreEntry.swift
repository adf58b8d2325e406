// SPDX-License-Identifier: Apache-2.0
// Entries with what is known about them besides the value: how long they live, whether they are stale, their revision.

public import WarpFormat

/// A copy of one entry.
public struct StoreEntry: Sendable, Equatable {
  /// The key's bytes.
  public let key: [UInt8]
  /// The value's bytes, decompressed.
  public let value: [UInt8]
  /// nil: it does not expire.
  public let remaining: Duration?
  /// Grows with every write to the entry's shard, and is never used again.
  public let revision: UInt64
  /// Whether the time for which it was to be fresh is over. It stays a hit until it expires.
  public let isStale: Bool

  init(key: [UInt8], value: [UInt8], _ facts: EntryFacts) {
    self.key = key
    self.value = value
    remaining = facts.remaining
    revision = facts.revision
    isStale = facts.isStale
  }
}

/// What an entry says besides its key and value. Times are store times, 0: never.
package struct EntryFacts: Equatable, Sendable {
  package let deadline: UInt64
  package let freshUntil: UInt64
  package let revision: UInt64
  /// When the entry was looked at; 0 until that is filled in.
  package internal(set) var now: UInt64 = 0

  init(_ header: EntryHeader, _ metadata: EntryMetadata) {
    deadline = header.deadline
    freshUntil = metadata.freshUntil
    revision = metadata.revision
  }

  /// Reads the clock only if there is a time to compare it with.
  @inline(__always)
  init(_ quick: QuickFacts, now clock: () -> UInt64) {
    deadline = quick.deadline
    freshUntil = quick.freshUntil
    revision = quick.revision
    if deadline != 0 || freshUntil != 0 { now = clock() }
  }

  package var isStale: Bool { freshUntil != 0 && now >= freshUntil }
  package var remaining: Duration? {
    deadline == 0 ? nil : .nanoseconds(Int64(clamping: deadline - min(now, deadline)))
  }
}

extension EntryCopy {
  /// nil if the bytes are no value of that size.
  var value: [UInt8]? {
    if header.isRaw { return stored }
    guard header.codec == Format.codecZstd else { return nil }
    return Compression.value(stored, rawSize: header.rawSize)
  }
}

extension SharedStore {
  /// A copy of the entry, nil if there is none. Counts, and marks the entry visited, as a get does; counts a stale entry as a
  /// stale hit too.
  ///
  /// - Throws: `closed`, `superseded`.
  public func entry(for key: [UInt8]) throws(WarpError) -> StoreEntry? { try copiedEntry(for: key).found }

  /// The same, but what can't be told is an error.
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  func provenEntry(for key: [UInt8]) throws(WarpError) -> StoreEntry? {
    switch try copiedEntry(for: key) {
    case .found(let entry): return entry
    case .miss: return nil
    case .busy:
      throw WarpError(.busy, "a writer held the shard for longer than a reader waits: try again", path: path)
    }
  }

  private func copiedEntry(for key: [UInt8]) throws(WarpError) -> Copied<StoreEntry> {
    let found = try unsafe key.span.bytes.withUnsafeBytes { (bytes) throws(WarpError) in
      try unsafe withEntry(for: bytes, marking: true) { (value, facts) throws(WarpError) in
        unsafe StoreEntry(key: key, value: [UInt8](value), facts)
      }
    }
    switch found {
    case .found(let entry): count(.hit(size: entry.value.count), isStale: entry.isStale)
    case .miss: count(.miss, isStale: false)
    case .busy: count(.busy, isStale: false)
    }
    return found
  }

  /// Runs a closure on a private copy of a value and on what is known about its entry. Counts nothing.
  package func withEntry<Result>(
    for key: UnsafeRawBufferPointer, marking: Bool,
    _ body: (UnsafeRawBufferPointer, EntryFacts) throws(WarpError) -> Result
  ) throws(WarpError) -> Copied<Result> {
    var facts: EntryFacts?
    return try unsafe withCopy(
      { (target) throws(WarpError) in
        try unsafe get(key, into: target, marking: marking, facts: &facts)
      },
      { (value) throws(WarpError) in
        guard let facts else { preconditionFailure("a hit has facts") }
        return try unsafe body(value, facts)
      })
  }
}
