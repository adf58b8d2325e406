// SPDX-License-Identifier: Apache-2.0
// Getting a value or computing it. What one computation does is in Load, who computes is in Flights.
//
// - A hit in memory is inlined and touches none of this.
// - The computation always runs in its caller's thread or task. Only a cached async function that has gone stale is
//   computed in a task of its own, which is what its caller asked for with `freshFor`.

import WarpFormat

extension Cache {
  /// The value of a key; if there is none, or a stale one, `compute` makes it, and it is stored.
  ///
  /// Callers who miss the same key at the same time, in all processes if the cache is shared, share one computation:
  ///
  /// - What it throws is thrown to all of this process who wait for it, and nothing is stored. (A caller whose own closure
  ///   can't throw such an error runs its closure instead.) Errors don't cross processes: there another one computes.
  /// - If the key is set or removed meanwhile, they get the result, and it is not stored.
  /// - Nobody waits longer than ``CacheOptions/loadWait``; who waited so long computes, and that is not stored.
  /// - A computation that asks for the key that it computes, itself or through others, runs the closure at once.
  ///
  /// A stale value is computed anew by the first who meets it, the others get it as it is; so does the first if its
  /// computation throws.
  ///
  /// Trouble with a shared store never replaces the value: it is returned, not stored, and counted by its reason.
  ///
  /// - Parameters:
  ///   - key: it is given to `compute`, too.
  ///   - compute: runs in this thread, without any lock. It may use the cache.
  /// - Throws: what the computation throws.
  @inlinable @inline(__always)
  public func value<E: Error>(for key: Key, _ compute: (Key) throws(E) -> Value) throws(E) -> Value {
    if !reader.isNone, !knowsStale {
      if let value = memoryGet(key) { return value }
      return try load(key, .absent, .missing, compute)
    }
    let first = firstLook(key)
    if case .fresh(let value) = first { return value }
    return try look(key, first, compute)
  }

  /// The same with an async computation.
  ///
  /// It runs in this task and in the caller's isolation. A hit does not suspend. Callers who wait suspend, and block no
  /// thread; sync and async callers share computations. A cancelled caller that waits leaves at once: it throws
  /// `CancellationError` if its closure may throw any error, and else runs its closure. A computation that was
  /// cancelled and threw is handed over to one of those who wait, who then runs its own closure.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func value<E: Error>(
    for key: Key, _ compute: nonisolated(nonsending) (Key) async throws(E) -> Value
  ) async throws(E) -> Value {
    if !reader.isNone, !knowsStale {
      if let value = memoryGet(key) { return value }
      return try await load(key, .absent, .missing, compute)
    }
    let first = firstLook(key)
    if case .fresh(let value) = first { return value }
    return try await look(key, first, compute)
  }

  /// The values of several keys; those that are missing are computed in one call and stored.
  ///
  /// It waits for nobody: what another call computes at the same time is computed here too. A value that somebody has set
  /// meanwhile stays in the cache, and what was removed meanwhile is not stored.
  ///
  /// - Parameters:
  ///   - keys: may repeat; each is looked up once.
  ///   - compute: gets the missing keys, each once, in their order. What it leaves out is not in the result.
  /// - Throws: what the computation throws.
  public func values<E: Error>(
    for keys: [Key], _ compute: ([Key]) throws(E) -> [Key: Value]
  ) throws(E) -> [Key: Value] {
    var batch = LoadBatch(self, keys)
    return try batch.values(compute)
  }

  /// The same with an async computation, in this task and the caller's isolation.
  nonisolated(nonsending) public func values<E: Error>(
    for keys: [Key], _ compute: nonisolated(nonsending) ([Key]) async throws(E) -> [Key: Value]
  ) async throws(E) -> [Key: Value] {
    var batch = LoadBatch(self, keys)
    return try await batch.values(compute)
  }

  // MARK: Misses and stale values

  /// A get, counted. Trouble with the store is a miss.
  @inlinable @inline(never)
  func firstLook(_ key: Key) -> SharedHit<Value> {
    guard let shared = unsafe shared else { return memoryLook(key) }
    return unsafe shared._withUnsafeGuaranteedRef { shared in (try? shared.hit(key, freshness: true)) ?? .miss }
  }

  @usableFromInline
  func memoryLook(_ key: Key) -> SharedHit<Value> {
    guard case .entry(let entry)? = try? backend.find(key, counting: true) else { return .miss }
    return entry.isStale ? .stale(entry.value) : .fresh(entry.value)
  }

  /// The condition under which the value of a key that has none may be stored.
  private func storeCondition(_ key: Key, _ first: SharedHit<Value>) -> SetCondition {
    // What can't be decoded may be overwritten, as long as nobody else does.
    guard case .undecodable = first, case .undecodable(let revision)? = try? backend.find(key, counting: false)
    else { return .absent }
    return .revision(revision)
  }

  @usableFromInline
  func look<E: Error>(
    _ key: Key, _ first: SharedHit<Value>, _ compute: (Key) throws(E) -> Value
  ) throws(E) -> Value {
    switch first {
    case .fresh(let value): return value
    case .stale(let value):
      guard let flight = flights.leadIfNone(loadKey(key)) else { return value }
      let load = Load(self, key, .refreshing, .absent)
      defer { load.finish() }
      return flights.attempt(
        flight, again: load.lookAgain, store: load.store, compute: { load.renew(compute) }) ?? value
    case .miss, .undecodable, .other:
      return try load(key, storeCondition(key, first), .missing, compute)
    }
  }

  @usableFromInline
  nonisolated(nonsending) func look<E: Error>(
    _ key: Key, _ first: SharedHit<Value>, _ compute: nonisolated(nonsending) (Key) async throws(E) -> Value
  ) async throws(E) -> Value {
    switch first {
    case .fresh(let value): return value
    case .stale(let value):
      guard let flight = flights.leadIfNone(loadKey(key)) else { return value }
      return await renew(flight, key, value, compute)
    case .miss, .undecodable, .other:
      return try await load(key, storeCondition(key, first), .missing, compute)
    }
  }

  nonisolated(nonsending) private func renew<E: Error>(
    _ flight: Flight<LoadKey<Key>, Value>, _ key: Key, _ value: Value,
    _ compute: nonisolated(nonsending) (Key) async throws(E) -> Value
  ) async -> Value {
    let load = Load(self, key, .refreshing, .absent)
    defer { load.finish() }
    let renewed = await flights.attempt(
      flight, again: load.lookAgain, store: load.store, compute: { await load.renew(compute) })
    return renewed ?? value
  }

  @usableFromInline
  func load<E: Error>(
    _ key: Key, _ condition: SetCondition, _ purpose: LoadPurpose, _ compute: (Key) throws(E) -> Value
  ) throws(E) -> Value {
    let load = Load(self, key, purpose, condition)
    defer { load.finish() }
    guard sharesLoads else {
      // Only so that who removes the key meanwhile can see to it that nothing is stored.
      guard let flight = flights.leadIfNone(loadKey(key)) else { return try load.run(compute) }
      return try flights.lead(
        flight, again: load.learnCondition, store: load.store, compute: { () throws(E) in try load.run(compute) })
    }
    return try flights.value(
      for: loadKey(key), again: load.lookAgain, store: load.store, onWait: load.noteWait,
      compute: { () throws(E) in try load.run(compute) })
  }

  @usableFromInline
  nonisolated(nonsending) func load<E: Error>(
    _ key: Key, _ condition: SetCondition, _ purpose: LoadPurpose,
    _ compute: nonisolated(nonsending) (Key) async throws(E) -> Value
  ) async throws(E) -> Value {
    let load = Load(self, key, purpose, condition)
    defer { load.finish() }
    guard sharesLoads else {
      guard let flight = flights.leadIfNone(loadKey(key)) else { return try await load.run(compute) }
      return try await flights.lead(
        flight, again: load.learnCondition, store: load.store,
        compute: { () async throws(E) in try await load.run(compute) })
    }
    return try await flights.value(
      for: loadKey(key), again: load.lookAgain, store: load.store, onWait: load.noteWait,
      compute: { () async throws(E) in try await load.run(compute) })
  }

  // MARK: For cached functions

  /// Computes whatever is there, and stores it. Who asks meanwhile waits for this.
  func refresh<E: Error>(_ key: Key, _ compute: (Key) throws(E) -> Value) throws(E) -> Value {
    detach(key)
    return try load(key, .always, .forced, compute)
  }

  nonisolated(nonsending) func refresh<E: Error>(
    _ key: Key, _ compute: nonisolated(nonsending) (Key) async throws(E) -> Value
  ) async throws(E) -> Value {
    detach(key)
    return try await load(key, .always, .forced, compute)
  }

  /// As ``value(for:_:)-(_,(Key)async(E)->Value)``, but a stale value is returned at once, and a task of its own computes
  /// the fresh one.
  @inlinable @inline(__always)
  nonisolated(nonsending) func remembered<E: Error>(
    _ key: Key, _ function: @escaping @Sendable (Key) async throws(E) -> Value
  ) async throws(E) -> Value {
    if !reader.isNone, !knowsStale {
      if let value = memoryGet(key) { return value }
      return try await load(key, .absent, .missing, function)
    }
    let first = firstLook(key)
    if case .fresh(let value) = first { return value }
    return try await lookAndRefresh(key, first, function)
  }

  @usableFromInline
  nonisolated(nonsending) func lookAndRefresh<E: Error>(
    _ key: Key, _ first: SharedHit<Value>, _ function: @escaping @Sendable (Key) async throws(E) -> Value
  ) async throws(E) -> Value {
    switch first {
    case .fresh(let value): return value
    case .stale(let value):
      if let flight = flights.leadIfNone(loadKey(key)) {
        // No part of the computation that this caller may be in.
        Computation.$innermost.withValue(nil) {
          _ = Task { await self.renew(flight, key, value, function) }
        }
      }
      return value
    case .miss, .undecodable, .other:
      return try await load(key, storeCondition(key, first), .missing, function)
    }
  }
}
