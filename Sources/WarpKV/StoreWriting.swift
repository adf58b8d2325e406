// SPDX-License-Identifier: Apache-2.0
// Sets and removes. Encoding, compression and digest happen before the shard is taken.

import Synchronization
public import WarpFormat

extension SharedStore {
  /// Stores a value. When this returns, every process sees it, and no process's death undoes it.
  ///
  /// - Parameter timeToLive: from now on; nil: the handle's own.
  /// - Throws: `keyTooLarge`, `invalidTimeToLive`; `busy`, `full`, `noSpace`: an older value then stays; `readOnly`,
  ///   `closed`, `superseded`, `corruptShard`.
  /// - Complexity: O(key + value); eviction adds O(1) amortised.
  @discardableResult
  public func set(
    _ key: RawSpan, to value: RawSpan, timeToLive: Duration? = nil
  ) throws(WarpError) -> SetResult {
    let lifetime = try timeToLive.map { (d) throws(WarpError) in try Expiry.nanoseconds(d) } ?? defaultTimeToLive
    return try unsafe key.withUnsafeBytes { (key) throws(WarpError) in
      try unsafe value.withUnsafeBytes { (value) throws(WarpError) in
        try unsafe set(key, value, lifetime: lifetime)
      }
    }
  }

  /// See ``set(_:to:timeToLive:)-(RawSpan,_,_)``.
  @discardableResult
  public func set(_ key: [UInt8], to value: [UInt8], timeToLive: Duration? = nil) throws(WarpError) -> SetResult {
    try unsafe set(key.span.bytes, to: value.span.bytes, timeToLive: timeToLive)
  }

  /// See ``set(_:to:timeToLive:)-(RawSpan,_,_)``. The key's bytes are its UTF-8.
  @discardableResult
  public func set(_ key: String, to value: [UInt8], timeToLive: Duration? = nil) throws(WarpError) -> SetResult {
    try set(Array(key.utf8), to: value, timeToLive: timeToLive)
  }

  private func set(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, lifetime: UInt64
  ) throws(WarpError) -> SetResult {
    return try withCurrent { (file) throws(WarpError) in try unsafe set(key, value, lifetime, in: file) }
  }

  private func set(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ lifetime: UInt64, in file: Attachment
  ) throws(WarpError) -> SetResult {
    let limits = file.header.geometry
    guard key.count <= limits.maxKeySize else {
      throw WarpError(
        .keyTooLarge,
        "the key has \(key.count) bytes, the store takes \(limits.maxKeySize): use a shorter key or a larger "
          + "maxKeySize")
    }
    let frame = unsafe compressed(value, for: file)
    guard frame != nil || value.count <= limits.maxValueSize else { return try unsafe skip(key, in: file) }
    guard let frame else { return try unsafe store(key, value, value.count, Format.codecRaw, lifetime, in: file) }
    return try unsafe frame.span.bytes.withUnsafeBytes { (bytes) throws(WarpError) in
      try unsafe store(key, bytes, value.count, Format.codecZstd, lifetime, in: file)
    }
  }

  /// The value's frame if this handle compresses, it is worth it, and it fits.
  private func compressed(_ value: UnsafeRawBufferPointer, for file: Attachment) -> [UInt8]? {
    let limits = file.header.geometry
    guard case .zstd(let level, let threshold) = configuration.compression, file.header.usesZstd,
      value.count >= threshold || value.count > limits.maxValueSize, value.count <= limits.maxRawSize
    else { return nil }
    let frame = unsafe Compression.compress(
      value, level: level, limit: min(limits.maxValueSize, value.count - 1))
    if let frame {
      file.count(.compressedFrom, value.count)
      file.count(.compressedTo, frame.count)
    }
    return frame
  }

  private func skip(_ key: UnsafeRawBufferPointer, in file: Attachment) throws(WarpError) -> SetResult {
    _ = try unsafe remove(key, in: file)
    file.count(.oversizeSkips)
    return .skipped
  }

  private func store(
    _ key: UnsafeRawBufferPointer, _ stored: UnsafeRawBufferPointer, _ rawSize: Int, _ codec: UInt8,
    _ lifetime: UInt64, in file: Attachment
  ) throws(WarpError) -> SetResult {
    let hash = unsafe file.hash(key)
    let shard = file.shard(of: hash)
    let written = file.storeTime()
    let header = EntryHeader(
      deadline: Expiry.deadline(written, lifetime), keySize: key.count, storedSize: stored.count,
      rawSize: rawSize, codec: codec, flags: 0)
    let entry = unsafe PendingEntry(key: key, stored: stored, hash: hash, header: header, written: written)
    let changes = try file.withShard(shard, limit: writerWait) { () throws(WarpError) in
      let changes = try shard.set(entry, in: file, now: file.storeTime)
      // Counted as the owner: a replacer has every shard when it carries the counters over.
      file.count(changes.replaced ? .updates : .insertions)
      file.count(.evictions, changes.evictions)
      file.count(.expirations, changes.expirations)
      return changes
    }
    return changes.replaced ? .replaced : .stored
  }

  /// Removes a key. Returns whether it was there and not expired.
  ///
  /// - Throws: `busy`, `readOnly`, `closed`, `superseded`.
  @discardableResult
  public func remove(_ key: RawSpan) throws(WarpError) -> Bool {
    try unsafe key.withUnsafeBytes { (key) throws(WarpError) in try unsafe removeBytes(key) }
  }

  /// See ``remove(_:)-(RawSpan)``.
  @discardableResult
  public func remove(_ key: [UInt8]) throws(WarpError) -> Bool { try unsafe remove(key.span.bytes) }

  /// See ``remove(_:)-(RawSpan)``.
  @discardableResult
  public func remove(_ key: String) throws(WarpError) -> Bool { try remove(Array(key.utf8)) }

  private func removeBytes(_ key: UnsafeRawBufferPointer) throws(WarpError) -> Bool {
    try withCurrent { (file) throws(WarpError) in try unsafe remove(key, in: file) }
  }

  private func remove(_ key: UnsafeRawBufferPointer, in file: Attachment) throws(WarpError) -> Bool {
    guard key.count <= file.header.geometry.maxKeySize else { return false }
    let hash = unsafe file.hash(key)
    let shard = file.shard(of: hash)
    return try file.withShard(shard, limit: writerWait) { () throws(WarpError) in
      var changes = Changes()
      let removed = unsafe shard.remove(key, hash: hash, now: file.storeTime, changes: &changes)
      if removed { file.count(.removals) }
      file.count(.expirations, changes.expirations)
      return removed
    }
  }

  /// Removes every entry, one shard after the other, and resets the counters. Sets by others meanwhile may stay.
  ///
  /// - Throws: `busy` (shards before it are then empty), `readOnly`, `closed`, `superseded`.
  /// - Complexity: O(capacity).
  public func removeAll() throws(WarpError) {
    try withCurrent { (file) throws(WarpError) in
      for shard in file.shards {
        try file.withShard(shard, limit: writerWait) { () throws(WarpError) in shard.removeAll() }
      }
      file.resetCounters()
    }
  }
}
