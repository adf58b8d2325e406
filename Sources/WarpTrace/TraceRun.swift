// SPDX-License-Identifier: Apache-2.0
// A trace through a simulation, and what a trace is without one: how many keys, how long, how large its values.

/// Requests in their order, from a trace or from a store's own record.
package protocol RequestSource {
  var count: Int { get }
  /// Bytes of the largest value.
  var largestSize: Int { get }
  /// They are the requests for this part of all keys.
  var part: Double { get }
  var hasTimes: Bool { get }

  /// - Parameter progress: told now and then how many requests are through.
  func profile(progress: (Int) -> Void) throws(TraceError) -> TraceProfile

  /// All requests, one after the other.
  ///
  /// - Parameters:
  ///   - simulation: of this part of the keys.
  ///   - timeToLive: seconds for every entry, where there are times; nil: as recorded.
  func run(
    through simulation: Simulation, timeToLive: UInt32?, progress: (Int) -> Void
  ) throws(TraceError)
}

extension Trace: RequestSource {
  package var part: Double { 1 }

  package func profile(progress: (Int) -> Void) throws(TraceError) -> TraceProfile {
    try TraceProfile(self, progress: progress)
  }

  package func run(
    through simulation: Simulation, timeToLive: UInt32?, progress: (Int) -> Void
  ) throws(TraceError) {
    try simulation.run(self, timeToLive: timeToLive, progress: progress)
  }
}

package struct TraceProfile: Sendable {
  package let requests: Int
  /// Distinct keys; an estimate beyond a million.
  package let keys: Int
  package let isExact: Bool
  /// Seconds from the first request to the last; nil if the trace has no times.
  package let seconds: Int?
  /// How many requests ask for values of each size; nil if the trace has no sizes.
  package let sizes: SizeHistogram?

  init(requests: Int, keys: Int, isExact: Bool, seconds: Int?, sizes: SizeHistogram?) {
    self.requests = requests
    self.keys = keys
    self.isExact = isExact
    self.seconds = seconds
    self.sizes = sizes
  }

  /// - Parameter progress: told now and then how many requests are through.
  /// - Throws: `traceTruncated`.
  package init(_ trace: Trace, progress: (Int) -> Void = { _ in }) throws(TraceError) {
    var census = KeyCensus()
    var sizes = SizeHistogram()
    for index in 0..<trace.count {
      if index % stretch == 0 {
        try trace.check()
        progress(index)
      }
      census.add(Mixing.mixed(trace.id(at: index)))
      if trace.sizes != nil { sizes.add(trace.size(at: index)) }
    }
    requests = trace.count
    keys = census.count
    isExact = census.isExact
    seconds = trace.hasTimes ? max(0, trace.time(at: trace.count - 1) - trace.time(at: 0)) : nil
    self.sizes = trace.sizes == nil ? nil : sizes
  }
}

/// How often progress is told: every so many requests.
private let stretch = 1 << 18

extension Simulation {
  /// Get, else fill, of the whole trace.
  ///
  /// - Parameters:
  ///   - timeToLive: seconds for every entry, where the trace has times; nil: as the trace says.
  ///   - progress: told now and then how many requests are through.
  /// - Throws: `traceTruncated`.
  package func run(
    _ trace: Trace, timeToLive: UInt32? = nil, progress: (Int) -> Void = { _ in }
  ) throws(TraceError) {
    let hasTimes = trace.hasTimes && (timeToLive != nil || trace.hasLifetimes)
    var latest: UInt32 = 0
    for index in 0..<trace.count {
      if index % stretch == 0 {
        try trace.check()
        progress(index)
      }
      let hash = Mixing.mixed(trace.id(at: index))
      if hasTimes {
        // A trace that several writers wrote may step back a little; time does not.
        latest = max(latest, UInt32(clamping: trace.time(at: index)))
        get(hash, time: latest, timeToLive: timeToLive ?? UInt32(clamping: trace.timeToLive(at: index)))
      } else {
        get(hash)
      }
    }
  }
}

/// Counts of value sizes, fine for small ones and within 1/64 for large ones.
package struct SizeHistogram: Sendable {
  private var counts: [Int: Int] = [:]
  package private(set) var total = 0
  package private(set) var largest = 0

  package init() {}

  package mutating func add(_ size: Int) {
    // Slots grow in steps of 64 bytes, so 8 are fine enough; of large values 6 bits count.
    let step = max(8, 1 << max(0, Int.bitWidth - size.leadingZeroBitCount - 7))
    counts[(size + step - 1) / step * step, default: 0] += 1
    total += 1
    largest = max(largest, size)
  }

  /// Sizes from the smallest, each with how many values have it or a little less.
  package var steps: [(size: Int, count: Int)] {
    counts.sorted { $0.key < $1.key }.map { (min($0.key, largest), $0.value) }
  }

  /// The smallest size that this part of all values does not exceed.
  package func size(covering part: Double) -> Int {
    var sum = 0
    for (size, count) in steps {
      sum += count
      if Double(sum) >= part * Double(total) { return size }
    }
    return largest
  }
}
