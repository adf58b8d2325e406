// SPDX-License-Identifier: Apache-2.0
// Operations on one key that depend on what is there: add, replace, touch, take, increment, update.
//
// - All but `update` read, decide and write as the shard's owner, in one critical section: nobody, in no process, gets
//   in between. They write a new slot like any set (SPEC.md §10.3), so readers see the old entry or the new one.
// - `update` runs the caller's code and so holds nothing meanwhile: it reads, computes, and stores on the condition that
//   the entry is still the one it read, else it begins again.

public import WarpFormat

/// What becomes of an entry that was looked at.
private enum Rewrite {
  case keep
  case remove
  case write(stored: [UInt8], header: EntryHeader, freshUntil: UInt64)
}

extension SharedStore {
  /// Stores a value if there is none, or only an expired one. Of several at the same time, in whatever processes, one
  /// stores.
  ///
  /// - Parameters:
  ///   - key: at most `maxKeySize` bytes.
  ///   - value: at most `maxRawSize` bytes.
  ///   - timeToLive: from now on; nil: the handle's own.
  /// - Returns: whether it was stored: not if there is a value, nor if this one is too large.
  /// - Throws: as ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``.
  @discardableResult
  public func add(_ key: [UInt8], value: [UInt8], timeToLive: Duration? = nil) throws(WarpError) -> Bool {
    let lifetime = try lifetime(timeToLive)
    return try unsafe set(key.span.bytes, to: value.span.bytes, lifetime: lifetime, if: .absent) == .stored
  }

  /// Stores a value if nobody has written the key since the entry of that revision was read; see ``entry(for:)``.
  ///
  /// - Returns: whether it was stored. A value that is too large is not, and the older one is then gone.
  /// - Throws: as ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``.
  @discardableResult
  public func replace(
    _ key: [UInt8], with value: [UInt8], ifRevision revision: UInt64, timeToLive: Duration? = nil
  ) throws(WarpError) -> Bool {
    let lifetime = try lifetime(timeToLive)
    let result = try unsafe set(
      key.span.bytes, to: value.span.bytes, lifetime: lifetime, if: .revision(revision))
    return result == .replaced || result == .stored
  }

  /// Gives an entry a new deadline, and marks it visited. Its value stays, and it stays fresh for as long as it was to be,
  /// at most until the deadline.
  ///
  /// - Parameters:
  ///   - key: of the entry.
  ///   - timeToLive: from now on; nil: the handle's own, for ever if it has none.
  /// - Returns: whether there was an entry.
  /// - Throws: `invalidTimeToLive`, `busy`, `noSpace`, `readOnly`, `closed`, `superseded`, `corruptShard`.
  /// - Complexity: O(key + value): the entry gets a new slot.
  @discardableResult
  public func touch(_ key: [UInt8], timeToLive: Duration? = nil) throws(WarpError) -> Bool {
    try touch(key, lifetime: lifetime(timeToLive))
  }

  func touch(_ key: [UInt8], lifetime: Lifetime) throws(WarpError) -> Bool {
    try rewrite(key) { (_, entry, now) throws(WarpError) in
      guard let entry else { return (.keep, false) }
      var header = entry.header
      header.deadline = Expiry.deadline(now, lifetime.whole)
      var freshUntil = entry.metadata.freshUntil
      if header.deadline != 0 { freshUntil = min(freshUntil, header.deadline) }
      return (.write(stored: entry.stored, header: header, freshUntil: freshUntil), true)
    }
  }

  /// Returns a value and removes it, in one step: of several at the same time, one gets it. Counts as a get and a
  /// remove.
  ///
  /// - Throws: `busy`, `readOnly`, `closed`, `superseded`.
  public func take(_ key: [UInt8]) throws(WarpError) -> [UInt8]? {
    try rewrite(key) { (file, entry, _) throws(WarpError) in
      guard let entry, let value = entry.value else {
        file.count(.misses)
        if entry != nil { file.count(.corrupt) }
        return (entry == nil ? .keep : .remove, nil)
      }
      file.count(.hits)
      return (.remove, value)
    }
  }

  /// Adds to an integer in the store, in one step. The value is the typed encoding of an `Int` (SPEC.md §22), as a typed
  /// cache stores it.
  ///
  /// - Parameters:
  ///   - key: of the entry.
  ///   - amount: may be negative.
  ///   - initial: what is added to if there is no entry.
  ///   - timeToLive: of an entry that this makes; nil: the handle's own. One that is there keeps its deadline, so that a
  ///     count over a span of time ends when the span does.
  /// - Returns: the sum, which is stored.
  /// - Throws: `notAnInteger` if the value is something else, `integerOverflow` if the sum fits no `Int`: nothing has then
  ///   changed. `invalidValueSize` if the store takes no values of 9 bytes. Else as
  ///   ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``.
  @discardableResult
  public func increment(
    _ key: [UInt8], by amount: Int = 1, initially initial: Int = 0, timeToLive: Duration? = nil
  ) throws(WarpError) -> Int {
    let lifetime = try lifetime(timeToLive)
    return try rewrite(key) { (file, entry, now) throws(WarpError) in
      let (sum, overflow) = try (entry.map(SharedStore.integer) ?? initial).addingReportingOverflow(amount)
      guard !overflow else {
        throw WarpError(.integerOverflow, "the sum is beyond the range of a 64-bit integer", path: file.path)
      }
      let stored = SharedStore.encoded(sum)
      guard stored.count <= file.header.geometry.maxValueSize else {
        throw WarpError(
          .invalidValueSize, "an integer takes \(stored.count) bytes: make the store with a larger maxValueSize",
          field: "maxValueSize")
      }
      let header = EntryHeader(
        deadline: entry?.header.deadline ?? Expiry.deadline(now, lifetime.whole), keySize: key.count,
        storedSize: stored.count, rawSize: stored.count, codec: Format.codecRaw, flags: 0)
      return (.write(stored: stored, header: header, freshUntil: entry?.metadata.freshUntil ?? 0), sum)
    }
  }

  private static func integer(of entry: EntryCopy) throws(WarpError) -> Int {
    var reader = TypedReader(entry.value ?? [], mode: .value)
    do throws(TypedEncodingError) {
      let number: Int = try reader.readInteger()
      try reader.finish()
      return number
    } catch {
      throw WarpError(.notAnInteger, "the stored value is not the typed encoding of a 64-bit integer")
    }
  }

  private static func encoded(_ number: Int) -> [UInt8] {
    var writer = TypedWriter(mode: .value)
    writer.append(integer: number)
    return writer.bytes
  }

  /// Changes a value by a closure. It holds no lock while the closure runs; if the key is written meanwhile, the closure runs
  /// again on the new value, so it should do nothing but compute.
  ///
  /// - Parameters:
  ///   - key: of the entry.
  ///   - timeToLive: from the set on; nil: the handle's own.
  ///   - body: gets the value, nil if there is none. What it leaves is stored; nil removes the key. If it throws, nothing
  ///     has changed.
  /// - Returns: what `body` returned the last time.
  /// - Throws: what `body` throws, as it is; `busy` also after 1,000 tries in vain; else as
  ///   ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``. Each try counts as a get.
  public func update<Result>(
    _ key: [UInt8], timeToLive: Duration? = nil, _ body: (inout [UInt8]?) throws -> Result
  ) throws -> Result {
    let lifetime = try lifetime(timeToLive)
    for _ in 0..<Format.updateTries {
      let entry = try provenEntry(for: key)
      var value = entry?.value
      let result = try body(&value)
      if try put(value, over: entry, for: key, lifetime) { return result }
    }
    throw WarpError(
      .busy, "others changed the value during each of \(Format.updateTries) updates: try again", path: path)
  }

  /// Stores or removes if the entry is still the same. Returns whether it was.
  private func put(
    _ value: [UInt8]?, over entry: StoreEntry?, for key: [UInt8], _ lifetime: Lifetime
  ) throws(WarpError) -> Bool {
    guard let value else {
      return try entry.map { (entry) throws(WarpError) in try remove(key, ifRevision: entry.revision) } ?? true
    }
    let condition = entry.map { SetCondition.revision($0.revision) } ?? .absent
    return try unsafe set(key.span.bytes, to: value.span.bytes, lifetime: lifetime, if: condition) != .refused
  }

  /// Removes a key if nobody has written it since the entry of that revision was read. Returns whether it did.
  func remove(_ key: [UInt8], ifRevision revision: UInt64) throws(WarpError) -> Bool {
    try rewrite(key) { (_, present, _) throws(WarpError) in
      let isSame = present?.metadata.revision == revision
      return (isSame ? .remove : .keep, isSame)
    }
  }

  /// Looks at the key's entry, decides, and writes, all as the shard's owner.
  ///
  /// - Parameter decide: gets the entry, nil if it is absent, expired or corrupt, and the store time.
  private func rewrite<Result>(
    _ key: [UInt8],
    _ decide: (Attachment, EntryCopy?, UInt64) throws(WarpError) -> (Rewrite, Result)
  ) throws(WarpError) -> Result {
    try withCurrent { (file) throws(WarpError) in
      let isTooLarge = key.count > file.header.geometry.maxKeySize
      let hash = unsafe key.withUnsafeBytes { unsafe file.hash($0) }
      return try own(file.shard(of: hash), in: file) { (shard) throws(WarpError) in
        try unsafe key.span.bytes.withUnsafeBytes { (bytes) throws(WarpError) in
          let now = file.storeTime()
          let resident = unsafe shard.resident(bytes, hash: hash, now: now)
          let entry = resident.flatMap { file.copy($0, key: key, hash: hash, in: shard) }
          if resident != nil, entry == nil { file.count(.corrupt) }
          let (rewrite, result) = try decide(file, entry, now)
          switch rewrite {
          case .keep: break
          case .remove: unsafe file.remove(bytes, hash, in: shard)
          case .write(let stored, let header, let freshUntil):
            guard !isTooLarge else { throw SharedStore.keyTooLarge(key.count, file) }
            try unsafe stored.span.bytes.withUnsafeBytes { (stored) throws(WarpError) in
              let entry = unsafe PendingEntry(
                key: bytes, stored: stored, hash: hash, header: header, written: now, freshUntil: freshUntil)
              file.count(try shard.set(entry, in: file, now: { now }), of: entry)
            }
          }
          return result
        }
      }
    }
  }
}
