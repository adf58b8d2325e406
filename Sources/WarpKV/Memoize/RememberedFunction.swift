// SPDX-License-Identifier: Apache-2.0
// What a sync and an async cached function have in common: all but the call and the refresh.
//
// A call's arguments are one key. One argument is its own key; several are a value of one of the types in Arguments.swift,
// which are encoded as tuples. So each member comes once for each number of arguments: none, one, two, three, more.

// `statistics` comes once for each kind of trouble, because Swift 6.3 crashes on a getter that throws a generic error type
// which turns out to be Never.

/// A function whose results are kept in a ``Cache``.
///
/// `Trouble` is what its store can throw at those who manage it: `Never` in memory, ``WarpError`` elsewhere. Calls never
/// throw it.
public protocol RememberedFunction<Arguments, Output, Trouble>: Sendable {
  /// All arguments as one key.
  associatedtype Arguments: Hashable & Sendable
  /// What the function returns.
  associatedtype Output: Sendable
  /// What its store can throw at those who manage it.
  associatedtype Trouble: Error

  /// The entries, by arguments.
  var cache: Cache<Arguments, Output> { get }
}

extension RememberedFunction {
  /// Forgets every result and resets the counters. Computations that are under way are not stored.
  public func removeAll() throws(Trouble) { try managing { () throws(WarpError) in try cache.removeAll() } }

  /// Forgets the result for these arguments. A computation of it that is under way is not stored.
  public func invalidate(_ arguments: Arguments) throws(Trouble) {
    try managing { () throws(WarpError) in _ = try cache.remove(arguments) }
  }

  /// See ``invalidate(_:)-(Self.Arguments)``.
  public func invalidate<A, B>(_ first: A, _ second: B) throws(Trouble) where Arguments == Arguments2<A, B> {
    try invalidate(Arguments2(first, second))
  }

  /// See ``invalidate(_:)-(Self.Arguments)``.
  public func invalidate<A, B, C>(_ first: A, _ second: B, _ third: C) throws(Trouble)
  where Arguments == Arguments3<A, B, C> {
    try invalidate(Arguments3(first, second, third))
  }

  /// See ``invalidate(_:)-(Self.Arguments)``.
  public func invalidate<each A>(_ arguments: repeat each A) throws(Trouble)
  where Arguments == ArgumentPack<repeat each A> {
    try invalidate(ArgumentPack(repeat each arguments))
  }

  /// The result for these arguments if it is there; computes nothing, counts nothing, keeps nothing from being evicted.
  public func peek(_ arguments: Arguments) throws(Trouble) -> Output? {
    try managing { () throws(WarpError) in try cache.peek(arguments)?.value }
  }

  /// See ``peek(_:)-(Self.Arguments)``.
  public func peek<A, B>(_ first: A, _ second: B) throws(Trouble) -> Output?
  where Arguments == Arguments2<A, B> {
    try peek(Arguments2(first, second))
  }

  /// See ``peek(_:)-(Self.Arguments)``.
  public func peek<A, B, C>(_ first: A, _ second: B, _ third: C) throws(Trouble) -> Output?
  where Arguments == Arguments3<A, B, C> {
    try peek(Arguments3(first, second, third))
  }

  /// See ``peek(_:)-(Self.Arguments)``.
  public func peek<each A>(_ arguments: repeat each A) throws(Trouble) -> Output?
  where Arguments == ArgumentPack<repeat each A> {
    try peek(ArgumentPack(repeat each arguments))
  }

  private func managing<Result>(_ body: () throws(WarpError) -> Result) throws(Trouble) -> Result {
    do throws(WarpError) {
      return try body()
    } catch {
      guard let trouble = error as? Trouble else { preconditionFailure("trouble with a cache in memory: \(error)") }
      throw trouble
    }
  }
}

extension RememberedFunction where Trouble == Never {
  /// Hits, misses, capacity, count, oversize skips and more; prints the first five. O(shards).
  public var statistics: CacheStatistics {
    do throws(WarpError) { return try cache.statistics() } catch { preconditionFailure("in memory: \(error)") }
  }
}

extension RememberedFunction where Trouble == WarpError {
  /// The same, of all processes.
  ///
  /// - Throws: `busy`, `closed`, `superseded`.
  public var statistics: CacheStatistics { get throws(WarpError) { try cache.statistics() } }
}
