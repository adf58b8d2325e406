// SPDX-License-Identifier: Apache-2.0
// The steps of a flight, none of which runs a computation: join, keep, end, give up, detach. Flights.swift puts them
// together; whoever leads a flight in another way uses the same steps.
//
//   join -> lead: run, finish (keep, end) -> all who wait get the result, or one of them leads next
//        -> wait: block or suspend, then what `step` says
//
// - A flight is in the table from when it is led first until its end, or until it is detached.
// - `count` is the table's count, so that detaching is one load when nothing is in flight. Its accesses are sequentially
//   consistent: a computation that began before the program changed what it reads is seen, if the program orders that
//   by locks or by sequentially consistent accesses too.
// - After a fork the child's table is empty. What the parent left there is never looked at, not even to free it: it may
//   be half changed, and its waiters are the parent's.

import Synchronization
import WarpFormat

/// What a lock guards that a fork may have cut off.
struct FlightTable<Key: Hashable & Sendable, Value: Sendable> {
  let epoch: UInt32
  var flights: [FlightKey<Key>: Flight<Key, Value>] = [:]
}

/// What a caller does that has asked for a key. A flight that is led and not in the table is the caller's alone.
enum FlightStart<Key: Hashable & Sendable, Value: Sendable> {
  case lead(Flight<Key, Value>)
  case wait(FlightWaiter<Key, Value>)
}

/// What a caller does that has waited.
enum FlightStep<Key: Hashable & Sendable, Value: Sendable> {
  case done(Value)
  case lead(Flight<Key, Value>)
}

extension Flights {
  typealias Waiter = FlightWaiter<Key, Value>

  private func withTable<Result>(_ body: (inout FlightTable<Key, Value>) -> Result) -> Result {
    lock.withLock { epoch in
      if unsafe table.pointee.epoch != epoch { unsafe table.initialize(to: FlightTable(epoch: epoch)) }
      defer {
        let new = unsafe table.pointee.flights.count
        if count.load(ordering: .relaxed) != new { count.store(new, ordering: .sequentiallyConsistent) }
      }
      return unsafe body(&table.pointee)
    }
  }

  /// Leads a new flight, or waits for the one that is under way, or leads a flight of its own if waiting would never end.
  func join(_ key: Key, blocking: Bool) -> FlightStart<Key, Value> {
    let key = FlightKey(key)
    return withTable { table in
      // NaN is not equal to itself: it would never be found again.
      guard key == key else { return .lead(Flight(key, epoch: table.epoch, isAlone: true)) }
      guard let flight = table.flights[key] else {
        let flight = Flight<Key, Value>(key, epoch: table.epoch)
        table.flights[key] = flight
        return .lead(flight)
      }
      guard let waiter = wait(for: flight, blocking) else {
        return .lead(Flight(key, epoch: table.epoch, isAlone: true))
      }
      return .wait(waiter)
    }
  }

  /// Leads a new flight, unless one is under way.
  func leadIfNone(_ key: Key) -> Flight<Key, Value>? {
    let key = FlightKey(key)
    guard key == key else { return nil }
    return withTable { table in
      guard table.flights[key] == nil else { return nil }
      let flight = Flight<Key, Value>(key, epoch: table.epoch)
      table.flights[key] = flight
      return flight
    }
  }

  /// Under the lock. Nil if the caller would wait for itself.
  private func wait(for flight: Flight<Key, Value>, _ blocking: Bool) -> Waiter? {
    var computations: [Computation] = []
    if let innermost = Computation.innermost {
      guard let waiting = WaitGraph.enter(innermost, waitingFor: flight) else { return nil }
      computations = waiting
    }
    let waiter = Waiter(flight, computations, blocking ? Signal() : nil)
    flight.add(waiter)
    return waiter
  }

  /// Has the leader's value stored, unless the flight was detached. Runs without a lock; detaching waits for it.
  func keep(_ value: Value, of flight: Flight<Key, Value>, _ store: (Value) -> Void) {
    let isCurrent = withTable { table in
      guard table.flights[flight.key] === flight else { return false }
      flight.isStoring = true
      return true
    }
    if isCurrent { store(value) }
  }

  /// The leader's run has ended: so does the flight, unless it was cancelled and somebody waits who can go on.
  func end(_ flight: Flight<Key, Value>, _ result: Result<Value, any Error>) {
    flight.leader.end()
    var handsOver = false
    if case .failure = result { handsOver = Task.isCancelled }
    let woken: [Waiter] = withTable { table in
      guard flight.epoch == table.epoch else { return [] }
      if handsOver, let heir = flight.handOver() { return [heir] }
      if table.flights[flight.key] === flight { table.flights[flight.key] = nil }
      return flight.end(result)
    }
    for waiter in woken { waiter.wake() }
  }

  /// The leader has nothing for those who wait: one of them leads, by its own computation. If nobody waits the flight is
  /// over.
  func abandon(_ flight: Flight<Key, Value>) {
    flight.leader.end()
    let heir: Waiter? = withTable { table in
      guard flight.epoch == table.epoch else { return nil }
      if let heir = flight.handOver() { return heir }
      if table.flights[flight.key] === flight { table.flights[flight.key] = nil }
      return nil
    }
    heir?.wake()
  }

  /// The leader's last step, whatever its run came to.
  func finish<E: Error>(
    _ flight: Flight<Key, Value>, _ result: Result<Value, E>, _ store: (Value) -> Void
  ) -> Result<Value, E> {
    if case .success(let value) = result { keep(value, of: flight, store) }
    end(flight, result.mapError { $0 })
    return result
  }

  /// A waiter goes its own way, if it has no verdict yet.
  func giveUp(_ waiter: Waiter, _ verdict: FlightVerdict<Value>) {
    let isFirst = withTable { table in
      guard waiter.decide(verdict) else { return false }
      if waiter.flight.epoch == table.epoch { waiter.flight.dropOne() }
      return true
    }
    if isFirst { waiter.wake() }
  }

  /// What a caller that has waited does now.
  func step<E: Error>(after waiter: Waiter, _: E.Type) throws(E) -> FlightStep<Key, Value> {
    WaitGraph.leave(waiter.computations, waitingFor: waiter.flight)
    switch waiter.verdict {
    case .over(.success(let value)): return .done(value)
    case .over(.failure(let error)): if let error = error as? E { throw error }
    case .cancelled: if let error = CancellationError() as? E { throw error }
    case .timedOut: break
    case .lead:
      WaitGraph.lead(waiter.flight, Computation(epoch: waiter.flight.epoch))
      return .lead(waiter.flight)
    case nil: preconditionFailure("woken without a verdict")
    }
    return .lead(Flight(waiter.flight.key, epoch: waiter.flight.epoch, isAlone: true))
  }

  // MARK: Waiting

  /// Waits in this thread.
  func block(_ waiter: Waiter) {
    guard let signal = waiter.signal else { preconditionFailure("a task does not block") }
    let start = clock.now()
    var left = loadWait
    // Ends with the flight, or once the clock says so.
    while !signal.wait(min(FlightTuning.slice, Int64(clamping: left))) {
      let waited = clock.now() &- start
      left = loadWait - min(waited, loadWait)
      if left == 0 { giveUp(waiter, .timedOut) }
    }
  }

  /// Waits without a thread. The child task that sleeps ends with the wait, or at once when the task is cancelled.
  nonisolated(nonsending) func suspend(_ waiter: Waiter) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await self.clock.sleep(.nanoseconds(Int64(clamping: self.loadWait)))
          self.giveUp(waiter, .timedOut)
        } catch {
          self.giveUp(waiter, .cancelled)
        }
      }
      await withCheckedContinuation { continuation in
        let isDecided = withTable { _ in
          guard waiter.verdict == nil else { return true }
          waiter.continuation = continuation
          return false
        }
        if isDecided { continuation.resume() }
      }
      group.cancelAll()
    }
  }

  // MARK: Detaching

  @usableFromInline
  func detachCurrent(_ key: Key) {
    let key = FlightKey(key)
    let storing = withTable { table in table.flights[key].flatMap { detach($0, &table) } }
    if let storing { waitForStore(storing) }
  }

  @usableFromInline
  func detachAllCurrent() {
    let storing = withTable { table in Array(table.flights.values).compactMap { detach($0, &table) } }
    for waiter in storing { waitForStore(waiter) }
  }

  /// Under the lock. A waiter for the store that is under way, unless the caller is in it.
  private func detach(_ flight: Flight<Key, Value>, _ table: inout FlightTable<Key, Value>) -> Waiter? {
    guard !flight.isStoring else { return wait(for: flight, true) }
    table.flights[flight.key] = nil
    return nil
  }

  /// Ends with the store. Somebody whose listener, called by the store, waits for a lock that the caller of this holds would
  /// make it last for ever, so it has the limit of every wait.
  private func waitForStore(_ waiter: Waiter) {
    let start = clock.now()
    while let signal = waiter.signal, !signal.wait(FlightTuning.slice) {
      if clock.now() &- start >= loadWait { giveUp(waiter, .timedOut) }
    }
    WaitGraph.leave(waiter.computations, waitingFor: waiter.flight)
  }
}
