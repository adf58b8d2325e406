// SPDX-License-Identifier: Apache-2.0
// `cached { … }` in this process. One overload for each number of arguments up to three, where a plain struct is a
// faster key than a parameter pack, and one for all others; each sync and async.

public import WarpFormat

/// A function that remembers its results in this process: at most `capacity` of them, each for `timeToLive`.
///
/// ```swift
/// let area = cached(capacity: 128) { (w: Int, h: Int) in slowArea(w, h) }
/// ```
///
/// The function may have any number of `Hashable` arguments, none included, may throw, and may be async.
///
/// - Precondition: a capacity from 1 to 2^31 and valid options. `cached(_:in:)` throws instead.
public func cached<A, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (A) throws(Failure) -> Output
) -> CachedFunction<A, Output, Failure, Never> {
  let cache = Cache<A, Output>(capacity: capacity, timeToLive: timeToLive, options: options)
  return CachedFunction(cache, function)
}

/// See ``cached(capacity:timeToLive:options:_:)``.
public func cached<A, B, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (A, B) throws(Failure) -> Output
) -> CachedFunction<Arguments2<A, B>, Output, Failure, Never> {
  let cache = Cache<Arguments2<A, B>, Output>(capacity: capacity, timeToLive: timeToLive, options: options)
  return CachedFunction(cache) { (arguments) throws(Failure) in try function(arguments.first, arguments.second) }
}

/// See ``cached(capacity:timeToLive:options:_:)``.
public func cached<A, B, C, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (A, B, C) throws(Failure) -> Output
) -> CachedFunction<Arguments3<A, B, C>, Output, Failure, Never> {
  let cache = Cache<Arguments3<A, B, C>, Output>(capacity: capacity, timeToLive: timeToLive, options: options)
  return CachedFunction(cache) { (arguments) throws(Failure) in
    try function(arguments.first, arguments.second, arguments.third)
  }
}

/// See ``cached(capacity:timeToLive:options:_:)``.
public func cached<each A, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (repeat each A) throws(Failure) -> Output
) -> CachedFunction<ArgumentPack<repeat each A>, Output, Failure, Never> {
  let cache = Cache<ArgumentPack<repeat each A>, Output>(
    capacity: capacity, timeToLive: timeToLive, options: options)
  return CachedFunction(cache) { (arguments) throws(Failure) in try function(repeat each arguments.values) }
}

/// See ``cached(capacity:timeToLive:options:_:)``.
public func cached<A, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (A) async throws(Failure) -> Output
) -> AsyncCachedFunction<A, Output, Failure, Never> {
  let cache = Cache<A, Output>(capacity: capacity, timeToLive: timeToLive, options: options)
  return AsyncCachedFunction(cache, function)
}

/// See ``cached(capacity:timeToLive:options:_:)``.
public func cached<A, B, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (A, B) async throws(Failure) -> Output
) -> AsyncCachedFunction<Arguments2<A, B>, Output, Failure, Never> {
  let cache = Cache<Arguments2<A, B>, Output>(capacity: capacity, timeToLive: timeToLive, options: options)
  return AsyncCachedFunction(cache) { (arguments) async throws(Failure) in
    try await function(arguments.first, arguments.second)
  }
}

/// See ``cached(capacity:timeToLive:options:_:)``.
public func cached<A, B, C, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (A, B, C) async throws(Failure) -> Output
) -> AsyncCachedFunction<Arguments3<A, B, C>, Output, Failure, Never> {
  let cache = Cache<Arguments3<A, B, C>, Output>(capacity: capacity, timeToLive: timeToLive, options: options)
  return AsyncCachedFunction(cache) { (arguments) async throws(Failure) in
    try await function(arguments.first, arguments.second, arguments.third)
  }
}

/// See ``cached(capacity:timeToLive:options:_:)``.
public func cached<each A, Output, Failure>(
  capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(),
  _ function: @escaping @Sendable (repeat each A) async throws(Failure) -> Output
) -> AsyncCachedFunction<ArgumentPack<repeat each A>, Output, Failure, Never> {
  let cache = Cache<ArgumentPack<repeat each A>, Output>(
    capacity: capacity, timeToLive: timeToLive, options: options)
  return AsyncCachedFunction(cache) { (arguments) async throws(Failure) in
    try await function(repeat each arguments.values)
  }
}
