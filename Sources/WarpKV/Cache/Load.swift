// SPDX-License-Identifier: Apache-2.0
// One computation of one key by one caller: what surrounds the user's function.
//
//   look again ─> lease (shared: one process computes, the others wait) ─> compute, timed ─> store
//
// - The value is stored only under the condition under which it was wanted: the key is still absent, or its entry still
//   has the revision that was stale or could not be decoded. So a set by anybody wins, whatever it races with.
// - With a lease the store checks it in the same step, so a remove by another process wins, too.
// - A lease never outlives its load: if nothing was stored it ends, and those who wait for it look again.

import WarpFormat

/// What the caller of a load wants.
@usableFromInline
enum LoadPurpose {
  /// Any value that is there by now will do.
  case missing
  /// Only a fresh one will do.
  case refreshing
  /// Nothing that is there will do.
  case forced
}

/// Used by the one thread or task that computes.
final class Load<Key: Hashable & Sendable, Value: Sendable> {
  private let cache: Cache<Key, Value>
  private let key: Key
  private let purpose: LoadPurpose
  private var condition: SetCondition
  private var lease: Lease?
  /// Another process has computed it.
  private var isForeign = false

  init(_ cache: Cache<Key, Value>, _ key: Key, _ purpose: LoadPurpose, _ condition: SetCondition) {
    self.cache = cache
    self.key = key
    self.purpose = purpose
    self.condition = condition
  }

  /// What somebody else has stored meanwhile. Sets the condition under which a value may be stored.
  func lookAgain() -> Value? {
    guard let found = try? cache.backend.find(key, counting: false) else { return nil }
    switch found {
    case .entry(let entry):
      condition = .revision(entry.revision)
      switch purpose {
      case .missing: return entry.value
      case .refreshing: return entry.isStale ? nil : entry.value
      case .forced: return nil
      }
    case .undecodable(let revision): condition = .revision(revision)
    case .miss: condition = .absent
    // Whatever is there, it is not to be overwritten.
    case .busy: condition = .absent
    }
    return nil
  }

  /// Takes note of what is there, and takes nothing of it.
  func learnCondition() -> Value? {
    _ = lookAgain()
    return nil
  }

  /// Stores a value that was computed. Never throws: what prevents it is counted by the backend.
  func store(_ value: Value) {
    guard !isForeign else { return }
    let lease = lease.take()
    // Whatever could not be stored: others need not wait for it one after the other.
    defer { lease?.endUnstorable() }
    do throws(WarpError) {
      let lifetime = cache.lifetimes.lifetime(of: value)
      // A lease that is held still says more than the condition: nobody has written or removed the key.
      let result = try cache.backend.set(
        key, to: value, lifetime: lifetime, if: lease == nil ? condition : .always, lease: lease)
      // The stale entry has expired or was evicted meanwhile. Whoever removed it has detached this flight.
      if result == .refused, purpose != .missing, cache.memory != nil {
        _ = try cache.backend.set(key, to: value, lifetime: lifetime, if: .absent, lease: nil)
      }
    } catch {
      if error.code == .closed { cache.closedTally.add() }
    }
  }

  /// After everything: a lease that was not used ends.
  func finish() { lease.take()?.fail() }

  // MARK: Computing

  func run<E: Error>(_ compute: (Key) throws(E) -> Value) throws(E) -> Value {
    if let value = awaitLease() { return value }
    let began = cache.timing.now()
    defer { note(since: began) }
    do throws(E) {
      return try compute(key)
    } catch {
      fail()
      throw error
    }
  }

  nonisolated(nonsending) func run<E: Error>(
    _ compute: nonisolated(nonsending) (Key) async throws(E) -> Value
  ) async throws(E) -> Value {
    if let value = await awaitLease() { return value }
    let began = cache.timing.now()
    defer { note(since: began) }
    do throws(E) {
      return try await compute(key)
    } catch {
      fail()
      throw error
    }
  }

  /// A fresh value; nil if another process is at it, or if the computation throws.
  func renew<E: Error>(_ compute: (Key) throws(E) -> Value) -> Value? {
    takeFreeLease() ? try? run(compute) : nil
  }

  nonisolated(nonsending) func renew<E: Error>(
    _ compute: nonisolated(nonsending) (Key) async throws(E) -> Value
  ) async -> Value? {
    takeFreeLease() ? try? await run(compute) : nil
  }

  /// Counted, and over for those who wait in other processes before those of this one hear of it.
  private func fail() {
    cache.backend.note(.loadFailures, 1)
    finish()
  }

  func noteWait() { cache.backend.note(.waits, 1) }

  private func note(since began: UInt64) {
    cache.backend.note(.loads, 1)
    cache.backend.note(.loadNanoseconds, Int(clamping: cache.timing.now() &- began))
  }

  // MARK: Other processes

  private func askForLease() -> LeaseOutcome {
    // Who computes alone must not wait for the lease of the computation that it is part of, or was tired of.
    guard cache.sharesLoads, Computation.innermost?.isAlone != true else { return .none }
    var old: UInt64?
    if case .revision(let revision) = condition { old = revision }
    let outcome = cache.backend.lease(key, limit: Int64(clamping: cache.loadWait), over: old)
    if case .lead(let lease) = outcome { self.lease = lease }
    return outcome
  }

  /// False if another process computes the key.
  private func takeFreeLease() -> Bool { if case .wait = askForLease() { false } else { true } }

  private enum LeaseStep {
    case done(Value?)
    case wait(LeaseWatch, limit: Int64)
  }

  /// Returns the value if another process computes it meanwhile; else this one has the lease, or does without.
  private func awaitLease() -> Value? {
    let began = cache.timing.now()
    var isFirst = true
    while true {
      switch nextStep(since: began, &isFirst) {
      case .done(let value): return value
      case .wait(let watch, let limit):
        if stops(after: watch.waitSync(limit: limit)) { return nil }
      }
    }
  }

  nonisolated(nonsending) private func awaitLease() async -> Value? {
    let began = cache.timing.now()
    var isFirst = true
    while true {
      switch nextStep(since: began, &isFirst) {
      case .done(let value): return value
      case .wait(let watch, let limit):
        // A cancelled task computes, as far as the computation lets it.
        if stops(after: (try? await watch.wait(limit: limit, clock: cache.timing)) ?? .timedOut) { return nil }
      }
    }
  }

  /// Who goes on without the lease of a computation that is under way does not know what is removed meanwhile, and stores
  /// nothing.
  private func stops(after end: LeaseWatchEnd) -> Bool {
    if end == .timedOut { isForeign = true }
    return end != .again
  }

  /// Ends with the waiting limit: each wait is for another process's computation.
  private func nextStep(since began: UInt64, _ isFirst: inout Bool) -> LeaseStep {
    switch purpose {
    case .refreshing: return .done(nil)
    case .forced:
      // What another process computes now is older than this: it may be overwritten.
      if !takeFreeLease() { condition = .always }
      return .done(nil)
    case .missing: break
    }
    if !isFirst, let value = foreignValue() { return .done(value) }
    let limit = Int64(clamping: cache.loadWait) - Int64(clamping: cache.timing.now() &- began)
    switch askForLease() {
    case .none, .lead: return .done(nil)
    case .found: return .done(foreignValue())
    case .wait(let watch):
      guard limit > 0 else { return .done(nil) }
      if isFirst { noteWait() }
      isFirst = false
      return .wait(watch, limit: limit)
    }
  }

  private func foreignValue() -> Value? {
    let value = lookAgain()
    isForeign = value != nil
    return value
  }
}
