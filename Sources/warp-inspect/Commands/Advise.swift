// SPDX-License-Identifier: Apache-2.0
// `warp-inspect advise`: how large a store should be. What it knows is in Advice.swift and StoreAdvice.swift, what it
// draws in Curve.swift and CurvePicture.swift; the caches of all sizes are WarpTrace's Simulation.

import ArgumentParser
import WarpFormat
import WarpTrace

struct Advise: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says how large a store should be, from a trace of requests or from a store.",
    discussion: """
      A trace is FILE.u64, FILE.u64.zst, FILE.csv or FILE.csv.zst: numbers of keys, 8
      bytes each, or lines "time_s,key,size_bytes" below that header, with a fourth
      column "ttl_s" if entries expire. Every request is a get, and a set where it
      misses. It is replayed through the store's own SIEVE at many capacities at once,
      and the hit ratio of each is drawn. The memory of a capacity is the size of both
      files with all slots taken, with --key-size and --value-size as the maxima.

      Capacities above --sample are simulated in miniature, with a part of the keys:
      within one percentage point of the exact curve on all traces tried. --exact
      simulates every key at every capacity.

      The knee is where the curve rises farthest above the straight line between its
      ends, with capacity on a linear scale, by a fifth of the rise at least.

      Of a store it says what the store itself can tell: hit ratio and evictions so
      far, and the sizes of its values. A store that records its requests (Swift:
      requestRecording: .on()) gives a curve like a trace does. The first half of the
      record fills the simulated caches, and the second is counted.

      Examples:
        warp-inspect advise requests.csv --capacity 10000
        warp-inspect advise requests.u64 --target 95% --value-size 1024
        warp-inspect advise requests.u64 --exact --sizes 1000,10000,100000 --json
        warp-inspect advise requests.csv.zst --svg curve.svg
        warp-inspect advise sessions
      """)

  @OptionGroup var options: StoreOptions

  @Option(help: "Capacities to simulate, with commas between. (default: 24 up to all keys)")
  var sizes: String?

  @Option(help: "The capacity in use or in mind.")
  var capacity: Int?

  @Option(help: "Find the smallest capacity with this hit ratio: 95% or 0.95.")
  var target: String?

  @Option(help: "Entries of a simulated cache beyond which a part of the keys stands for all.")
  var sample = Simulation.usualSampleSize

  @Flag(help: "Simulate every key at every capacity.")
  var exact = false

  @Option(help: "The maximum key size of the store, in bytes.")
  var keySize = 32

  @Option(help: "The maximum value size of the store, in bytes. (default: the largest of the trace, or 64)")
  var valueSize: Int?

  @Option(help: "Every entry lives so many seconds, in a trace with times.")
  var timeToLive: UInt32?

  @Option(help: "Draw the curve into this file, too.", completion: .file(extensions: ["svg"]))
  var svg: String?

  private static let mostSizes = 1000
  private static let leastSample = 256
  /// Entries of recorded keys in the smallest cache that is simulated from a store's record.
  private static let leastEntries = 32
  /// Fewer gets in the counted half of a record give no curve.
  private static let leastGets = 500

  func validate() throws {
    _ = try wantedSizes()
    _ = try wantedRatio()
    if let capacity, !(1...Format.maximumCapacity).contains(capacity) {
      throw ValidationError("--capacity \(capacity): it must be 1 to \(Format.maximumCapacity).")
    }
    guard sample >= Advise.leastSample else {
      throw ValidationError("--sample \(sample): fewer than \(Advise.leastSample) entries say nothing.")
    }
    guard (0...Format.maximumKeySize).contains(keySize) else {
      throw ValidationError("--key-size \(keySize): it must be 0 to \(Format.maximumKeySize).")
    }
    guard (0...Format.maximumValueSize).contains(valueSize ?? 0) else {
      throw ValidationError("--value-size \(valueSize ?? 0): it must be 0 to \(Format.maximumValueSize).")
    }
  }

  func run() throws {
    guard TraceFormat.isTrace(options.store) else { return try runStore() }
    try reporting { output in
      let advice = try advice(try Trace.read(options.store))
      if let svg { try OutputFile.write(Array(curvePicture(advice).document().utf8), to: svg) }
      if options.json { try output.line(advice.json.text()) } else { try advice.print(to: &output) }
      return true
    }
  }

  // MARK: Arguments

  private func wantedSizes() throws -> [Int]? {
    guard let sizes else { return nil }
    let numbers = sizes.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let valid = numbers.compactMap { $0 }.filter { (1...Format.maximumCapacity).contains($0) }
    guard !numbers.isEmpty, valid.count == numbers.count, valid.count <= Advise.mostSizes else {
      throw ValidationError("--sizes \(sizes): it takes numbers like 1000,10000,100000.")
    }
    return Sizes.unique(valid)
  }

  private func wantedRatio() throws -> Double? {
    guard let target else { return nil }
    let isPercent = target.hasSuffix("%")
    guard let number = Double(isPercent ? String(target.dropLast()) : target), number > 0 else {
      throw ValidationError("--target \(target): it takes a hit ratio like 95% or 0.95.")
    }
    let ratio = isPercent || number > 1 ? number / 100 : number
    guard ratio <= 1 else { throw ValidationError("--target \(target): a hit ratio is at most 100 %.") }
    return ratio
  }

  // MARK: Trace

  func advice(_ trace: some RequestSource, of store: FileImage? = nil) throws -> Advice {
    if timeToLive != nil, !trace.hasTimes {
      throw ValidationError("--time-to-live: the trace has no times.")
    }
    let capacity = capacity ?? store?.geometry.capacity
    let keySize = store?.geometry.maxKeySize ?? keySize
    let current = capacity.map { [$0] } ?? []
    var progress = Progress()
    defer { progress.clear() }
    let profile = try trace.profile { progress.show("counting keys: \(100 * $0 / trace.count) %") }
    // A cache for fewer entries of the part that is known says nothing.
    let least = Int(Double(Advise.leastEntries) / trace.part)
    let usual = Sizes.geometric(keys: profile.keys).filter { trace.part == 1 || $0 >= least }
    var points = try simulate(trace, Sizes.unique((try wantedSizes() ?? usual) + current))
    var target: Advice.Target?
    if let ratio = try wantedRatio() {
      points = try closer(to: ratio, points, trace)
      target = .init(ratio: ratio, point: points.first { $0.hitRatio >= ratio })
    }
    let largest = valueSize ?? store?.geometry.maxValueSize ?? trace.largestSize
    let sizes = profile.sizes.flatMap { histogram in
      ValueSizes(
        histogram, unit: "requests", whole: max(largest, histogram.largest), maxKeySize: keySize,
        capacity: capacity ?? Advice.knee(of: points)?.capacity ?? profile.keys)
    }
    let isSampled = points.contains { $0.rate < trace.part }
    return Advice(
      source: options.store, profile: profile, points: points, sampleSize: isSampled ? sample : nil,
      current: capacity, target: target, room: Room(maxKeySize: keySize, maxValueSize: largest), sizes: sizes)
  }

  private func simulate(_ trace: some RequestSource, _ capacities: [Int]) throws -> [CurvePoint] {
    let simulation = Simulation(capacities: capacities, sampleSize: exact ? nil : sample, part: trace.part)
    var progress = Progress()
    defer { progress.clear() }
    try trace.run(through: simulation, timeToLive: timeToLive) {
      progress.show("simulating: \(100 * $0 / trace.count) %")
    }
    return simulation.points
  }

  /// More sizes between the last that misses the target and the first that reaches it.
  private func closer(to ratio: Double, _ points: [CurvePoint], _ trace: some RequestSource) throws -> [CurvePoint]
  {
    guard let reached = points.firstIndex(where: { $0.hitRatio >= ratio }) else { return points }
    let below = reached == 0 ? 0 : points[reached - 1].capacity
    let between = Sizes.inside(below, points[reached].capacity)
    guard !between.isEmpty, let found = try simulate(trace, between).first(where: { $0.hitRatio >= ratio }) else {
      return points
    }
    return points[..<reached] + [found] + points[reached...]
  }

  // MARK: Store

  /// nil if there are too few requests for one.
  func curve(_ recorded: RecordedRequests, of image: FileImage) throws -> Advice? {
    recorded.gets < Advise.leastGets ? nil : try advice(recorded, of: image)
  }

  private func runStore() throws {
    try options.inspect { image, output in
      let advice = try StoreAdvice(image)
      let recorded = try image.lock?.requestLog().map(RecordedRequests.init)
      let curve = try recorded.flatMap { try self.curve($0, of: image) }
      if let svg {
        guard let curve else {
          throw ValidationError("--svg: the store has no record of its requests, or too few of them, to draw.")
        }
        try OutputFile.write(Array(curvePicture(curve).document().utf8), to: svg)
      }
      if options.json {
        try output.line(advice.json(recorded, curve).text())
      } else {
        try advice.print(recorded, curve, to: &output)
      }
      return true
    }
  }
}
