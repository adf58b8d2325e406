// SPDX-License-Identifier: Apache-2.0
// A shared store as a typed cache uses it: keys and values are encoded on the way in and decoded on the way out.
//
// - A key without an encoding is in no store: gets of it miss, sets of it throw.
// - Stored bytes that are no value of this type are a miss, with the revision under which the next set overwrites them. The
//   store, which knows no types, counts a hit.
// - The store counts what it sees; what only this file sees is counted here.

import WarpFormat

@usableFromInline
final class SharedBackend<Key: Hashable & Sendable, Value: Sendable>: TypedBackend {
  @usableFromInline let store: SharedStore
  private let keyCodec: Codec<Key>
  let valueCodec: Codec<Value>
  /// Whether the codecs are the types' own typed encodings, which DirectCoding writes and reads too.
  @usableFromInline let keysAreDirect: Bool
  @usableFromInline let valuesAreDirect: Bool

  init(_ store: SharedStore, _ keys: Codec<Key>, _ values: Codec<Value>) {
    self.store = store
    keyCodec = keys
    valueCodec = values
    #if WARP_PLANTED
      // The faults are planted in the writer and the reader.
      keysAreDirect = false
      valuesAreDirect = false
    #else
      keysAreDirect = keys.isTyped
      valuesAreDirect = values.isTyped
    #endif
  }

  var capacity: Int { store.capacity }

  /// - Throws: `notEncodable`, counted.
  private func encoded<T>(_ value: T, _ codec: Codec<T>, _ mode: TypedMode) throws(WarpError) -> [UInt8] {
    do throws(CodingFailure) {
      return try codec.encode(value, mode: mode)
    } catch {
      note(.encodeFailures, 1)
      throw WarpError(.notEncodable, "a \(mode) of type \(T.self) has no encoding: \(error)")
    }
  }

  func encodedKey(_ key: Key) -> [UInt8]? { try? keyCodec.encode(key, mode: .key) }

  /// A key without an encoding is stored nowhere; its computations may be shared all the same.
  func loadKey(_ key: Key) -> LoadKey<Key> { encodedKey(key).map { .bytes($0) } ?? .value(key) }

  // MARK: Reading

  func find(_ key: Key, counting: Bool) throws(WarpError) -> Found<Key, Value> {
    guard let bytes = encodedKey(key) else {
      if counting {
        note(.encodeFailures, 1)
        note(.misses, 1)
      }
      return .miss
    }
    return try find(key, bytes, counting: counting)
  }

  private func find(_ key: Key, _ bytes: [UInt8], counting: Bool) throws(WarpError) -> Found<Key, Value> {
    let copied = try unsafe bytes.span.bytes.withUnsafeBytes { (bytes) throws(WarpError) in
      try unsafe store.withEntry(for: bytes, marking: counting) { (stored, facts) throws(WarpError) in
        (value: try? unsafe valueCodec.decode([UInt8](stored), mode: .value), facts: facts)
      }
    }
    switch copied {
    case .found((let value?, let facts)):
      if counting { store.count(.hit(size: 0), isStale: facts.isStale) }
      return .entry(
        CachedEntry(
          key: key, value: value, remaining: facts.remaining, revision: facts.revision, isStale: facts.isStale))
    case .found((nil, let facts)):
      if counting {
        noteUndecodable()
        store.count(.hit(size: 0), isStale: false)
      }
      return .undecodable(revision: facts.revision)
    case .miss:
      if counting { store.count(.miss, isStale: false) }
      return .miss
    case .busy:
      if counting { store.count(.busy, isStale: false) }
      return .busy
    }
  }

  func getMany(_ keys: [Key]) throws(WarpError) -> [Value?] {
    var encodings: [[UInt8]] = []
    encodings.reserveCapacity(keys.count)
    for key in keys { encodings.append((try? encoded(key, keyCodec, .key)) ?? []) }
    var values = [Value?](repeating: nil, count: keys.count)
    // No key has an empty encoding.
    try store.inGroups(encodings) { (index, bytes) throws(WarpError) in
      if bytes.isEmpty {
        note(.misses, 1)
      } else if case .entry(let entry) = try find(keys[index], bytes, counting: true) {
        values[index] = entry.value
      }
    }
    return values
  }

  // MARK: Writing

  func set(
    _ key: Key, to value: Value, lifetime: Lifetime, if condition: SetCondition, lease: Lease?
  ) throws(WarpError) -> SetResult {
    let key = try encoded(key, keyCodec, .key)
    let value = try encoded(value, valueCodec, .value)
    do throws(WarpError) {
      return try unsafe key.span.bytes.withUnsafeBytes { (key) throws(WarpError) in
        try unsafe value.span.bytes.withUnsafeBytes { (value) throws(WarpError) in
          if let lease { return try unsafe lease.store(value, lifetime: lifetime, if: condition) }
          return try unsafe store.store(key, value, lifetime: lifetime, if: condition).result
        }
      }
    } catch {
      // Of the rest the store has counted what there is to count.
      if error.code == .keyTooLarge { note(.oversizeSkips, 1) }
      throw error
    }
  }

  func setMany(_ entries: [(key: Key, value: Value, lifetime: Lifetime)]) throws(WarpError) {
    for (key, value, lifetime) in entries {
      _ = try set(key, to: value, lifetime: lifetime, if: .always, lease: nil)
    }
  }

  func touch(_ key: Key, lifetime: Lifetime) throws(WarpError) -> Bool {
    try store.touch(encoded(key, keyCodec, .key), lifetime: lifetime)
  }

  func take(_ key: Key) throws(WarpError) -> Value? {
    guard let bytes = try store.take(encoded(key, keyCodec, .key)) else { return nil }
    let value = try? valueCodec.decode(bytes, mode: .value)
    if value == nil { note(.decodeFailures, 1) }
    return value
  }

  func removeEntry(_ key: Key, ifRevision revision: UInt64?) throws(WarpError) -> Bool {
    let bytes = try encoded(key, keyCodec, .key)
    guard let revision else { return try store.remove(bytes) }
    return try store.remove(bytes, ifRevision: revision)
  }

  func removeAll() throws(WarpError) { try store.removeAll() }

  // MARK: As a whole

  var count: Int { get throws(WarpError) { try store.count } }

  func forEachEntry(_ body: (CachedEntry<Key, Value>) throws -> Void) throws {
    try store.forEachEntry { entry in
      // Of another type, or of another program: not an entry of this cache.
      guard let key = try? keyCodec.decode(entry.key, mode: .key),
        let value = try? valueCodec.decode(entry.value, mode: .value)
      else { return }
      try body(
        CachedEntry(
          key: key, value: value, remaining: entry.remaining, revision: entry.revision, isStale: entry.isStale))
    }
  }

  var statistics: CacheStatistics {
    get throws(WarpError) { try CacheStatistics(store.statistics()) }
  }

  func note(_ counter: Counter, _ amount: Int) { store.attachment.count(counter, amount) }

  func lease(_ key: Key, limit: Int64, over revision: UInt64?) -> LeaseOutcome {
    guard let bytes = encodedKey(key) else { return .none }
    return store.lease(bytes, limit: limit, over: revision)
  }

  func close() { store.close() }
}

extension CacheStatistics {
  init(_ store: StoreStatistics) {
    // What could not be decoded was a hit of the store.
    hits = max(0, store.hits - store.decodeFailures)
    misses = store.misses + store.decodeFailures
    staleHits = store.staleHits
    busyMisses = store.busyMisses
    insertions = store.insertions
    updates = store.updates
    evictions = store.evictions
    expirations = store.expirations
    removals = store.removals
    oversizeSkips = store.oversizeSkips
    encodeFailures = store.encodeFailures
    decodeFailures = store.decodeFailures
    busySets = store.busySets
    noSpaceSets = store.noSpaceSets
    fullSets = store.fullSets
    loads = store.loads
    loadFailures = store.loadFailures
    loadTime = store.loadTime
    waits = store.waits
    retries = store.retries
    recoveries = store.recoveries
    count = store.count
    capacity = store.capacity
    allocatedBytes = store.allocatedBytes
    savedBytes = store.savedBytes
  }
}
