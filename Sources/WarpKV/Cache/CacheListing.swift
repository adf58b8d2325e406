// SPDX-License-Identifier: Apache-2.0
// Looking at a typed cache as a whole.

public import WarpFormat

extension Cache {
  /// Entries, expired ones that nobody has noticed yet among them. O(shards).
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  public var count: Int { get throws(WarpError) { try backend.count } }

  /// The keys of all entries that have not expired, shard by shard, oldest first. O(count).
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  public func keys() throws -> [Key] {
    var keys: [Key] = []
    try forEachEntry { entry in keys.append(entry.key) }
    return keys
  }

  /// Copies of all entries that have not expired, shard by shard, oldest first. A key that is present throughout
  /// appears exactly once. It counts as no get. O(count).
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  public func entries() throws -> [CachedEntry<Key, Value>] {
    var entries: [CachedEntry<Key, Value>] = []
    try forEachEntry { entry in entries.append(entry) }
    return entries
  }

  /// Runs a closure on a copy of each entry, in the order of ``entries()``. The closure may use the cache.
  ///
  /// - Throws: what `body` throws; `busy`, `closed`, `superseded`.
  public func forEachEntry(_ body: (CachedEntry<Key, Value>) throws -> Void) throws {
    try backend.forEachEntry(body)
  }

  /// What the cache did since it was made or emptied: of all processes, if it is shared. O(shards).
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  public func statistics() throws(WarpError) -> CacheStatistics {
    try backend.statistics
  }
}

extension Cache where Key: WarpEncodable {
  /// The entries whose key's encoding (SPEC.md, chapter 22) begins with these bytes: with a tuple's head and its first
  /// value, for instance, all keys with that first value. O(count).
  ///
  /// - Throws: as ``entries()``.
  public func entries(encodedPrefix prefix: [UInt8]) throws -> [CachedEntry<Key, Value>] {
    var entries: [CachedEntry<Key, Value>] = []
    try forEachEntry { entry in
      let bytes = try backend.encodedKey(entry.key) ?? entry.key.typedBytes(mode: .key)
      if bytes.starts(with: prefix) { entries.append(entry) }
    }
    return entries
  }
}
