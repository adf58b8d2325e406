// SPDX-License-Identifier: Apache-2.0
// How long calls took, as counts in shared words, so that what a process measured can be read after it ended. The
// buckets are an eighth of a power of two wide: a percentile is at most that much too high, the largest value exact.

struct Latencies {
  /// Words of one.
  static let size = 64 * 8 + 2

  private let words: SharedWords
  private let base: Int

  init(_ words: SharedWords, at base: Int) {
    self.words = words
    self.base = base
  }

  /// Only one process adds to one of these.
  func add(_ nanoseconds: Int64) {
    let value = UInt64(max(nanoseconds, 1))
    words.add(base + Latencies.bucket(value), 1)
    if value > words.load(base + Latencies.size - 1) { words.store(base + Latencies.size - 1, value) }
  }

  private static func bucket(_ value: UInt64) -> Int {
    let power = 63 - value.leadingZeroBitCount
    let eighth = power >= 3 ? Int(value >> UInt64(power - 3)) & 7 : Int(value << UInt64(3 - power)) & 7
    return power * 8 + eighth
  }

  private static func upperEnd(_ bucket: Int) -> Double {
    Double(UInt64(1) << UInt64(bucket / 8)) * (1 + Double(bucket % 8 + 1) / 8)
  }

  private func count(_ bucket: Int) -> Int { Int(words.load(base + bucket)) }

  // MARK: Of several

  static func count(_ all: [Latencies]) -> Int {
    all.reduce(0) { sum, one in (0..<(64 * 8)).reduce(sum) { $0 + one.count($1) } }
  }

  /// How many took longer than so many milliseconds, by the lower ends of their buckets.
  static func count(_ all: [Latencies], over milliseconds: Double) -> Int {
    let first = bucket(UInt64(milliseconds * 1e6)) + 1
    return all.reduce(0) { sum, one in (first..<(64 * 8)).reduce(sum) { $0 + one.count($1) } }
  }

  /// Milliseconds; 0 if there is none.
  static func largest(_ all: [Latencies]) -> Double {
    Double(all.map { $0.words.load($0.base + size - 1) }.max() ?? 0) / 1e6
  }

  /// The time in milliseconds within which this share of the calls ended.
  static func within(_ share: Double, _ all: [Latencies]) -> Double {
    let total = count(all)
    guard total > 0 else { return 0 }
    let wanted = (Double(total) * share).rounded(.up)
    var sum = 0.0
    for bucket in 0..<(64 * 8) {
      for one in all { sum += Double(one.count(bucket)) }
      if sum >= wanted { return min(upperEnd(bucket) / 1e6, largest(all)) }
    }
    return largest(all)
  }
}
