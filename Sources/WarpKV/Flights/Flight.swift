// SPDX-License-Identifier: Apache-2.0
// A flight: one computation of a key, and the callers who wait for it.
//
// - What is in here is guarded by the lock of the flights that it belongs to, unless it says otherwise.
// - A waiter gets one verdict, ever. Whoever gives it wakes the waiter after the lock is given back.
// - A flight that is not in the table is detached: its callers get its value, nobody joins it, nothing is stored.

import WarpFormat

/// A key with its hash, so that the program's hashing does not run under a lock.
struct FlightKey<Key: Hashable & Sendable>: Hashable, Sendable {
  let key: Key
  private let hash: Int

  init(_ key: Key) {
    self.key = key
    hash = key.hashValue
  }

  static func == (one: Self, other: Self) -> Bool { one.hash == other.hash && one.key == other.key }
  func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

/// What a caller has waited for.
enum FlightVerdict<Value: Sendable>: Sendable {
  /// The flight has ended.
  case over(Result<Value, any Error>)
  /// The flight is this caller's now: it must be led to its end.
  case lead
  case timedOut
  case cancelled
}

final class FlightWaiter<Key: Hashable & Sendable, Value: Sendable>: @unchecked Sendable {
  // Sendable: `verdict` and `continuation` are written under the flights' lock, and neither is written any more once
  // there is a verdict; they are read under it, or after that.
  let flight: Flight<Key, Value>
  /// The computations that wait with this caller, for the graph.
  let computations: [Computation]
  /// How a thread waits; nil: a task, by its continuation.
  let signal: Signal?
  var continuation: CheckedContinuation<Void, Never>?
  private(set) var verdict: FlightVerdict<Value>?

  init(_ flight: Flight<Key, Value>, _ computations: [Computation], _ signal: Signal?) {
    self.flight = flight
    self.computations = computations
    self.signal = signal
  }

  /// Whether it is the first one. Then this caller calls `wake`, without the lock.
  func decide(_ verdict: FlightVerdict<Value>) -> Bool {
    guard self.verdict == nil else { return false }
    self.verdict = verdict
    return true
  }

  func wake() {
    signal?.give()
    continuation?.resume()
  }
}

final class Flight<Key: Hashable & Sendable, Value: Sendable>: AnyFlight, @unchecked Sendable {
  // Sendable: the variables are only accessed under the flights' lock.
  typealias Waiter = FlightWaiter<Key, Value>

  let key: FlightKey<Key>
  /// The flights of another fork epoch are nobody's.
  let epoch: UInt32
  /// The value is being stored. The flight stays in the table until that is done.
  var isStoring = false
  private var waiters: [Waiter] = []
  /// How many of `waiters` have a verdict.
  private var gone = 0

  init(_ key: FlightKey<Key>, epoch: UInt32, isAlone: Bool = false) {
    self.key = key
    self.epoch = epoch
    super.init(leader: Computation(epoch: epoch, isAlone: isAlone))
  }

  func add(_ waiter: Waiter) { waiters.append(waiter) }

  /// Takes note that a waiter has a verdict already. Amortised O(1): half of the list may be such waiters.
  func dropOne() {
    gone += 1
    guard 2 * gone > waiters.count else { return }
    waiters.removeAll { $0.verdict != nil }
    gone = 0
  }

  /// The waiter that has waited longest becomes the leader; nil if nobody waits.
  func handOver() -> Waiter? {
    guard let index = waiters.firstIndex(where: { $0.decide(.lead) }) else { return nil }
    let heir = waiters[index]
    // All before it have their verdict.
    waiters.removeSubrange(...index)
    gone -= index
    return heir
  }

  /// Ends the flight for all who wait, and returns whom to wake.
  func end(_ result: Result<Value, any Error>) -> [Waiter] {
    let all = waiters
    waiters = []
    gone = 0
    return all.filter { $0.decide(.over(result)) }
  }
}

enum FlightTuning {
  /// Nanoseconds that a caller waits for another's computation by default.
  static let wait: UInt64 = 30_000_000_000
  /// Nanoseconds between two looks of a waiting thread at the clock.
  static let slice: Int64 = 20_000_000
}
