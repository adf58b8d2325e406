// SPDX-License-Identifier: Apache-2.0
// What a cache in memory counts of its computations. A shared store has places for it in its lock file.

import Synchronization
import WarpFormat

final class LoadTallies: Sendable {
  private let loads = Atomic<Int>(0)
  private let failures = Atomic<Int>(0)
  private let nanoseconds = Atomic<Int>(0)
  private let waits = Atomic<Int>(0)

  func add(_ counter: Counter, _ amount: Int) {
    switch counter {
    case .loads: loads.wrappingAdd(amount, ordering: .relaxed)
    case .loadFailures: failures.wrappingAdd(amount, ordering: .relaxed)
    case .loadNanoseconds: nanoseconds.wrappingAdd(amount, ordering: .relaxed)
    case .waits: waits.wrappingAdd(amount, ordering: .relaxed)
    default: preconditionFailure("\(counter) is counted in the shards")
    }
  }

  func reset() {
    loads.store(0, ordering: .relaxed)
    failures.store(0, ordering: .relaxed)
    nanoseconds.store(0, ordering: .relaxed)
    waits.store(0, ordering: .relaxed)
  }

  /// With these numbers, and no others.
  var statistics: CacheStatistics {
    var statistics = CacheStatistics()
    statistics.loads = loads.load(ordering: .relaxed)
    statistics.loadFailures = failures.load(ordering: .relaxed)
    statistics.loadTime = .nanoseconds(nanoseconds.load(ordering: .relaxed))
    statistics.waits = waits.load(ordering: .relaxed)
    return statistics
  }
}
