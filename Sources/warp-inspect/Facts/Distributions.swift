// SPDX-License-Identifier: Apache-2.0
// How sizes, ages, deadlines and probe lengths are spread, from one pass over a store's live slots.
//
// - Memory is bounded by the kinds of numbers, not by how many there are: counts of ranges that are a sixteenth of their
//   value wide. So a quantile is at most a sixteenth too high; counts, sums and the largest are exact.
// - Numbers are taken as they stand in the file: on a damaged store they may be any, and nothing here minds.
// - Slots that were never used cost nothing.

import WarpFormat

/// How one kind of number is spread.
struct Distribution {
  let name: String
  let unit: String
  let count: Int
  /// Ranges that double, from the first to the last that has something in it.
  let bins: [(range: ClosedRange<UInt64>, count: Int)]
  let mean: Double
  let median: UInt64
  let p99: UInt64
  let max: UInt64

  var json: JSON {
    .object([
      ("name", .string(name)), ("unit", .string(unit)), ("count", .number(count)), ("mean", .real(mean)),
      ("median", .number(median)), ("p99", .number(p99)), ("max", .number(max)),
      (
        "bins",
        .array(
          bins.map {
            .object([
              ("from", .number($0.range.lowerBound)), ("to", .number($0.range.upperBound)),
              ("count", .number($0.count)),
            ])
          })
      ),
    ])
  }
}

/// Counts of numbers by ranges.
struct Tally {
  /// Numbers below this have a range each; above, each power of two is cut into half as many.
  private static let exact = 32
  private var counts = [Int](repeating: 0, count: exact + (64 - 5) * exact / 2)
  private(set) var count = 0
  private(set) var max: UInt64 = 0
  private var sum = 0.0

  mutating func add(_ value: UInt64, times: Int = 1) {
    counts[Tally.index(value)] &+= times
    count &+= times
    sum += Double(value) * Double(times)
    max = Swift.max(max, value)
  }

  var mean: Double { count > 0 ? sum / Double(count) : 0 }

  /// The least number that at least this part of all is not above, or a sixteenth more.
  func quantile(_ part: Double) -> UInt64 {
    let wanted = Swift.max(1, Int((part * Double(count)).rounded(.up)))
    var seen = 0
    for index in counts.indices {
      seen += counts[index]
      if seen >= wanted { return min(max, Tally.range(index).upperBound) }
    }
    return max
  }

  func distribution(_ name: String, _ unit: String) -> Distribution {
    var bins: [(range: ClosedRange<UInt64>, count: Int)] = []
    for index in counts.indices where counts[index] > 0 {
      let low = Tally.range(index).lowerBound
      let range = low == 0 ? 0...0 : (1 << low.log2)...(UInt64.max >> (63 - low.log2))
      if bins.last?.range == range {
        bins[bins.count - 1].count += counts[index]
        continue
      }
      // Empty ranges between two full ones are shown, too. Behind the last range of all there is none.
      while let last = bins.last?.range.upperBound, last + 1 < range.lowerBound {
        bins.append(((last + 1)...(2 * last + 1), 0))
      }
      bins.append((range, counts[index]))
    }
    return Distribution(
      name: name, unit: unit, count: count, bins: bins, mean: mean, median: quantile(0.5), p99: quantile(0.99),
      max: max)
  }

  private static func index(_ value: UInt64) -> Int {
    if value < UInt64(exact) { return Int(value) }
    let power = Int(value.log2)
    return exact + (power - 5) * exact / 2 + Int(value >> UInt64(power - 4) & 15)
  }

  private static func range(_ index: Int) -> ClosedRange<UInt64> {
    if index < exact { return UInt64(index)...UInt64(index) }
    let power = UInt64((index - exact) / (exact / 2) + 5)
    let width: UInt64 = 1 << (power - 4)
    let low = (16 + UInt64((index - exact) % (exact / 2))) * width
    return low...(low + (width - 1))
  }
}

extension UInt64 {
  /// Rounded down; of a number above 0.
  fileprivate var log2: UInt64 { UInt64(63 - leadingZeroBitCount) }
}

/// An even sample of as many as there may be, the same one for the same input (algorithm R).
struct Sample<Element> {
  let most: Int
  private(set) var elements: [Element] = []
  private(set) var seen = 0
  private var state: UInt64 = 0x5EED

  init(_ most: Int) { self.most = most }

  /// - Parameter element: made only if it is taken; nil is not counted.
  mutating func add(_ element: () throws(FormatError) -> Element?) throws(FormatError) {
    seen += 1
    if elements.count < most {
      if let element = try element() { elements.append(element) }
      return
    }
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let place = Int(state >> 33) % seen
    if place < most, let element = try element() { elements[place] = element }
  }
}

/// Of all live slots.
struct Distributions {
  private static let milli: UInt64 = 1_000_000
  private static let mostDeadlines = 4096
  private static let mostValues = 64
  /// Bytes of a value that are looked at.
  private static let valueLimit = 64 << 10

  private(set) var entries = 0
  private var keys = Tally()
  private var values = Tally()
  private(set) var slots = Tally()
  private var ages = Tally()
  private var ahead = Tally()
  private(set) var probes = Tally()
  /// Nanoseconds from writing to deadline.
  private(set) var lifetimes = Tally()
  private(set) var expired = 0
  /// Deadlines that lie ahead, in nanoseconds from now.
  private(set) var deadlines = Sample<UInt64>(mostDeadlines)
  /// Stored values that are not compressed.
  private(set) var plain = Sample<[UInt8]>(mostValues)

  /// - Parameter now: store time; nil if it can't be told, and then there are no ages and no deadlines.
  mutating func add(_ shard: ShardImage, of image: FileImage, now: UInt64?) throws(FormatError) {
    for (distance, count) in shard.probeLengths().enumerated() where count > 0 {
      probes.add(UInt64(distance), times: count)
    }
    var failure: FormatError?
    shard.forEachLive { live in
      do throws(FormatError) { try add(live, shard, image, now) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  private mutating func add(
    _ live: LiveSlot, _ shard: ShardImage, _ image: FileImage, _ now: UInt64?
  ) throws(FormatError) {
    entries += 1
    keys.add(UInt64(live.keySize))
    values.add(UInt64(live.storedSize))
    // Both are 32-bit numbers.
    slots.add(UInt64(SlotFields.structure.size + (live.keySize + 7) / 8 * 8 + live.storedSize))
    if live.codec == Format.codecRaw, live.storedSize > 0 {
      try plain.add { () throws(FormatError) in
        try image.value(of: live, shard: shard, limit: Distributions.valueLimit)
      }
    }
    guard let now else { return }
    if live.written <= now { ages.add((now - live.written) / Distributions.milli) }
    guard live.deadline != 0 else { return }
    if live.deadline <= now {
      expired += 1
      return
    }
    ahead.add((live.deadline - now) / Distributions.milli)
    if live.deadline > live.written { lifetimes.add(live.deadline - live.written) }
    try deadlines.add { live.deadline - now }
  }

  /// For people and pages. Those of times only if there is something to tell.
  var all: [Distribution] {
    var all = [
      keys.distribution("key size", "bytes"), values.distribution("stored value size", "bytes"),
      slots.distribution("entry size", "bytes"), probes.distribution("probe length", "buckets"),
    ]
    if ages.count > 0 { all.append(ages.distribution("age", "ms")) }
    if ahead.count > 0 { all.append(ahead.distribution("time to deadline", "ms")) }
    return all
  }
}

extension JSON {
  /// A number with a point; null if it is none that JSON knows.
  static func real(_ value: Double) -> JSON { value.isFinite ? .number("\(value)") : .null }
}
