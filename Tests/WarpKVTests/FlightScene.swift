// SPDX-License-Identifier: Apache-2.0
// What the tests of flights share: a cache that only remembers, a clock that stands, threads that a task can wait for.

import Synchronization
import Testing
import WarpKV
import WarpTestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct FlightError: Error, Equatable { var number = 0 }

/// A number that threads and tasks change.
final class FlightTally: Sendable {
  private let number: Atomic<Int>

  init(_ start: Int = 0) { number = Atomic(start) }

  var value: Int { number.load(ordering: .sequentiallyConsistent) }
  /// Returns the new number.
  @discardableResult
  func add(_ summand: Int = 1) -> Int { number.add(summand, ordering: .sequentiallyConsistent).newValue }
  func raise(to least: Int) { number.max(least, ordering: .sequentiallyConsistent) }
  func set(_ new: Int) { number.store(new, ordering: .sequentiallyConsistent) }
}

/// A clock that stands until a test moves it.
final class StandingClock: Sendable {
  private let time = FlightTally()
  /// How many sleeps were begun: one by each task that waits.
  let sleeps = FlightTally()
  /// How many threads have read it: each that waits, again and again, but it counts once.
  let looks = FlightTally()

  var clock: CacheClock {
    CacheClock(
      now: {
        // Read before it counts: whoever sees the count may move the clock.
        let time = self.time.value
        if FlightThread.looks?.add() == 1 { self.looks.add() }
        return UInt64(time)
      },
      sleep: { duration in
        let start = self.time.value
        self.sleeps.add()
        while Duration.nanoseconds(self.time.value - start) < duration {
          try await Task.sleep(for: .milliseconds(1))
        }
      })
  }

  func advance(_ nanoseconds: UInt64) { time.add(Int(nanoseconds)) }
}

/// Flights of a cache of one value a key.
final class FlightScene: Sendable {
  static let wait: UInt64 = 1_000_000
  let time = StandingClock()
  let flights: Flights<Int, Int>
  let runs = FlightTally()
  let stores = FlightTally()
  /// What was stored last; 0: nothing.
  let stored = FlightTally()

  init() { flights = Flights(loadWait: FlightScene.wait, clock: time.clock) }

  func store(_ value: Int) {
    stores.add()
    stored.set(value)
  }

  /// Nothing is left behind, and this many computations have run, this many of them stored.
  func check(runs: Int, stores: Int, _ location: SourceLocation = #_sourceLocation) {
    #expect(self.runs.value == runs, sourceLocation: location)
    #expect(self.stores.value == stores, sourceLocation: location)
    #expect(flights.underway == 0, sourceLocation: location)
  }

  /// Computes in this thread.
  func get<E: Error>(_ key: Int = 1, _ compute: () throws(E) -> Int) throws(E) -> Int {
    try flights.value(
      for: key, again: { nil }, store: store,
      compute: { () throws(E) in
        runs.add()
        return try compute()
      })
  }

  /// Computes in this task.
  nonisolated(nonsending) func get<E: Error>(
    _ key: Int = 1, _ compute: nonisolated(nonsending) () async throws(E) -> Int
  ) async throws(E) -> Int {
    try await flights.value(
      for: key, again: { nil }, store: store,
      compute: { () async throws(E) in
        runs.add()
        return try await compute()
      })
  }
}

/// Whether it comes true within a time that no machine needs.
func comes(_ condition: () -> Bool) async -> Bool {
  for _ in 0..<200_000 {
    if condition() { return true }
    // Also in a task that is cancelled.
    await Task { try? await Task.sleep(for: .milliseconds(1)) }.value
  }
  return false
}

/// The same for threads.
func blocks(until condition: () -> Bool) -> Bool {
  for _ in 0..<200_000 {
    if condition() { return true }
    usleep(1000)
  }
  return false
}

private final class FlightThread: Sendable {
  /// How often this thread has looked at the clock.
  @TaskLocal static var looks: FlightTally?

  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs in a thread of its own, and suspends until that is done. The pool of tasks has too few to block them.
func inThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    let start = FlightThread {
      continuation.resume(returning: FlightThread.$looks.withValue(FlightTally()) { body() })
    }
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let result = pthread_create(
      &thread, nil,
      { argument in
        #if canImport(Darwin)
          let raw: UnsafeMutableRawPointer? = argument
        #else
          let raw = argument
        #endif
        Unmanaged<FlightThread>.fromOpaque(raw!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(start).toOpaque())
    precondition(result == 0, "pthread_create failed")
    #if canImport(Darwin)
      pthread_detach(thread!)
    #else
      pthread_detach(thread)
    #endif
  }
}

/// The outcome of a call, to compare.
func outcome(_ body: () async throws -> Int) async -> Result<Int, FlightError>? {
  do {
    return .success(try await body())
  } catch let error as FlightError {
    return .failure(error)
  } catch {
    return nil
  }
}
