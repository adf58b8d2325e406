// SPDX-License-Identifier: Apache-2.0
// What can be done with one key of a memory backend, and with several.
//
// - Each operation is one step under the shard's lock; nobody gets in between a condition and what depends on it.
// - Hashing, the weigher and most clock readings come before it, deinits and the listener after it.
// - Several keys are several operations: together they are no snapshot.

import WarpFormat

extension MemoryBackend {
  // MARK: Reading

  /// The value, nil if there is none or its time is over. A hit marks the entry visited.
  @inlinable @inline(__always)
  package func get(_ key: Key) -> Value? {
    let hash = hash(key)
    switch reader.get(key, hash) {
    case .hit(let value): return value
    case .miss: return nil
    case .unknown: return getAgain(key, hash)
    }
  }

  @inlinable @inline(__always)
  func getLocked(_ key: Key, _ hash: UInt64, _ index: Int) -> Value? {
    withShard(index) { shard in shard.get(key, hash) }
  }

  /// A get that takes the lock in any case: what others are measured by.
  @inlinable
  package func getLocked(_ key: Key) -> Value? {
    let hash = hash(key)
    return getLocked(key, hash, shardIndex(hash))
  }

  /// Whether there is a value that has not expired. Counts as no get, and does not mark the entry visited.
  @inlinable
  package func contains(_ key: Key) -> Bool {
    let hash = hash(key)
    return withShard(shardIndex(hash)) { shard in shard.findLive(key, hash) != nil }
  }

  /// The entry with all that is known of it.
  ///
  /// The first entry that is asked for makes its shard number all its entries, O(count), and all later writes; see
  /// ``CachedEntry/revision``.
  ///
  /// - Parameter counting: whether this is a get: it is counted, and marks the entry visited.
  @inlinable
  package func entry(_ key: Key, counting: Bool) -> CachedEntry<Key, Value>? {
    let hash = hash(key)
    return withShard(shardIndex(hash)) { shard in shard.entry(key, hash, counting: counting) }
  }

  /// The entry. Counts as no get, and does not mark the entry visited.
  @inlinable
  package func peek(_ key: Key) -> CachedEntry<Key, Value>? { entry(key, counting: false) }

  /// The value of each key, in the keys' order. Each is a get.
  @inlinable
  package func getMany(_ keys: [Key]) -> [Value?] { keys.map { get($0) } }

  // MARK: Writing

  /// Stores a value for the backend's own time to live.
  @inlinable
  @discardableResult
  package func set(_ key: Key, to value: Value) -> SetResult { set(key, to: value, lifetime: lifetime) }

  /// - Throws: `invalidTimeToLive`.
  @discardableResult
  package func set(_ key: Key, to value: Value, timeToLive: Duration?) throws(WarpError) -> SetResult {
    let whole = try timeToLive.map(MemoryTime.lifetime)
    return set(key, to: value, lifetime: whole.map { Lifetime(whole: $0) } ?? lifetime)
  }

  /// The one set: under a condition, in one step. One that is refused changes and counts nothing.
  @inlinable
  @discardableResult
  package func set(
    _ key: Key, to value: Value, lifetime: Lifetime, if condition: SetCondition = .always
  ) -> SetResult {
    let hash = hash(key)
    var terms = terms(lifetime)
    if let weigher {
      terms.weight = weigher(key, value)
      precondition(terms.weight >= 0, "a weigher returned less than 0")
    }
    return change(shardIndex(hash)) { shard, changes in
      shard.set(key, value, hash, terms, if: condition, &changes)
    }.result
  }

  @inlinable @inline(__always)
  func terms(_ lifetime: Lifetime) -> MemoryTerms {
    var terms = MemoryTerms()
    if lifetime.whole == 0, lifetime.fresh == 0 { return terms }
    terms.now = clock()
    (terms.deadline, terms.freshUntil) = MemoryTime.ends(terms.now, lifetime)
    return terms
  }

  /// Sets each key, in order.
  @inlinable
  package func setMany(_ entries: [(key: Key, value: Value, lifetime: Lifetime)]) {
    for (key, value, lifetime) in entries { set(key, to: value, lifetime: lifetime) }
  }

  /// Gives an entry a new deadline, marks it visited, and gives it a new revision: that is a write. It stays fresh for as
  /// long as it was to be, at most until the deadline. False if there is none.
  @inlinable
  @discardableResult
  package func touch(_ key: Key, lifetime: Lifetime) -> Bool {
    let hash = hash(key)
    let terms = terms(lifetime)
    return change(shardIndex(hash)) { shard, _ in shard.touch(key, hash, terms) }.result
  }

  /// Removes a key. Returns the value that was there, nil if there was none or its time was over.
  ///
  /// - Parameter revision: only if the entry has this one.
  @inlinable
  @discardableResult
  package func remove(_ key: Key, ifRevision revision: UInt64? = nil) -> Value? {
    remove(key, ifRevision: revision, counting: false)
  }

  /// Removes a key and returns its value: of several callers one gets it. Counts as a get, too.
  @inlinable
  package func take(_ key: Key) -> Value? { remove(key, ifRevision: nil, counting: true) }

  @inlinable @inline(__always)
  func remove(_ key: Key, ifRevision revision: UInt64?, counting: Bool) -> Value? {
    let hash = hash(key)
    let (wasLive, changes) = change(shardIndex(hash)) { shard, changes in
      shard.remove(key, hash, ifRevision: revision, counting: counting, &changes)
    }
    return wasLive ? changes.departed?.value : nil
  }

  /// Removes every entry, one shard after the other, and resets the counters. Sets by others meanwhile may stay.
  package func removeAll() {
    reader.tallies.reset()
    loads.reset()
    for index in 0..<shardCount {
      let entries = change(index) { shard, _ in shard.removeAll() }.result
      if let listener { for entry in entries { listener(entry.key, entry.value, .removed) } }
    }
  }
}
