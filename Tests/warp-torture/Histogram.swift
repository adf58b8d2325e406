// SPDX-License-Identifier: Apache-2.0
// Times in bins of powers of two of microseconds: bin n holds those below n µs that are not in the bin before.

/// Times in nanoseconds that one process collects.
struct Histogram {
  private var times: [Int64] = []

  mutating func add(_ nanoseconds: Int64) { times.append(nanoseconds) }
  mutating func add(_ other: Histogram) { times += other.times }

  /// The time within which this share of them ended, in milliseconds; 0 if there is none.
  static func within(_ share: Double, _ sorted: [Int64]) -> Double {
    sorted.isEmpty ? 0 : Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1e6
  }

  var count: Int { times.count }
  var largest: Int64 { times.max() ?? 0 }

  /// How many were too late. A few may have waited for a core: three, or of fewer than twelve a quarter, or of many one in a
  /// thousand, may take longer than `limit`. None may take 30 s.
  func late(over limit: Int64 = 1_000_000_000) -> Int {
    let slow = times.count { $0 > limit }
    return max(slow - max(min(3, times.count / 4), times.count / 1000), times.count { $0 > 30_000_000_000 }, 0)
  }

  /// The bins that hold something: the upper end in microseconds, and how many.
  private var bins: [(below: Int, count: Int)] {
    var bins: [Int: Int] = [:]
    for time in times {
      let microseconds = UInt64(max(time, 0)) / 1000
      bins[1 << (64 - microseconds.leadingZeroBitCount), default: 0] += 1
    }
    return bins.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// NAMECount, NAMEP50Ms, NAMEP99Ms, NAMEMaxMs, and the bins as one object NAMEUnderUs.
  func add(to report: inout Report, as name: String) {
    let sorted = times.sorted()
    report.add(name + "Count", sorted.count)
    for (title, share) in [("P50Ms", 0.5), ("P99Ms", 0.99), ("MaxMs", 1)] {
      report.add(name + title, Histogram.within(share, sorted))
    }
    report.add(name + "UnderUs", bins.map { ("\($0.below)", $0.count) })
  }
}
