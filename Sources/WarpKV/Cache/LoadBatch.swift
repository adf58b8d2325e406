// SPDX-License-Identifier: Apache-2.0
// Several keys of one call: those that are there, and those that one computation makes.
//
// - Each missing key that nobody computes has a flight, so that who removes it meanwhile is heeded. Who joins one of these
//   flights waits for the whole computation.
// - A missing key that somebody else computes is computed here too, and not stored.

import WarpFormat

struct LoadBatch<Key: Hashable & Sendable, Value: Sendable> {
  private let cache: Cache<Key, Value>
  private(set) var found: [Key: Value] = [:]
  /// Each once, in their order.
  private(set) var missing: [Key] = []
  private var flights: [Key: Flight<LoadKey<Key>, Value>] = [:]
  private let began: UInt64

  init(_ cache: Cache<Key, Value>, _ keys: [Key]) {
    self.cache = cache
    var seen: Set<Key> = []
    let unique = keys.filter { seen.insert($0).inserted }
    let values = (try? cache.backend.getMany(unique)) ?? [Value?](repeating: nil, count: unique.count)
    began = cache.timing.now()
    for (key, value) in zip(unique, values) {
      if let value {
        found[key] = value
      } else {
        missing.append(key)
        flights[key] = cache.flights.leadIfNone(cache.loadKey(key))
      }
    }
  }

  /// Takes the values of the missing keys, and no others.
  mutating func keep(_ computed: [Key: Value]) {
    note()
    for key in missing {
      guard let value = computed[key] else {
        if let flight = flights[key] { cache.flights.abandon(flight) }
        continue
      }
      found[key] = value
      guard let flight = flights[key] else { continue }
      let load = Load(cache, key, .missing, .absent)
      // A value that was set meanwhile stays, bytes that are no value are overwritten.
      if load.lookAgain() == nil {
        _ = cache.flights.finish(flight, Result<Value, Never>.success(value), load.store)
      } else {
        _ = cache.flights.finish(flight, Result<Value, Never>.success(value)) { _ in }
      }
    }
  }

  func fail() {
    note()
    cache.backend.note(.loadFailures, 1)
    for flight in flights.values { cache.flights.abandon(flight) }
  }

  private func note() {
    cache.backend.note(.loads, 1)
    cache.backend.note(.loadNanoseconds, Int(clamping: cache.timing.now() &- began))
  }
}
