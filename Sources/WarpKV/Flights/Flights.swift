// SPDX-License-Identifier: Apache-2.0
// Single flight in one process: callers who miss the same key at the same time share one computation.
//
// - A computation runs in the task, isolation or thread of the caller that leads its flight; no task is started for it.
// - No lock is held while anything of the program's runs, except a key's `==`.
// - What must be true is said at `value`, step by step in FlightTable, and for circles in Computation.

public import Synchronization
import WarpFormat

/// The computations under way of one cache. All calls are safe from any thread and task.
@safe
@usableFromInline package final class Flights<Key: Hashable & Sendable, Value: Sendable>: @unchecked Sendable {
  // Sendable: `table` is only accessed under the lock, the rest never changes or is atomic.

  /// Nanoseconds of the clock.
  let loadWait: UInt64
  let clock: CacheClock
  let lock = FlightLock()
  let table: UnsafeMutablePointer<FlightTable<Key, Value>>
  /// How many flights are in the table.
  @usableFromInline let count = Atomic<Int>(0)

  /// - Parameters:
  ///   - loadWait: nanoseconds that a caller waits for another's computation before it computes for itself.
  ///   - clock: measures that. A task waits by its `sleep`, a thread looks at its `now` every 20 ms.
  package init(loadWait: UInt64 = FlightTuning.wait, clock: CacheClock = .continuous) {
    self.loadWait = loadWait
    self.clock = clock
    unsafe table = .allocate(capacity: 1)
    unsafe table.initialize(to: FlightTable(epoch: System.forkEpoch))
  }

  /// Nobody is in a call: each holds a reference. What a parent process left is not freed.
  deinit {
    if unsafe table.pointee.epoch == System.forkEpoch { unsafe table.deinitialize(count: 1) }
    unsafe table.deallocate()
  }

  /// How many flights somebody could join now.
  @inlinable package var underway: Int { count.load(ordering: .sequentiallyConsistent) }

  /// The value of a key that is not cached: computed by this caller, or by another who is at it. The caller who computes
  /// leads the flight, the others wait. Callers that block and callers that suspend share flights.
  ///
  /// - **Result.** All who wait get the leader's value or error. A caller whose `E` does not hold the error computes for
  ///   itself. An error is not kept: the next caller starts anew.
  /// - **Cancellation.** A waiting task that is cancelled leaves at once, with `CancellationError` if `E` holds it, else
  ///   it computes for itself; the others notice nothing. If the leader's computation fails and its task is cancelled,
  ///   who has waited longest leads next, by its own computation, and the others go on waiting. If it returns a value
  ///   all the same, that value counts. A blocked thread can't be cancelled.
  /// - **Circles.** A computation may use the cache. If it asks for its own key, or for one whose computation waits for
  ///   it, over however many others, it computes instead of waiting. That holds for its task, child tasks, and thread;
  ///   threads and detached tasks that it starts are not known to be its own, and wait as `loadWait` says.
  /// - **Waiting.** No caller waits longer than `loadWait`; after that it computes for itself. Blocking in a task
  ///   keeps one of the few threads that run tasks: prefer the call that suspends there.
  /// - **Storing.** Only the leader stores, unless the flight was detached; who computes for itself does not.
  ///
  /// O(1) and the computation; the wait of a computation also the number of computations that wait for one another.
  ///
  /// - Parameters:
  ///   - again: asked by the leader before it computes, since somebody may have stored meanwhile. What it returns is the
  ///     flight's value, and not stored.
  ///   - store: keeps the computed value. No lock is held, but `detach` of this key waits for it in other threads.
  ///   - compute: runs in this call's thread.
  ///   - onWait: called before this caller waits for another.
  @usableFromInline package func value<E: Error>(
    for key: Key, again: () -> Value?, store: (Value) -> Void, onWait: () -> Void = {},
    compute: () throws(E) -> Value
  ) throws(E) -> Value {
    let flight: Flight<Key, Value>
    switch join(key, blocking: true) {
    case .lead(let new): flight = new
    case .wait(let waiter):
      onWait()
      block(waiter)
      switch try step(after: waiter, E.self) {
      case .done(let value): return value
      case .lead(let handed): flight = handed
      }
    }
    return try lead(flight, again: again, store: store, compute: compute)
  }

  /// The same for tasks: waits without a thread, and computes in the caller's task and isolation.
  @usableFromInline nonisolated(nonsending) package func value<E: Error>(
    for key: Key, again: () -> Value?, store: (Value) -> Void, onWait: () -> Void = {},
    compute: nonisolated(nonsending) () async throws(E) -> Value
  ) async throws(E) -> Value {
    let flight: Flight<Key, Value>
    switch join(key, blocking: false) {
    case .lead(let new): flight = new
    case .wait(let waiter):
      onWait()
      await suspend(waiter)
      switch try step(after: waiter, E.self) {
      case .done(let value): return value
      case .lead(let handed): flight = handed
      }
    }
    return try await lead(flight, again: again, store: store, compute: compute)
  }

  /// Leads a flight to its end; see `value`.
  func lead<E: Error>(
    _ flight: Flight<Key, Value>, again: () -> Value?, store: (Value) -> Void, compute: () throws(E) -> Value
  ) throws(E) -> Value {
    try Computation.$innermost.withValue(flight.leader) { () -> Result<Value, E> in
      if let value = again() { return finish(flight, .success(value)) { _ in } }
      do throws(E) {
        return finish(flight, .success(try compute()), store)
      } catch {
        return finish(flight, .failure(error), store)
      }
    }.get()
  }

  nonisolated(nonsending) func lead<E: Error>(
    _ flight: Flight<Key, Value>, again: () -> Value?, store: (Value) -> Void,
    compute: nonisolated(nonsending) () async throws(E) -> Value
  ) async throws(E) -> Value {
    try await Computation.$innermost.withValue(flight.leader) { () async -> Result<Value, E> in
      if let value = again() { return finish(flight, .success(value)) { _ in } }
      do throws(E) {
        return finish(flight, .success(try await compute()), store)
      } catch {
        return finish(flight, .failure(error), store)
      }
    }.get()
  }

  /// Leads a flight whose computation may come to nothing: then one of those who wait leads it on.
  func attempt(
    _ flight: Flight<Key, Value>, again: () -> Value?, store: (Value) -> Void, compute: () -> Value?
  ) -> Value? {
    Computation.$innermost.withValue(flight.leader) {
      if let value = again() { return conclude(flight, value) { _ in } }
      return conclude(flight, compute(), store)
    }
  }

  nonisolated(nonsending) func attempt(
    _ flight: Flight<Key, Value>, again: () -> Value?, store: (Value) -> Void,
    compute: nonisolated(nonsending) () async -> Value?
  ) async -> Value? {
    await Computation.$innermost.withValue(flight.leader) {
      if let value = again() { return conclude(flight, value) { _ in } }
      return conclude(flight, await compute(), store)
    }
  }

  private func conclude(_ flight: Flight<Key, Value>, _ value: Value?, _ store: (Value) -> Void) -> Value? {
    guard let value else {
      abandon(flight)
      return nil
    }
    _ = finish(flight, Result<Value, Never>.success(value), store)
    return value
  }

  /// From now on no computation of the key that is under way is stored; when this returns, none is being stored either.
  /// Its callers get its value, and later ones start anew. Call it before the key is changed or removed: then nothing
  /// that was computed from what was before can stay.
  ///
  /// One load when nothing is in flight, else O(1). Waits for a `store` of the key that is under way, unless that waits
  /// for this call: `store` itself may detach.
  @inlinable
  package func detach(_ key: Key) {
    if count.load(ordering: .sequentiallyConsistent) != 0 { detachCurrent(key) }
  }

  /// The same for all keys. O(flights).
  @inlinable
  package func detachAll() {
    if count.load(ordering: .sequentiallyConsistent) != 0 { detachAllCurrent() }
  }
}
