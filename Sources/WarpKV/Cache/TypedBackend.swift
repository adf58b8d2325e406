// SPDX-License-Identifier: Apache-2.0
// What a typed cache needs of whatever keeps its entries. The memory backend meets it as it is; SharedBackend does by
// encoding keys and values.

import WarpFormat

/// What was found under a key.
enum Found<Key, Value> {
  case entry(CachedEntry<Key, Value>)
  case miss
  /// A writer is in the way; there may be an entry.
  case busy
  /// Bytes that are no value of this cache's type. They count as a miss, and the next set overwrites them.
  case undecodable(revision: UInt64)
}

/// By what computations are told apart.
@usableFromInline enum LoadKey<Key: Hashable & Sendable>: Hashable, Sendable {
  case value(Key)
  case bytes([UInt8])
}

/// Entries by typed keys. Every method is safe from any thread.
protocol TypedBackend<Key, Value>: AnyObject, Sendable {
  associatedtype Key: Hashable & Sendable
  associatedtype Value: Sendable

  var capacity: Int { get }

  /// What tells this key from others: in a shared store its encoding, in memory the key itself.
  func loadKey(_ key: Key) -> LoadKey<Key>
  /// nil: keys are not encoded.
  func encodedKey(_ key: Key) -> [UInt8]?
  /// - Parameter counting: whether this is a get: it is counted, and a hit marks the entry visited.
  func find(_ key: Key, counting: Bool) throws(WarpError) -> Found<Key, Value>
  func getMany(_ keys: [Key]) throws(WarpError) -> [Value?]
  func set(
    _ key: Key, to value: Value, lifetime: Lifetime, if condition: SetCondition, lease: Lease?
  ) throws(WarpError) -> SetResult
  func setMany(_ entries: [(key: Key, value: Value, lifetime: Lifetime)]) throws(WarpError)
  func touch(_ key: Key, lifetime: Lifetime) throws(WarpError) -> Bool
  func take(_ key: Key) throws(WarpError) -> Value?
  /// - Parameter revision: nil: whatever the entry's is.
  func removeEntry(_ key: Key, ifRevision revision: UInt64?) throws(WarpError) -> Bool
  func removeAll() throws(WarpError)

  var count: Int { get throws(WarpError) }
  func forEachEntry(_ body: (CachedEntry<Key, Value>) throws -> Void) throws
  var statistics: CacheStatistics { get throws(WarpError) }
  /// Counts something that the backend itself does not see.
  func note(_ counter: Counter, _ amount: Int)

  /// Asks who of this host's processes computes a key; see ``SharedStore/lease(_:limit:over:)``.
  func lease(_ key: Key, limit: Int64, over revision: UInt64?) -> LeaseOutcome
  func close()
}
