// SPDX-License-Identifier: Apache-2.0
// Sets and removes. Encoding, compression and digest happen before the shard is taken.
//
// - `store` is the one primitive of all sets. Its condition is looked at as the shard's owner, in the critical section
//   that writes, so of several conditional sets at the same time the first wins and the others see it.
// - A set that is refused changes and counts nothing.

import Synchronization
public import WarpFormat

/// What a set did, and the revision that it gave the entry; 0 if there is none.
package struct Stored: Equatable, Sendable {
  package let result: SetResult
  package let revision: UInt64
}

extension SharedStore {
  /// Stores a value. When this returns, every process sees it, and no process's death undoes it.
  ///
  /// - Parameters:
  ///   - key: at most `maxKeySize` bytes.
  ///   - value: at most `maxRawSize` bytes.
  ///   - timeToLive: from now on; nil: the handle's own.
  ///   - freshFor: from now on; then ``StoreEntry/isStale``, until the entry expires. nil: never stale.
  /// - Throws: `keyTooLarge`, `invalidTimeToLive`; `busy`, `full`, `noSpace`: an older value then stays; `readOnly`,
  ///   `closed`, `superseded`, `corruptShard`.
  /// - Complexity: O(key + value); eviction adds O(1) amortised.
  @discardableResult
  public func set(
    _ key: RawSpan, to value: RawSpan, timeToLive: Duration? = nil, freshFor: Duration? = nil
  ) throws(WarpError) -> SetResult {
    try set(key, to: value, lifetime: lifetime(timeToLive, freshFor), if: .always)
  }

  /// See ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``.
  @discardableResult
  public func set(
    _ key: [UInt8], to value: [UInt8], timeToLive: Duration? = nil, freshFor: Duration? = nil
  ) throws(WarpError) -> SetResult {
    try unsafe set(key.span.bytes, to: value.span.bytes, timeToLive: timeToLive, freshFor: freshFor)
  }

  /// See ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``. The key's bytes are its UTF-8.
  @discardableResult
  public func set(
    _ key: String, to value: [UInt8], timeToLive: Duration? = nil, freshFor: Duration? = nil
  ) throws(WarpError) -> SetResult {
    try set(Array(key.utf8), to: value, timeToLive: timeToLive, freshFor: freshFor)
  }

  func set(
    _ key: RawSpan, to value: RawSpan, lifetime: Lifetime, if condition: SetCondition
  ) throws(WarpError) -> SetResult {
    try unsafe key.withUnsafeBytes { (key) throws(WarpError) in
      try unsafe value.withUnsafeBytes { (value) throws(WarpError) in
        try unsafe store(key, value, lifetime: lifetime, if: condition).result
      }
    }
  }

  /// - Throws: `invalidTimeToLive`.
  func lifetime(_ timeToLive: Duration?, _ freshFor: Duration? = nil) throws(WarpError) -> Lifetime {
    var lifetime = Lifetime(whole: defaultTimeToLive)
    if let timeToLive { lifetime.whole = try Expiry.nanoseconds(timeToLive) }
    if let freshFor { lifetime.fresh = try Expiry.nanoseconds(freshFor, field: "freshFor") }
    return lifetime
  }

  /// Stores a value if the condition holds, in one step.
  ///
  /// - Parameter lease: must be held still, else the set is refused. It ends with the set, unless that is busy.
  /// - Throws: as ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``.
  package func store(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, lifetime: Lifetime,
    if condition: SetCondition = .always, holding lease: Lease? = nil
  ) throws(WarpError) -> Stored {
    if case .always = condition, lease == nil, storesRaw {
      switch try unsafe current.quickSet(key, to: value, lifetime: lifetime.whole, fresh: lifetime.fresh) {
      case .stored(let revision): return Stored(result: .stored, revision: revision)
      case .replaced(let revision): return Stored(result: .replaced, revision: revision)
      case .unsure: break
      }
    }
    return try unsafe storeAtLength(key, value, lifetime: lifetime, if: condition, holding: lease)
  }

  @inline(never)
  private func storeAtLength(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, lifetime: Lifetime,
    if condition: SetCondition, holding lease: Lease?
  ) throws(WarpError) -> Stored {
    try withCurrent { (file) throws(WarpError) in
      let limits = file.header.geometry
      guard key.count <= limits.maxKeySize else { throw SharedStore.keyTooLarge(key.count, file) }
      let frame = unsafe compressed(value, for: file)
      guard frame != nil || value.count <= limits.maxValueSize else {
        return try unsafe skip(key, condition, lease, in: file)
      }
      guard let frame else {
        return try unsafe store(key, value, value.count, Format.codecRaw, lifetime, condition, lease, in: file)
      }
      return try unsafe frame.span.bytes.withUnsafeBytes { (bytes) throws(WarpError) in
        try unsafe store(key, bytes, value.count, Format.codecZstd, lifetime, condition, lease, in: file)
      }
    }
  }

  static func keyTooLarge(_ size: Int, _ file: Attachment) -> WarpError {
    WarpError(
      .keyTooLarge,
      "the key has \(size) bytes, the store takes \(file.header.geometry.maxKeySize): use a shorter key or a larger "
        + "maxKeySize")
  }

  /// The value's frame if this handle compresses, it is worth it, and it fits.
  private func compressed(_ value: UnsafeRawBufferPointer, for file: Attachment) -> [UInt8]? {
    let limits = file.header.geometry
    guard case .zstd(let level, let threshold) = configuration.compression, file.header.usesZstd,
      value.count >= threshold || value.count > limits.maxValueSize, value.count <= limits.maxRawSize
    else { return nil }
    return unsafe Compression.compress(value, level: level, limit: min(limits.maxValueSize, value.count - 1))
  }

  private func skip(
    _ key: UnsafeRawBufferPointer, _ condition: SetCondition, _ lease: Lease?, in file: Attachment
  ) throws(WarpError) -> Stored {
    let hash = unsafe file.hash(key)
    let skipped: Void? = try unsafe own(key, hash, condition, lease, in: file) { (shard) throws(WarpError) in
      lease?.end(.unstorable, in: shard)
      unsafe file.remove(key, hash, in: shard)
      file.count(.oversizeSkips)
    }
    return Stored(result: skipped == nil ? .refused : .skipped, revision: 0)
  }

  private func store(
    _ key: UnsafeRawBufferPointer, _ stored: UnsafeRawBufferPointer, _ rawSize: Int, _ codec: UInt8,
    _ lifetime: Lifetime, _ condition: SetCondition, _ lease: Lease?, in file: Attachment
  ) throws(WarpError) -> Stored {
    let hash = unsafe file.hash(key)
    let written = file.storeTime()
    let (deadline, freshUntil) = Expiry.ends(written, lifetime)
    let header = EntryHeader(
      deadline: deadline, keySize: key.count, storedSize: stored.count, rawSize: rawSize, codec: codec, flags: 0)
    let entry = unsafe PendingEntry(
      key: key, stored: stored, hash: hash, header: header, written: written, freshUntil: freshUntil)
    let changes = try unsafe own(key, hash, condition, lease, in: file) { (shard) throws(WarpError) in
      let changes = try shard.set(entry, in: file, now: file.storeTime)
      // Counted as the owner: a replacer has every shard when it carries the counters over.
      file.count(changes, of: entry)
      if codec == Format.codecZstd {
        file.count(.compressedFrom, rawSize)
        file.count(.compressedTo, header.storedSize)
      }
      return changes
    }
    guard let changes else { return Stored(result: .refused, revision: 0) }
    return Stored(result: changes.replaced ? .replaced : .stored, revision: changes.revision)
  }

  /// Runs `body` as the owner of the key's shard, unless the condition or the lease says no; then the answer is nil.
  @inline(__always)
  private func own<Result>(
    _ key: UnsafeRawBufferPointer, _ hash: UInt64, _ condition: SetCondition, _ lease: Lease?,
    in file: Attachment, _ body: (Shard) throws(WarpError) -> Result
  ) throws(WarpError) -> Result? {
    try own(file.shard(of: hash), in: file) { (shard) throws(WarpError) in
      guard lease?.isHeld(in: file) ?? true else { return nil }
      guard unsafe file.holds(condition, key, hash, in: shard) else {
        lease?.end(.over, in: shard)
        return nil
      }
      do throws(WarpError) {
        return try body(shard)
      } catch {
        // There is no room for it: who waits shall not compute it one after the other in vain.
        lease?.end(.unstorable, in: shard)
        throw error
      }
    }
  }

  /// Runs `body` as the shard's owner. What keeps a write from being done is counted.
  @inline(__always)
  func own<Result>(
    _ shard: Shard, in file: Attachment, _ body: (Shard) throws(WarpError) -> Result
  ) throws(WarpError) -> Result {
    do throws(WarpError) {
      return try file.withPinnedShard(shard, limit: writerWait) { () throws(WarpError) in try body(shard) }
    } catch {
      file.countFailure(error.code)
      throw error
    }
  }

  /// Removes a key. Returns whether it was there and not expired.
  ///
  /// - Throws: `busy`, `readOnly`, `closed`, `superseded`.
  @discardableResult
  public func remove(_ key: RawSpan) throws(WarpError) -> Bool {
    try unsafe key.withUnsafeBytes { (key) throws(WarpError) in
      try withCurrent { (file) throws(WarpError) in
        guard key.count <= file.header.geometry.maxKeySize else { return false }
        let hash = unsafe file.hash(key)
        return try own(file.shard(of: hash), in: file) { (shard) throws(WarpError) in
          unsafe file.remove(key, hash, in: shard)
        }
      }
    }
  }

  /// See ``remove(_:)-(RawSpan)``.
  @discardableResult
  public func remove(_ key: [UInt8]) throws(WarpError) -> Bool { try unsafe remove(key.span.bytes) }

  /// See ``remove(_:)-(RawSpan)``.
  @discardableResult
  public func remove(_ key: String) throws(WarpError) -> Bool { try remove(Array(key.utf8)) }

  /// Removes every entry, one shard after the other, and resets the counters. Sets by others meanwhile may stay.
  ///
  /// - Throws: `busy` (shards before it are then empty), `readOnly`, `closed`, `superseded`.
  /// - Complexity: O(capacity).
  public func removeAll() throws(WarpError) {
    try withCurrent { (file) throws(WarpError) in
      for shard in file.shards.dropLast(planted(.sparesLastShard) ? 1 : 0) {
        try own(shard, in: file) { (shard) throws(WarpError) in shard.removeAll(in: file) }
      }
      file.resetCounters()
      file.note(.removeAll, hash: 0)
    }
  }
}

/// What the owner of a shard does and counts.
extension Attachment {
  fileprivate func holds(
    _ condition: SetCondition, _ key: UnsafeRawBufferPointer, _ hash: UInt64, in shard: Shard
  ) -> Bool {
    switch condition {
    case .always: true
    case .absent: unsafe shard.resident(key, hash: hash, now: storeTime()) == nil
    case .revision(let revision):
      unsafe shard.resident(key, hash: hash, now: storeTime())?.metadata.revision == revision
    }
  }

  /// Returns whether an unexpired entry was there.
  @discardableResult
  func remove(_ key: UnsafeRawBufferPointer, _ hash: UInt64, in shard: Shard) -> Bool {
    var changes = Changes()
    let removed = unsafe shard.remove(key, hash: hash, in: self, now: storeTime, changes: &changes)
    if removed {
      count(.removals)
      note(.removal, hash: hash)
    }
    count(.expirations, changes.expirations)
    return removed
  }
}
