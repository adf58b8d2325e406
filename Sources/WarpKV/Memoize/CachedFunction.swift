// SPDX-License-Identifier: Apache-2.0
// The sync cached function.

/// A function that remembers its results. Make one with `cached`.
///
/// ```swift
/// let area = cached(capacity: 128) { (w: Int, h: Int) in slowArea(w, h) }
/// print(area(3, 4))
/// ```
///
/// A call returns the remembered result, or runs the function and remembers what it returns. What it throws is thrown and
/// never remembered. Callers who miss the same arguments at the same time share one run, and its error if it throws; see
/// ``CacheOptions/singleFlight``. A call never fails because of the cache: a result that can't be stored is returned
/// all the same, and `statistics` counts it by its reason.
///
/// A function may call itself, also with the same arguments: that call runs at once, and only the outer one is
/// remembered.
///
/// Complexity: a hit is that of ``Cache``, a miss that and the function.
///
/// Thread-safety: may be called from any thread at any time. A call blocks while the function, or another caller's run
/// of it, takes its time.
public struct CachedFunction<Arguments: Hashable & Sendable, Output: Sendable, Failure: Error, Trouble: Error>:
  RememberedFunction
{
  public let cache: Cache<Arguments, Output>
  @usableFromInline let function: @Sendable (Arguments) throws(Failure) -> Output

  init(_ cache: Cache<Arguments, Output>, _ function: @escaping @Sendable (Arguments) throws(Failure) -> Output) {
    self.cache = cache
    self.function = function
  }

  // MARK: Calls

  /// The result for these arguments, remembered or computed now. O(1) if it is in memory.
  ///
  /// - Throws: what the function throws.
  @inlinable @inline(__always)
  public func callAsFunction(_ arguments: Arguments) throws(Failure) -> Output {
    try cache.value(for: arguments, function)
  }

  /// See ``callAsFunction(_:)-(Arguments)``.
  @inlinable @inline(__always)
  public func callAsFunction<A, B>(_ first: A, _ second: B) throws(Failure) -> Output
  where Arguments == Arguments2<A, B> {
    try self(Arguments2(first, second))
  }

  /// See ``callAsFunction(_:)-(Arguments)``.
  @inlinable @inline(__always)
  public func callAsFunction<A, B, C>(_ first: A, _ second: B, _ third: C) throws(Failure) -> Output
  where Arguments == Arguments3<A, B, C> {
    try self(Arguments3(first, second, third))
  }

  /// See ``callAsFunction(_:)-(Arguments)``.
  @inlinable @inline(__always)
  public func callAsFunction<each A>(_ arguments: repeat each A) throws(Failure) -> Output
  where Arguments == ArgumentPack<repeat each A> {
    try self(ArgumentPack(repeat each arguments))
  }

  // MARK: Refreshing

  /// Runs the function now, whatever is remembered, and remembers what it returns. If it throws, what was remembered stays.
  @discardableResult
  public func refresh(_ arguments: Arguments) throws(Failure) -> Output {
    try cache.refresh(arguments, function)
  }

  /// See ``refresh(_:)-(Arguments)``.
  @discardableResult
  public func refresh<A, B>(_ first: A, _ second: B) throws(Failure) -> Output
  where Arguments == Arguments2<A, B> {
    try refresh(Arguments2(first, second))
  }

  /// See ``refresh(_:)-(Arguments)``.
  @discardableResult
  public func refresh<A, B, C>(_ first: A, _ second: B, _ third: C) throws(Failure) -> Output
  where Arguments == Arguments3<A, B, C> {
    try refresh(Arguments3(first, second, third))
  }

  /// See ``refresh(_:)-(Arguments)``.
  @discardableResult
  public func refresh<each A>(_ arguments: repeat each A) throws(Failure) -> Output
  where Arguments == ArgumentPack<repeat each A> {
    try refresh(ArgumentPack(repeat each arguments))
  }
}
