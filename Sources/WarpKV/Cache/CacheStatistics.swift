// SPDX-License-Identifier: Apache-2.0
// What a cache did, for both places in the same words.

/// Counters of a cache since it was made or emptied. Those of a shared one are summed over all processes.
public struct CacheStatistics: Equatable, Sendable, CustomStringConvertible {
  /// Gets that found a value, stale ones among them.
  public var hits = 0
  /// Gets that found none, or only an expired one, or one that could not be decoded.
  public var misses = 0
  /// Hits whose value was stale. In a shared place they are noticed by calls that would compute, and by all calls of a cache
  /// that has ``CacheOptions/freshFor``.
  public var staleHits = 0
  /// Gets that gave up because a writer held the shard for too long. Shared places only.
  public var busyMisses = 0
  /// Sets of a key that was not there.
  public var insertions = 0
  /// Sets of a key that was.
  public var updates = 0
  /// Entries given up to make room.
  public var evictions = 0
  /// Entries that left because their time was over.
  public var expirations = 0
  /// Entries removed by `remove`, `take`, or nil.
  public var removals = 0
  /// Keys or values that were too large, or too heavy, to be stored.
  public var oversizeSkips = 0
  /// Keys or values that have no encoding. Shared places only, as the next four.
  public var encodeFailures = 0
  /// Stored bytes that are no value of the asked type.
  public var decodeFailures = 0
  /// Sets given up because another process held the shard for too long.
  public var busySets = 0
  /// Sets given up because the file system was full.
  public var noSpaceSets = 0
  /// Sets given up because the store was full and does not evict.
  public var fullSets = 0
  /// Computations that were run for a miss or a refresh.
  public var loads = 0
  /// Those of them that threw.
  public var loadFailures = 0
  /// How long all of them took.
  public var loadTime = Duration.zero
  /// Callers that waited for another's computation.
  public var waits = 0
  /// Extra rounds of gets that met a change. Shared places only.
  public var retries = 0
  /// Shards rebuilt after their owner had died. Shared places only.
  public var recoveries = 0
  /// Entries now, expired ones that nobody has noticed yet among them.
  public var count = 0
  /// Entries that it can hold.
  public var capacity = 0
  /// Of all entries, in the weigher's unit; 0 without one.
  public var weight = 0
  /// Bytes that tables and slots take: in memory without what keys and values refer to, in a file as the file system
  /// allocated them.
  public var allocatedBytes = 0
  /// Bytes that compression saved, of all values that were stored compressed. Shared places only.
  public var savedBytes = 0

  /// All zero.
  public init() {}

  /// Hits in all gets, 0 if there were none.
  public var hitRatio: Double {
    let gets = Double(hits) + Double(misses) + Double(busyMisses)
    return gets == 0 ? 0 : Double(hits) / gets
  }

  public var description: String {
    "hits \(hits), misses \(misses), capacity \(capacity), count \(count), oversize skips \(oversizeSkips)"
  }
}
