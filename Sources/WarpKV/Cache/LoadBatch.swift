// SPDX-License-Identifier: Apache-2.0
// Several keys of one call: those that are there, and those that one computation makes.
//
// - Each missing key that nobody computes has a flight, so that who removes it meanwhile is heeded. Who joins one of these
//   flights waits for the whole computation.
// - All these flights have one leader, the computation of the batch: if it asks for one of their keys, it does not wait for
//   itself.
// - A missing key that somebody else computes is computed here too, and not stored.

import WarpFormat

struct LoadBatch<Key: Hashable & Sendable, Value: Sendable> {
  private let cache: Cache<Key, Value>
  private(set) var found: [Key: Value] = [:]
  /// Each once, in their order.
  private(set) var missing: [Key] = []
  private var flights: [Key: Flight<LoadKey<Key>, Value>] = [:]
  private let computation = Computation(epoch: System.forkEpoch)
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
        guard let flight = cache.flights.leadIfNone(cache.loadKey(key)) else { continue }
        WaitGraph.lead(flight, computation)
        flights[key] = flight
      }
    }
  }

  /// The values of all keys that have one.
  mutating func values<E: Error>(_ compute: ([Key]) throws(E) -> [Key: Value]) throws(E) -> [Key: Value] {
    guard !missing.isEmpty else { return found }
    let missing = missing
    return try end(
      Computation.$innermost.withValue(computation) { Result { () throws(E) in try compute(missing) } })
  }

  nonisolated(nonsending) mutating func values<E: Error>(
    _ compute: nonisolated(nonsending) ([Key]) async throws(E) -> [Key: Value]
  ) async throws(E) -> [Key: Value] {
    guard !missing.isEmpty else { return found }
    let missing = missing
    return try end(
      await Computation.$innermost.withValue(computation) { () async -> Result<[Key: Value], E> in
        do throws(E) { return .success(try await compute(missing)) } catch { return .failure(error) }
      })
  }

  private mutating func end<E: Error>(_ result: Result<[Key: Value], E>) throws(E) -> [Key: Value] {
    cache.backend.note(.loads, 1)
    cache.backend.note(.loadNanoseconds, Int(clamping: cache.timing.now() &- began))
    switch result {
    case .success(let computed): keep(computed)
    case .failure(let error):
      cache.backend.note(.loadFailures, 1)
      for flight in flights.values { cache.flights.abandon(flight) }
      throw error
    }
    return found
  }

  /// Takes the values of the missing keys, and no others.
  private mutating func keep(_ computed: [Key: Value]) {
    // What is called while a value is stored may ask for a key of the batch, and must not wait for itself: it belongs to the
    // computation, which ends with the first flight that does.
    Computation.$innermost.withValue(computation) {
      for key in missing {
        guard let value = computed[key] else { continue }
        found[key] = value
        guard let flight = flights[key] else { continue }
        let load = Load(cache, key, .missing, .absent)
        // A value that was set meanwhile stays, bytes that are no value are overwritten.
        if load.lookAgain() == nil { cache.flights.keep(value, of: flight, load.store) }
      }
    }
    for key in missing {
      guard let flight = flights[key] else { continue }
      if let value = computed[key] {
        cache.flights.end(flight, .success(value))
      } else {
        cache.flights.abandon(flight)
      }
    }
  }
}
