// SPDX-License-Identifier: Apache-2.0
// Entries in a form that another store takes, and who makes room for them.

extension Header {
  /// The entry with its value raw or compressed as this store takes it; nil if it fits neither way.
  func fitted(_ entry: CarriedEntry) -> CarriedEntry? {
    let limits = geometry
    guard entry.key.count <= limits.maxKeySize, entry.rawSize <= limits.maxRawSize else { return nil }
    if entry.value.count <= limits.maxValueSize, entry.codec == Format.codecRaw || usesZstd { return entry }
    var copy = entry
    if entry.codec == Format.codecZstd {
      guard !usesZstd, entry.rawSize <= limits.maxValueSize,
        let value = Compression.value(entry.value, rawSize: entry.rawSize)
      else { return nil }
      (copy.value, copy.codec) = (value, Format.codecRaw)
      return copy
    }
    guard usesZstd else { return nil }
    let frame = unsafe entry.value.withUnsafeBytes { value in
      unsafe Compression.compress(value, level: 3, limit: limits.maxValueSize)
    }
    guard let frame else { return nil }
    (copy.value, copy.codec) = (frame, Format.codecZstd)
    return copy
  }
}

extension Header {
  /// Whether the entry fits, raw or compressed.
  package func takes(_ entry: CarriedEntry) -> Bool { fitted(entry) != nil }
}

extension ClockRecord {
  /// That of a store that is made now.
  package static func now(_ environment: Environment = .system) throws(FormatError) -> ClockRecord {
    try initial(environment)
  }
}

extension CarriedEntry {
  /// Runs `body` with the entry as a set takes it.
  func withPending<Result>(
    hash: UInt64, _ body: (PendingEntry) throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    try unsafe key.span.bytes.withUnsafeBytes { (key) throws(FormatError) in
      try unsafe value.span.bytes.withUnsafeBytes { (value) throws(FormatError) in
        try body(
          unsafe PendingEntry(
            key: key, stored: value, hash: hash,
            header: EntryHeader(
              deadline: deadline, keySize: key.count, storedSize: value.count, rawSize: rawSize, codec: codec,
              flags: 0),
            written: written, freshUntil: freshUntil))
      }
    }
  }
}

/// The policy by which nobody goes but who is expired.
let expiredOnly: VictimPolicy = { file, shard, isEligible in
  var slot = shard.oldest
  for _ in 0..<shard.count {
    guard let candidate = slot else { return nil }
    if shard.isExpired(candidate, now: file.storeTime), isEligible(candidate) { return candidate }
    slot = shard.newer(candidate)
  }
  return nil
}
