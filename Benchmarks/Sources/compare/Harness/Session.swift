// SPDX-License-Identifier: Apache-2.0
// One run of the program: what was asked for, where the files are, what was found.

final class Session {
  let isQuick: Bool
  let scratch: Scratch
  let findings = Findings()
  private var streams: [String: Stream] = [:]

  init(isQuick: Bool) throws {
    self.isQuick = isQuick
    scratch = try Scratch()
  }

  /// A series of the usual size: 32 chunks of 32,768 operations and 5 runs, or, if it is to be quick, 12 chunks.
  func series(
    _ group: String, entries: Int, valueSize: Int = 0, _ distribution: String = "zipf",
    clock: Clocks.Kind = .thread, chunk: Int = 32_768, chunks: Int = 32
  ) -> Series {
    Series(
      group: group, entries: entries, valueSize: valueSize, distribution: distribution, clock: clock, chunk: chunk,
      chunks: isQuick ? min(chunks, 12) : chunks, runs: 5)
  }

  /// The stream of a series; made once, and kept while the entries stay the same.
  func stream(_ series: Series, _ distribution: Distribution = .zipf) -> Stream {
    let count = series.chunk * series.chunks
    let name = "\(series.entries) \(distribution) \(count)"
    if let stream = streams[name] { return stream }
    streams = streams.filter { $0.value.entries == series.entries }
    let stream = Stream(count: count, entries: series.entries, distribution)
    streams[name] = stream
    return stream
  }

  /// Measures, notes the figures, and that all variants that can be compared read the same.
  @discardableResult
  func measure(_ series: Series, _ variants: [Variant], before: (Int) -> Void = { _ in }) -> [Timing] {
    measure(series, [variants], before: before)
  }

  /// The same variants of several scenes, measured one scene after the other in as many rounds altogether; the figures are of all
  /// rounds.
  @discardableResult
  func measure(_ series: Series, _ scenes: [[Variant]], before: (Int) -> Void = { _ in }) -> [Timing] {
    var part = series
    part.chunks = max(1, series.chunks / max(1, scenes.count))
    var all: [Timing] = []
    for variants in scenes {
      let timings = Measure.interleaved(part, variants, before: before)
      all = all.isEmpty ? timings : zip(all, timings).map { $0.joined(by: $1) }
      guard !Interrupt.isRaised else { return all }
      if !Measure.agree(variants, timings) {
        findings.fault(
          "\(series.group), \(series.entries) entries of \(series.valueSize) bytes: the variants did not read the same"
        )
      }
    }
    findings.add(series, all)
    return all
  }

  /// A figure that is the ratio of two timings of the same series, round by round.
  func add(_ series: Series, _ name: String, _ timing: Timing, to other: Timing) {
    let ratios = zip(timing.nanoseconds, other.nanoseconds).map { $0 / $1 }
    add(series, name, ratios, nanoseconds: Percentile.median(timing.nanoseconds))
  }

  func add(_ series: Series, _ name: String, _ ratios: [Double], nanoseconds: Double = 0) {
    guard !ratios.isEmpty else { return }
    findings.add(
      Figure(
        group: series.group, name: name, entries: series.entries, valueSize: series.valueSize,
        distribution: series.distribution, nanoseconds: nanoseconds, ratio: Percentile.median(ratios),
        low: Percentile.of(ratios, 0.1), high: Percentile.of(ratios, 0.9), runs: series.runs))
  }
}

/// What is compared together, in a file of its own.
struct BenchGroup: Sendable {
  let name: String
  let summary: String
  let run: @Sendable (Session) throws -> Void
}

extension BenchGroup {
  static let all: [BenchGroup] = [
    .get, .put, .batch, .typed, .remembered, .memory, .processes, .open, .size, .lmdb, .sqlite, .servers,
    .predecessor,
    .workloads,
  ]
}
