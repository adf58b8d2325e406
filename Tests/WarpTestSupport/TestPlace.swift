// SPDX-License-Identifier: Apache-2.0
// Typed caches for tests that run against both places, with a clock that moves only when told to.

import WarpFormat
public import WarpKV

/// A private directory that goes with the object. For tests that are async, or keep a cache in a property.
public final class TestFolder: Sendable {
  public let path: String

  public init() throws { path = try makeTemporaryDirectory() }

  deinit { removeTree(path) }
}

/// Where a test's caches live, and its clock.
public final class TestPlace: Sendable {
  public let backend: Backend
  public let folder: TestFolder
  public let clock: ManualClock

  public init(_ backend: Backend, clock: ManualClock = ManualClock()) throws {
    self.backend = backend
    self.clock = clock
    folder = try TestFolder()
  }

  /// The options, with this place's directory and clock. A thread may be off its core for seconds with a shard in its hands,
  /// so others wait for longer than a program would.
  public func options(_ options: CacheOptions = CacheOptions()) -> CacheOptions {
    var options = options
    options.directory = folder.path
    options.clock = clock.clock
    if options.writerWait == CacheOptions().writerWait { options.writerWait = .seconds(30) }
    return options
  }

  public func cache<Key: Codable & Hashable & Sendable, Value: Codable & Sendable>(
    _ keys: Key.Type = Key.self, _ values: Value.Type = Value.self, name: String = "test", capacity: Int = 128,
    timeToLive: Duration? = nil, options: CacheOptions = CacheOptions()
  ) throws -> Cache<Key, Value> {
    try Cache(
      name, in: .backend(backend), capacity: capacity, timeToLive: timeToLive, options: self.options(options))
  }
}
