// SPDX-License-Identifier: Apache-2.0
// `cached("name", in: .shared) { … }`: the same in any place. The place carries what its types must be able to do, so that
// there need not be an overload for each kind of type. (The places of one argument and of a list of one argument are equally
// special to the compiler, so those for lists stand back.)

public import WarpFormat

/// A function that remembers its results in a place, such as `.shared`: a file for all processes of this user.
///
/// ```swift
/// let embedding = try cached("embedding", in: .shared, capacity: 100_000) { (text: String) async throws -> [Float] in
///   try await model.embed(text)
/// }
/// ```
///
/// - Parameters:
///   - name: of the store. It is shared with all functions of the same name, namespace, version and types; see
///     ``CacheOptions/namespace``.
///   - place: where results are kept.
///   - capacity: results, 1 to 2^31.
///   - timeToLive: of each result; nil: until it is evicted.
///   - options: everything else.
///   - fileID: leave it alone; its module is the default namespace.
///   - function: runs in its caller's thread or task.
/// - Throws: what ``Cache/init(_:in:capacity:timeToLive:options:fileID:)`` throws. Calls throw only what the function throws.
public func cached<A, Output, Failure>(
  _ name: String, in place: CachePlace<A, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (A) throws(Failure) -> Output
) throws(WarpError) -> CachedFunction<A, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return CachedFunction(cache, function)
}

/// See ``cached(_:in:capacity:timeToLive:options:fileID:_:)``.
public func cached<A, B, Output, Failure>(
  _ name: String, in place: CachePlace<Arguments2<A, B>, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (A, B) throws(Failure) -> Output
) throws(WarpError) -> CachedFunction<Arguments2<A, B>, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return CachedFunction(cache) { (arguments) throws(Failure) in try function(arguments.first, arguments.second) }
}

/// See ``cached(_:in:capacity:timeToLive:options:fileID:_:)``.
public func cached<A, B, C, Output, Failure>(
  _ name: String, in place: CachePlace<Arguments3<A, B, C>, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (A, B, C) throws(Failure) -> Output
) throws(WarpError) -> CachedFunction<Arguments3<A, B, C>, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return CachedFunction(cache) { (arguments) throws(Failure) in
    try function(arguments.first, arguments.second, arguments.third)
  }
}

/// See ``cached(_:in:capacity:timeToLive:options:fileID:_:)``.
@_disfavoredOverload
public func cached<each A, Output, Failure>(
  _ name: String, in place: CachePlace<ArgumentPack<repeat each A>, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (repeat each A) throws(Failure) -> Output
) throws(WarpError) -> CachedFunction<ArgumentPack<repeat each A>, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return CachedFunction(cache) { (arguments) throws(Failure) in try function(repeat each arguments.values) }
}

/// See ``cached(_:in:capacity:timeToLive:options:fileID:_:)``.
public func cached<A, Output, Failure>(
  _ name: String, in place: CachePlace<A, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (A) async throws(Failure) -> Output
) throws(WarpError) -> AsyncCachedFunction<A, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return AsyncCachedFunction(cache, function)
}

/// See ``cached(_:in:capacity:timeToLive:options:fileID:_:)``.
public func cached<A, B, Output, Failure>(
  _ name: String, in place: CachePlace<Arguments2<A, B>, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (A, B) async throws(Failure) -> Output
) throws(WarpError) -> AsyncCachedFunction<Arguments2<A, B>, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return AsyncCachedFunction(cache) { (arguments) async throws(Failure) in
    try await function(arguments.first, arguments.second)
  }
}

/// See ``cached(_:in:capacity:timeToLive:options:fileID:_:)``.
public func cached<A, B, C, Output, Failure>(
  _ name: String, in place: CachePlace<Arguments3<A, B, C>, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (A, B, C) async throws(Failure) -> Output
) throws(WarpError) -> AsyncCachedFunction<Arguments3<A, B, C>, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return AsyncCachedFunction(cache) { (arguments) async throws(Failure) in
    try await function(arguments.first, arguments.second, arguments.third)
  }
}

/// See ``cached(_:in:capacity:timeToLive:options:fileID:_:)``.
@_disfavoredOverload
public func cached<each A, Output, Failure>(
  _ name: String, in place: CachePlace<ArgumentPack<repeat each A>, Output>, capacity: Int = Format.defaultCapacity,
  timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID,
  _ function: @escaping @Sendable (repeat each A) async throws(Failure) -> Output
) throws(WarpError) -> AsyncCachedFunction<ArgumentPack<repeat each A>, Output, Failure, WarpError> {
  let cache = try Cache(
    name, in: place, capacity: capacity, timeToLive: timeToLive, options: options, fileID: fileID)
  return AsyncCachedFunction(cache) { (arguments) async throws(Failure) in
    try await function(repeat each arguments.values)
  }
}
