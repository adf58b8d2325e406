// SPDX-License-Identifier: Apache-2.0
// The numbers of a replay, and the one conclusion drawn from them: what the limit was.

import ReplaySupport
import WarpKV

struct Outcome {
  /// One worker's part.
  struct Share {
    var tally: Board.Tally
    var nanoseconds: Int

    var requestsPerSecond: Double { Double(tally.requests) / (Double(max(nanoseconds, 1)) / 1e9) }
  }

  let trace: String
  let requests: Int
  let uniques: Int
  let workers: Int
  /// Of the store; nil if the cache is in this process.
  var path: String?
  /// What an exact SIEVE over one queue misses at this capacity.
  var sieveMisses = 0
  var tallies: [Share] = []
  /// From the moment all workers were let go to the end of the last.
  var nanoseconds = 0
  var evictions = 0
  var count = 0
  var capacity = 0
  var shards = 0
  var storedBytes = 0
  var allocatedBytes = 0

  init(trace: String, requests: Int, uniques: Int, workers: Int) {
    self.trace = trace
    self.requests = requests
    self.uniques = uniques
    self.workers = workers
  }

  mutating func take(_ statistics: StoreStatistics, shards: Int) {
    evictions = statistics.evictions
    count = statistics.count
    capacity = statistics.capacity
    storedBytes = statistics.storedBytes
    allocatedBytes = statistics.allocatedBytes
    self.shards = shards
  }

  /// All but the stored bytes: only who knows the keys and values can count them.
  mutating func take(_ statistics: CacheStatistics, shards: Int) {
    evictions = statistics.evictions
    count = statistics.count
    capacity = statistics.capacity
    allocatedBytes = statistics.allocatedBytes
    self.shards = shards
  }

  private func sum(_ part: (Board.Tally) -> Int) -> Int { tallies.reduce(0) { $0 + part($1.tally) } }

  var hits: Int { sum(\.hits) }
  var misses: Int { sum(\.misses) }
  var noSpace: Int { sum(\.noSpace) }
  var retries: Int { sum(\.retries) }
  var seconds: Double { Double(nanoseconds) / 1e9 }

  func ratio(_ hits: Int) -> Double { Double(hits) / Double(max(requests, 1)) }
  var hitRatio: Double { ratio(hits) }
  var sieveHitRatio: Double { ratio(requests - sieveMisses) }

  /// Whether the file system filled up before the store did. With one shard an eviction from a store that is not full
  /// says so. With several a full shard evicts while others still have room, so there it takes a store that is far
  /// from full; shards fill to at least nine tenths before the first of them evicts.
  var isLimitedByFileSystem: Bool {
    guard path != nil else { return false }
    let full = shards == 1 ? capacity : capacity * 9 / 10
    return noSpace > 0 || (evictions > 0 && count < full)
  }
}
