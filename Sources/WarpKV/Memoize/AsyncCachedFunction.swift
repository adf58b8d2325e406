// SPDX-License-Identifier: Apache-2.0
// The async cached function. A hit completes without suspension; a miss runs the function in the caller's task, where the
// function itself decides on which actor it runs. Only a refresh of a stale result runs in a task of its own.

/// An async function that remembers its results. Make one with `cached`.
///
/// It is as ``CachedFunction``, and:
///
/// - A hit does not suspend.
/// - Callers who wait for another's run suspend, and block no thread. A cancelled one leaves at once: it throws
///   `CancellationError` if the function `throws` any error, and else runs the function itself. A cancelled run whose
///   function threw is handed over to one of those who wait for it.
/// - A stale result is returned at once, and a task of its own computes it anew; one on this host for each key.
///
/// Thread-safety: may be called from any task at any time.
public struct AsyncCachedFunction<
  Arguments: Hashable & Sendable, Output: Sendable, Failure: Error, Trouble: Error
>: RememberedFunction {
  public let cache: Cache<Arguments, Output>
  @usableFromInline let function: @Sendable (Arguments) async throws(Failure) -> Output

  init(
    _ cache: Cache<Arguments, Output>, _ function: @escaping @Sendable (Arguments) async throws(Failure) -> Output
  ) {
    self.cache = cache
    self.function = function
  }

  // MARK: Calls

  /// The result for these arguments, remembered or computed now. A hit does not suspend.
  ///
  /// - Throws: what the function throws; `CancellationError`, if it `throws` any error and the waiting task is cancelled.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func callAsFunction(_ arguments: Arguments) async throws(Failure) -> Output {
    try await cache.remembered(arguments, function)
  }

  /// See ``callAsFunction(_:)-(Arguments)``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func callAsFunction<A, B>(_ first: A, _ second: B) async throws(Failure) -> Output
  where Arguments == Arguments2<A, B> {
    try await self(Arguments2(first, second))
  }

  /// See ``callAsFunction(_:)-(Arguments)``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func callAsFunction<A, B, C>(_ first: A, _ second: B, _ third: C)
    async throws(Failure) -> Output
  where Arguments == Arguments3<A, B, C> {
    try await self(Arguments3(first, second, third))
  }

  /// See ``callAsFunction(_:)-(Arguments)``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func callAsFunction<each A>(_ arguments: repeat each A) async throws(Failure)
    -> Output
  where Arguments == ArgumentPack<repeat each A> {
    try await self(ArgumentPack(repeat each arguments))
  }

  // MARK: Refreshing

  /// Runs the function now, whatever is remembered, and remembers what it returns. If it throws, what was remembered stays.
  @discardableResult
  nonisolated(nonsending) public func refresh(_ arguments: Arguments) async throws(Failure) -> Output {
    try await cache.refresh(arguments, function)
  }

  /// See ``refresh(_:)-(Arguments)``.
  @discardableResult
  nonisolated(nonsending) public func refresh<A, B>(_ first: A, _ second: B) async throws(Failure) -> Output
  where Arguments == Arguments2<A, B> {
    try await refresh(Arguments2(first, second))
  }

  /// See ``refresh(_:)-(Arguments)``.
  @discardableResult
  nonisolated(nonsending) public func refresh<A, B, C>(_ first: A, _ second: B, _ third: C) async throws(Failure)
    -> Output
  where Arguments == Arguments3<A, B, C> {
    try await refresh(Arguments3(first, second, third))
  }

  /// See ``refresh(_:)-(Arguments)``.
  @discardableResult
  nonisolated(nonsending) public func refresh<each A>(_ arguments: repeat each A) async throws(Failure) -> Output
  where Arguments == ArgumentPack<repeat each A> {
    try await refresh(ArgumentPack(repeat each arguments))
  }
}
