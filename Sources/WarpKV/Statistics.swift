// SPDX-License-Identifier: Apache-2.0
// What a store did since its counters were reset, summed over every process.

public import WarpFormat

/// Counters of a shared store, of all processes together. After a kill they may miss the last operations.
public struct StoreStatistics: Equatable, Sendable, CustomStringConvertible {
  /// Gets that found a value.
  public var hits: Int
  /// Gets that proved there was none, or only an expired one.
  public var misses: Int
  /// Gets that gave up because a writer held the shard for too long.
  public var busyMisses: Int
  /// Sets of a key that was not there.
  public var insertions: Int
  /// Sets of a key that was.
  public var updates: Int
  /// Entries given up to make room.
  public var evictions: Int
  /// Entries that left because their time was over.
  public var expirations: Int
  /// Entries removed by `remove`, `take` or an update.
  public var removals: Int
  /// Values too large to be stored.
  public var oversizeSkips: Int
  /// Gets that met bytes that contradict their checksum or frame.
  public var corrupt: Int
  /// Extra rounds of gets that met a change.
  public var retries: Int
  /// Shards rebuilt after their owner had died.
  public var recoveries: Int
  /// Bytes before compression of the values that were stored compressed.
  public var compressedFrom: Int
  /// Bytes of the same values as they are stored.
  public var compressedTo: Int
  /// Hits whose time to be fresh was over, as far as the gets asked for that.
  public var staleHits: Int
  /// Keys or values that had no encoding.
  public var encodeFailures: Int
  /// Stored values that were not of the type that was asked for.
  public var decodeFailures: Int
  /// Computations of values that were missing or stale.
  public var loads: Int
  /// Computations that gave no value.
  public var loadFailures: Int
  /// How long all computations took.
  public var loadTime: Duration
  /// Callers that waited for another's computation.
  public var waits: Int
  /// Writes that failed with `busy`.
  public var busySets: Int
  /// Writes that failed with `noSpace`.
  public var noSpaceSets: Int
  /// Writes that failed with `full`.
  public var fullSets: Int
  /// Entries in the store now.
  public var count: Int
  /// Entries that it can hold.
  public var capacity: Int
  /// Bytes of all keys and stored values now.
  public var storedBytes: Int
  /// Bytes that the file system has allocated for the data file and the lock file.
  public var allocatedBytes: Int
  /// Whether somebody took the files' name away without deleting the store, as `rm` does: this handle and others that have
  /// it open go on with it, and those who open the name get another. Close the handle and open it again.
  public var isOrphaned: Bool

  /// Hits in all gets, 0 if there were none.
  public var hitRatio: Double {
    let gets = Double(hits) + Double(misses) + Double(busyMisses)
    return gets == 0 ? 0 : Double(hits) / gets
  }

  /// Bytes that compression has saved so far.
  public var savedBytes: Int { compressedFrom &- compressedTo }

  public var description: String {
    "hits \(hits), misses \(misses), count \(count) of \(capacity), evictions \(evictions), expirations "
      + "\(expirations), oversize skips \(oversizeSkips)"
  }
}

extension SharedStore {
  /// Sums the counters. O(shards + stripes); other processes may be counting meanwhile.
  ///
  /// - Throws: `closed`, `superseded`, `system`.
  public func statistics() throws(WarpError) -> StoreStatistics {
    try withCurrent(reads: true) { (file) throws(WarpError) in try statistics(of: file) }
  }

  private func statistics(of file: Attachment) throws(WarpError) -> StoreStatistics {
    let values = file.counters()
    func number(_ counter: Counter) -> Int { Int(truncatingIfNeeded: values[counter]) }
    let allocated = try file.allocatedBytes()
    return StoreStatistics(
      hits: number(.hits), misses: number(.misses), busyMisses: number(.busyMisses),
      insertions: number(.insertions), updates: number(.updates), evictions: number(.evictions),
      expirations: number(.expirations), removals: number(.removals), oversizeSkips: number(.oversizeSkips),
      corrupt: number(.corrupt), retries: number(.retries), recoveries: number(.recoveries),
      compressedFrom: number(.compressedFrom), compressedTo: number(.compressedTo), staleHits: number(.staleHits),
      encodeFailures: number(.encodeFailures), decodeFailures: number(.decodeFailures), loads: number(.loads),
      loadFailures: number(.loadFailures), loadTime: .nanoseconds(number(.loadNanoseconds)), waits: number(.waits),
      busySets: number(.busySets), noSpaceSets: number(.noSpaceSets), fullSets: number(.fullSets),
      count: file.shards.reduce(0) { $0 + $1.count }, capacity: file.header.geometry.capacity,
      storedBytes: file.storedBytes, allocatedBytes: allocated.data + allocated.lock,
      isOrphaned: try !file.isNamed())
  }

  /// Bytes of all keys and stored values. O(shards).
  ///
  /// - Throws: `closed`, `superseded`, `busy`.
  public var storedBytes: Int {
    get throws(WarpError) { try withCurrent(reads: true) { (file) throws(WarpError) in file.storedBytes } }
  }
}

extension Attachment {
  fileprivate var storedBytes: Int {
    Int(truncatingIfNeeded: shards.reduce(0) { $0 &+ $1.storedBytes })
  }
}
