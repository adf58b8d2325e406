// SPDX-License-Identifier: Apache-2.0
// How a ratio is measured: all variants of a series run in turns on chunks of one stream, in one process.
//
// - In each round every variant runs one chunk, each another one, so that none finds the keys in the cache that its neighbour
//   has just used. After all rounds of a run each variant has run each chunk once, so their sums can be compared.
// - The ratio is taken within a round: both have met the same neighbours and the same clock rate. What is told is the
//   median of all rounds of all runs, and the 10th and 90th percentile.
// - The order within a round is dealt anew each time, because who comes after whom counts: a variant finds the caches full of
//   what its neighbour left there, which is its own store or another one's. In turns that only rotate each would have the
//   same neighbour always. The first run warms up and does not count.

/// One way to do the operations of a stream.
struct Variant {
  let name: String
  /// Operations of its chunk that it does, one in so many: for what takes a thousand times longer than its neighbours.
  var every = 1
  /// Whether its sum is to be that of the others.
  var isComparable = true
  /// Does the operations of a range of the stream and returns a sum over what it read.
  var run: (Range<Int>) -> UInt64 = { _ in 0 }
  /// Instead of `run`, for what does them on another thread: also says how long they took there.
  var timed: ((Range<Int>) -> (sum: UInt64, nanoseconds: UInt64))?
}

extension Variant {
  init(name: String, every: Int = 1, isComparable: Bool = true, run: @escaping (Range<Int>) -> UInt64) {
    (self.name, self.every, self.isComparable, self.run) = (name, every, isComparable, run)
  }

  init(name: String, timed: @escaping (Range<Int>) -> (sum: UInt64, nanoseconds: UInt64)) {
    (self.name, self.timed) = (name, timed)
  }

  /// The sum and the time of a range.
  func measure(_ range: Range<Int>, _ clock: Clocks.Kind) -> (sum: UInt64, nanoseconds: UInt64) {
    if let timed { return timed(range) }
    let begin = Clocks.now(clock)
    let sum = run(range)
    return (sum, Clocks.now(clock) &- begin)
  }
}

/// What is the same for all variants that are compared.
struct Series {
  let group: String
  var entries = 0
  var valueSize = 0
  var distribution = ""
  var clock = Clocks.Kind.thread
  /// Operations in a chunk.
  var chunk = 32_768
  var chunks = 32
  var runs = 5
}

/// The times of one variant: nanoseconds per operation of each round of each run.
struct Timing {
  let name: String
  var nanoseconds: [Double] = []
  var ratios: [Double] = []
  var sums: [UInt64] = []

  /// The rounds of both. Their sums are of different streams, and left out.
  func joined(by other: Timing) -> Timing {
    Timing(name: name, nanoseconds: nanoseconds + other.nanoseconds, ratios: ratios + other.ratios)
  }
}

enum Measure {
  /// - Parameter before: is run before each chunk, outside the time, with the variant's number.
  /// - Returns: a timing for each variant; the first one is the reference of the ratios.
  static func interleaved(
    _ series: Series, _ variants: [Variant], before: (Int) -> Void = { _ in }
  ) -> [Timing] {
    var timings = variants.map { Timing(name: $0.name) }
    let count = variants.count
    var elapsed = [Double](repeating: 0, count: count)
    var order = Array(0..<count)
    var random = SplitMix(seed: 1)
    for run in 0...series.runs {
      var sums = [UInt64](repeating: 0, count: count)
      for round in 0..<series.chunks {
        if Interrupt.isRaised { return timings }
        order.shuffle(using: &random)
        for number in order {
          let variant = variants[number]
          let chunk = (round + number * series.chunks / count) % series.chunks
          let start = chunk * series.chunk
          let range = start..<start + max(1, series.chunk / variant.every)
          before(number)
          let (sum, nanoseconds) = variant.measure(range, series.clock)
          sums[number] &+= sum
          elapsed[number] = Double(nanoseconds) / Double(range.count)
        }
        // The first run warms up.
        guard run > 0 else { continue }
        for number in 0..<count {
          timings[number].nanoseconds.append(elapsed[number])
          timings[number].ratios.append(elapsed[number] / elapsed[0])
        }
      }
      for number in 0..<count { timings[number].sums.append(sums[number]) }
    }
    return timings
  }

  /// Whether the variants that can be compared read the same in every run.
  static func agree(_ variants: [Variant], _ timings: [Timing]) -> Bool {
    let comparable = zip(variants, timings).filter { $0.0.isComparable && $0.0.every == 1 }.map(\.1.sums)
    return comparable.allSatisfy { $0 == comparable.first }
  }
}

enum Percentile {
  /// The value below which so large a part lies; 0 of nothing.
  static func of(_ values: [Double], _ part: Double) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let place = part * Double(sorted.count - 1)
    let below = Int(place)
    guard below + 1 < sorted.count else { return sorted[sorted.count - 1] }
    return sorted[below] + (sorted[below + 1] - sorted[below]) * (place - Double(below))
  }

  static func median(_ values: [Double]) -> Double { of(values, 0.5) }
}
