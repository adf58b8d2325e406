// SPDX-License-Identifier: Apache-2.0
// Writing to a typed cache.
//
// - Detach first, then write: a flight that is detached stores nothing any more, and one that begins after that sees what is
//   written, or stores only if the key is still as it found it.

import Synchronization
public import WarpFormat

extension Cache {
  /// Stores a value. In a shared place every process sees it when this returns.
  ///
  /// - Parameters:
  ///   - key: encoded, if the place is shared.
  ///   - value: kept as it is in memory, else encoded.
  ///   - timeToLive: from now on; nil: by the cache's rules.
  /// - Throws: `invalidTimeToLive`; shared: `keyTooLarge`, `notEncodable`; `busy`, `full`, `noSpace`: an older value then stays;
  ///   `closed`, `superseded`.
  /// - Complexity: O(1) amortised; shared plus O(key + value).
  @inlinable
  @discardableResult
  public func set(_ key: Key, to value: Value, timeToLive: Duration? = nil) throws(WarpError) -> SetResult {
    guard let memory else { return try write(key, value, timeToLive, .always) }
    return try memorySet(memory, key, value, timeToLive)
  }

  /// Compiled with the program, for its types: generic code, which asks for their layout at each step, takes several times
  /// as long.
  @inlinable @inline(never)
  @discardableResult
  func memorySet(
    _ memory: MemoryBackend<Key, Value>, _ key: Key, _ value: Value, _ timeToLive: Duration?
  ) throws(WarpError) -> SetResult {
    let lifetime = try lifetime(of: value, timeToLive)
    detach(key)
    return memory.set(key, to: value, lifetime: lifetime)
  }

  /// The same.
  @inlinable @inline(never)
  @discardableResult
  func memoryRemove(_ memory: MemoryBackend<Key, Value>, _ key: Key) -> Bool {
    detach(key)
    return memory.remove(key) != nil
  }

  @inlinable @inline(__always)
  func lifetime(of value: Value, _ timeToLive: Duration?) throws(WarpError) -> Lifetime {
    if timeToLive == nil, let commonLifetime { return commonLifetime }
    return try lifetimeByRules(value, timeToLive)
  }

  @usableFromInline
  func lifetimeByRules(_ value: Value, _ timeToLive: Duration?) throws(WarpError) -> Lifetime {
    try lifetimes.lifetime(of: value, timeToLive: timeToLive)
  }

  /// Stores a value only if the key has none: of several callers, in all processes, one succeeds.
  ///
  /// - Returns: whether it was stored.
  /// - Throws: as ``set(_:to:timeToLive:)``.
  @discardableResult
  public func add(_ key: Key, _ value: Value, timeToLive: Duration? = nil) throws(WarpError) -> Bool {
    let result = try write(key, value, timeToLive, .absent)
    // Bytes that are no value of this type count as none.
    guard result == .refused, case .undecodable(let revision) = try backend.find(key, counting: false) else {
      return result == .stored
    }
    return try write(key, value, timeToLive, .revision(revision)) == .replaced
  }

  /// Stores a value only if nobody has written the key since the entry with this revision was read.
  ///
  /// - Returns: whether it was stored.
  /// - Throws: as ``set(_:to:timeToLive:)``.
  @discardableResult
  public func replace(
    _ key: Key, with value: Value, ifRevision revision: UInt64, timeToLive: Duration? = nil
  ) throws(WarpError) -> Bool {
    try write(key, value, timeToLive, .revision(revision)) == .replaced
  }

  /// Stores several values.
  ///
  /// - Throws: as ``set(_:to:timeToLive:)``; those before the one that failed are stored.
  public func setMany(_ values: [(key: Key, value: Value)], timeToLive: Duration? = nil) throws(WarpError) {
    var entries: [(key: Key, value: Value, lifetime: Lifetime)] = []
    entries.reserveCapacity(values.count)
    for (key, value) in values {
      entries.append((key, value, try lifetimes.lifetime(of: value, timeToLive: timeToLive)))
    }
    for (key, _) in values { detach(key) }
    try backend.setMany(entries)
  }

  @usableFromInline
  func write(
    _ key: Key, _ value: Value, _ timeToLive: Duration?, _ condition: SetCondition
  ) throws(WarpError) -> SetResult {
    let lifetime = try lifetimes.lifetime(of: value, timeToLive: timeToLive)
    detach(key)
    return try backend.set(key, to: value, lifetime: lifetime, if: condition, lease: nil)
  }

  /// Gives an entry a new lifetime from now on; nil: by the cache's rules.
  ///
  /// - Returns: whether there was a value.
  /// - Throws: as ``set(_:to:timeToLive:)``.
  @discardableResult
  public func touch(_ key: Key, timeToLive: Duration? = nil) throws(WarpError) -> Bool {
    // A value's own rules (that of nil) need the value.
    guard let entry = try peek(key) else { return false }
    return try backend.touch(key, lifetime: lifetimes.lifetime(of: entry.value, timeToLive: timeToLive))
  }

  /// Removes a value and returns it: of several callers, in all processes, one gets it.
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  public func take(_ key: Key) throws(WarpError) -> Value? {
    detach(key)
    return try backend.take(key)
  }

  /// Removes a key. A computation of it that is under way is not stored.
  ///
  /// - Returns: whether it had a value.
  /// - Throws: `busy`, `closed`, `superseded`.
  @inlinable
  @discardableResult
  public func remove(_ key: Key) throws(WarpError) -> Bool {
    if let memory { return memoryRemove(memory, key) }
    return try removeEntry(key)
  }

  @usableFromInline
  func removeEntry(_ key: Key) throws(WarpError) -> Bool {
    detach(key)
    return try backend.removeEntry(key, ifRevision: nil)
  }

  /// Removes every entry and resets the counters. Computations that are under way are not stored.
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  /// - Complexity: O(capacity).
  public func removeAll() throws(WarpError) {
    flights.detachAll()
    try backend.removeAll()
  }

  /// Changes the value of a key, whatever others do meanwhile: the closure gets the value, or nil if there is none, and
  /// what it leaves is stored if nobody wrote the key since; otherwise it is run again. Nil removes the key.
  ///
  /// - Parameters:
  ///   - key: whose value is changed.
  ///   - timeToLive: of what is stored, from then on; nil: by the cache's rules.
  ///   - body: runs without a lock, maybe several times. It may use the cache.
  /// - Returns: what the closure's last run returned.
  /// - Throws: what `body` throws; as ``set(_:to:timeToLive:)``; `invalidValueSize` if the new value is too large; `busy`, in
  ///   memory too, after 1,000 runs in vain.
  @discardableResult
  public func update<Result>(
    _ key: Key, timeToLive: Duration? = nil, _ body: (inout Value?) throws -> Result
  ) throws -> Result {
    try change(key, timeToLive, keepsDeadline: false, body)
  }

  /// - Parameter keepsDeadline: whether an entry that is there keeps the end of its life.
  fileprivate func change<Result>(
    _ key: Key, _ timeToLive: Duration?, keepsDeadline: Bool, _ body: (inout Value?) throws -> Result
  ) throws -> Result {
    for _ in 0..<Format.updateTries {
      var value: Value?
      var condition = SetCondition.absent
      var kept: Lifetime?
      switch try backend.find(key, counting: false) {
      case .entry(let entry):
        (value, condition) = (entry.value, .revision(entry.revision))
        if keepsDeadline {
          kept = Lifetime(whole: try MemoryTime.lifetime(entry.remaining.map { max($0, .nanoseconds(1)) }))
        }
      case .undecodable(let revision): condition = .revision(revision)
      case .miss: break
      case .busy: throw WarpError(.busy, "a writer is in the way for longer than a reader waits: try again")
      }
      let result = try body(&value)
      if try finish(key, value, kept, timeToLive, condition) { return result }
    }
    throw WarpError(.busy, "others changed the key between each reading and writing: try again")
  }

  /// Whether the update could be carried out.
  private func finish(
    _ key: Key, _ value: Value?, _ kept: Lifetime?, _ timeToLive: Duration?, _ condition: SetCondition
  ) throws(WarpError) -> Bool {
    guard let value else {
      guard case .revision(let revision) = condition else { return true }
      detach(key)
      return try backend.removeEntry(key, ifRevision: revision)
    }
    let lifetime = if let kept { kept } else { try lifetimes.lifetime(of: value, timeToLive: timeToLive) }
    detach(key)
    let result = try backend.set(key, to: value, lifetime: lifetime, if: condition, lease: nil)
    if result == .skipped {
      throw WarpError(.invalidValueSize, "what the update left is too large to be stored; the older value is gone")
    }
    return result != .refused
  }

  @usableFromInline
  func lenientSet(_ key: Key, _ value: Value?) {
    // The backend has counted why, if it was not carried out; nobody can count for a closed one.
    do throws(WarpError) {
      if let value { try set(key, to: value) } else { try remove(key) }
    } catch {
      if error.code == .closed { closedTally.add() }
    }
  }
}

extension Cache where Value: FixedWidthInteger {
  /// Adds to a number; nothing that others add at the same time is lost. A missing one counts as 0, and lives by the rules
  /// or for `timeToLive`; one that is there keeps the end of its life, so that a count over a span of time ends with it.
  ///
  /// - Returns: the sum.
  /// - Throws: `integerOverflow`, and nothing is changed; as ``set(_:to:timeToLive:)``; `busy` after 1,000 tries in vain.
  @discardableResult
  public func increment(_ key: Key, by amount: Value = 1, timeToLive: Duration? = nil) throws(WarpError) -> Value {
    do {
      return try change(key, timeToLive, keepsDeadline: true) { value in
        let (sum, overflow) = (value ?? 0).addingReportingOverflow(amount)
        guard !overflow else {
          throw WarpError(.integerOverflow, "\(value ?? 0) and \(amount) are more than \(Value.self) can hold")
        }
        value = sum
        return sum
      }
    } catch let error as WarpError {
      throw error
    } catch {
      preconditionFailure("the closure throws nothing else")
    }
  }
}

/// A number that threads add to.
final class Tally: Sendable {
  private let value = Atomic<Int>(0)

  func add() { value.wrappingAdd(1, ordering: .relaxed) }
  var count: Int { value.load(ordering: .relaxed) }
}
