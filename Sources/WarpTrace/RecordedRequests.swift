// SPDX-License-Identifier: Apache-2.0
// The requests that a store has recorded itself (SPEC.md §12.1), through a simulation.
//
// - They begin somewhere in the life of the store, so the first half fills the caches and the second is counted.
// - Where they are those for a part of all keys, tallies say how many there were for all, which corrects for popular
//   keys in or out of the part by chance (SHARDS-adj, FAST '15).
// - What a get missed was set later, or never: the record says so. What it hit may miss in a smaller cache; whoever asked
//   would have set it then, with the size and the lifetime that the record gives.

package import WarpFormat

package struct RecordedRequests: RequestSource {
  package let log: RequestLog
  /// Indexes of the requests that count; those before them fill the caches.
  package let counted: Range<Int>
  package let largestSize: Int
  /// Gets among those that count.
  package let gets: Int
  /// What the store hit of all gets in that time; nil without any.
  package let hitRatio: Double?
  /// All gets in that time, if only those for some keys are recorded.
  private let getsOfAll: Int?

  package init(_ log: RequestLog) {
    self.log = log
    let requests = log.requests
    largestSize = Int(requests.lazy.filter { $0.kind == .hit || $0.kind == .set }.map(\.size).max() ?? 0)
    let half = requests.count / 2
    // From tally to tally, so that what is counted can be compared with what the store counted.
    let first = requests[half...].firstIndex { $0.kind == .tally }
    let last = requests[half...].lastIndex { $0.kind == .tally }
    if log.record.shift > 0, let first, let last, first < last, let from = requests[first].tally,
      let to = requests[last].tally
    {
      counted = first..<last
      let (hits, misses) = (to.hits &- from.hits, to.misses &- from.misses)
      getsOfAll = Int(clamping: hits &+ misses)
      hitRatio = hits &+ misses == 0 ? nil : Double(hits) / Double(hits &+ misses)
    } else {
      counted = half..<requests.count
      getsOfAll = nil
      let hits = requests[counted].count { $0.kind == .hit }
      let gets = requests[counted].count { $0.kind == .miss } + hits
      hitRatio = gets == 0 ? nil : Double(hits) / Double(gets)
    }
    gets = requests[counted].count { $0.kind == .hit || $0.kind == .miss }
  }

  package var count: Int { log.requests.count }
  package var part: Double { 1 / Double(1 << log.record.shift) }
  package var hasTimes: Bool { true }

  package func profile(progress: (Int) -> Void) -> TraceProfile {
    var census = KeyCensus()
    var sizes = SizeHistogram()
    var requests = 0
    for request in log.requests where request.kind != .removeAll && request.kind != .tally {
      census.add(Mixing.mixed(request.hash))
      if request.kind == .hit || request.kind == .miss { requests += 1 }
      // What a get missed has no size, and the set that follows has.
      if request.kind == .hit || request.kind == .set { sizes.add(Int(request.size)) }
    }
    return TraceProfile(
      requests: requests, keys: census.count << log.record.shift, isExact: census.isExact && log.record.shift == 0,
      seconds: seconds(log.requests.last), sizes: sizes.total > 0 ? sizes : nil)
  }

  package func run(through simulation: Simulation, timeToLive: UInt32?, progress: (Int) -> Void) {
    var missed: Set<UInt64> = []
    var latest: UInt32 = 0
    simulation.requestsOfAll = getsOfAll
    for (index, request) in log.requests[..<counted.upperBound].enumerated() {
      if index % RecordedRequests.stretch == 0 { progress(index) }
      if index == counted.lowerBound { simulation.startCounting() }
      let hash = Mixing.mixed(request.hash)
      // Several processes record; time does not step back for one that was late.
      latest = max(latest, UInt32(clamping: seconds(request)))
      let lifetime = timeToLive ?? request.lifetime
      switch request.kind {
      case .hit: simulation.get(hash, time: latest, timeToLive: lifetime)
      case .miss:
        simulation.look(hash, time: latest)
        missed.insert(hash)
      case .set where missed.remove(hash) != nil: simulation.fill(hash, time: latest, timeToLive: lifetime)
      case .set: simulation.set(hash, time: latest, timeToLive: lifetime)
      case .removal: simulation.remove(hash)
      case .removeAll: simulation.removeAll()
      case .tally: break
      }
    }
  }

  private static let stretch = 1 << 16

  /// Since the first request.
  private func seconds(_ request: RecordedRequest?) -> Int {
    guard let request, let first = log.requests.first, request.time > first.time else { return 0 }
    return Int(clamping: (request.time - first.time) / 1_000_000_000)
  }
}
