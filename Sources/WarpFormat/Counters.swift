// SPDX-License-Identifier: Apache-2.0
// Counters in the lock file (SPEC.md §12): a stripe of its own for each handle, relaxed adds, only growing. Stripe 0
// holds what the sums were at the last reset.

/// What is counted, in the order of the stripe.
public enum Counter: Int, CaseIterable, Sendable {
  case hits, misses, busyMisses, insertions, updates, evictions, expirations, removals, oversizeSkips, corrupt,
    retries, recoveries, compressedFrom, compressedTo, encodeFailures, decodeFailures, loads, loadFailures,
    loadNanoseconds, waits, staleHits, busySets, noSpaceSets, fullSets

  public var field: Field {
    Field("\(self)", rawValue * 8, 8, self == .loadNanoseconds ? .nanoseconds : .integer)
  }
}

/// The sums over all stripes since the last reset.
public struct CounterValues: Equatable, Sendable {
  private var values = [UInt64](repeating: 0, count: Counter.allCases.count)

  public init() {}

  public subscript(_ counter: Counter) -> UInt64 {
    get { values[counter.rawValue] }
    set { values[counter.rawValue] = newValue }
  }
}

extension Attachment {
  @inline(__always)
  package func count(_ counter: Counter, _ amount: Int = 1) {
    guard let stripe, amount != 0 else { return }
    lock.add64(stripe &+ counter.rawValue &* 8, UInt64(truncatingIfNeeded: amount))
  }

  /// O(stripes).
  package func counters() -> CounterValues {
    var values = sums()
    for counter in Counter.allCases {
      values[counter] &-= lock.load64(lockGeometry.countersOffset + counter.rawValue * 8)
    }
    return values
  }

  package func resetCounters() {
    let now = sums()
    for counter in Counter.allCases {
      lock.store64(lockGeometry.countersOffset + counter.rawValue * 8, now[counter])
      if planted(.resetLowersStripes), let stripe { lock.store64(stripe + counter.rawValue * 8, 0) }
    }
  }

  /// Over all stripes but the baseline: what no reset lowers. O(stripes).
  func sums() -> CounterValues {
    var values = CounterValues()
    // The field table is made anew at each mention; once is enough.
    let stripeSize = CounterFields.structure.size
    for stripe in 1..<Format.counterStripes {
      let at = lockGeometry.countersOffset + stripe * stripeSize
      for counter in Counter.allCases { values[counter] &+= lock.load64(at + counter.rawValue * 8) }
    }
    return values
  }
}
