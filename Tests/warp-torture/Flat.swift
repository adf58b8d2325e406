// SPDX-License-Identifier: Apache-2.0
// `warp-torture flat`: openings, closings, kills and replacements for a while, and nothing grows.
//
// - Two processes are there throughout, this one and worker 0; both keep one handle that follows every replacement. The
//   other workers are killed and started again.
// - After a warm-up (a sixth of the run) the samples are cut in three. Of each figure the largest of the last third may
//   exceed the largest of the first third by an allowance at most: 1 MiB of memory, a quarter of that for what is shared or
//   of files, 2 descriptors, 5 % of the files.
// - In a process with several threads, as this one, a handle keeps the addresses of the files it had, and what it knew of
//   them, until it goes away: 2 mappings and 2 KiB for each replacement are allowed, and what it really was is reported.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct Flat: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Kills, replacements and openings: nothing grows.")

  @OptionGroup var options: CrewOptions
  @Option(help: "How long, at least 6 s.") var seconds = 60.0
  @Flag(help: "End with one JSON object.") var json = false

  /// Bytes that a handle of a process with several threads keeps of each pair of files that it had.
  static let kept = 2048
  /// The same shapes again and again, so that each third of the run has the largest.
  private static let cycle = 8

  func run() throws {
    let watchdog = Watchdog("flat")
    var options = options
    options.workers = max(options.workers, 2)
    try withTemporaryDirectory { directory in
      var crew = try Crew(options, directory)
      let keeper = try SharedStore.open(path: crew.path, Shapes.first(options.keys))
      try crew.start()
      var shapes = Shapes(keys: options.keys, seed: options.seed)
      let cycle = (0..<Flat.cycle).map { _ in shapes.next() }
      var random = SeededGenerator(seed: options.seed &+ 1)
      var series = Series()
      var (replacements, kills, openings) = (0, 0, 0)
      let began = System.bootTime()
      let length = Int64(seconds * 1e9)
      // The extremes between two samples are noise of this process only.
      var nextSample = began + length / 60
      while System.bootTime() - began < length, crew.sum(.failures) == 0 {
        watchdog.progress()
        let next = try SharedStore.open(path: crew.path, cycle[replacements % cycle.count])
        replacements += 1
        for _ in 0..<5 {
          let other = try SharedStore.open(path: crew.path, Shapes.first(options.keys, .useExisting))
          _ = try other.get(Probe.prefix)
          if openings % 2 == 0 { other.close() }
          openings += 1
        }
        try keeper.set(Probe.prefix, to: [UInt8](repeating: 1, count: 100))
        _ = try keeper.get(Probe.prefix)
        next.close()
        try crew.kill(1 + random.below(options.workers - 1))
        kills += 1
        try series.look(crew)
        System.sleep(Int64(random.below(100_000_000)))
        if System.bootTime() >= nextSample {
          try series.add(crew, at: Double(System.bootTime() - began) / Double(length), replacements)
          nextSample += length / 60
        }
      }
      let made = crew.records[0][.made]
      crew.stop()
      let settled = try crew.settle(keeper)
      var report = Report()
      report.add("command", "flat")
      report.add("seconds", Double(System.bootTime() - began) / 1e9)
      report.add("seed", Int(truncatingIfNeeded: options.seed))
      report.add("replacements", replacements)
      report.add("kills", kills)
      report.add("openings", openings)
      report.add("samples", series.count)
      report.add("unasked", made)
      let grown = series.add(to: &report)
      settled.add(to: &report, crew)
      try report.finish(
        json: json, violations: grown + settled.violations + crew.crashes + made + (series.isLong ? 0 : 1))
    }
  }
}

/// The samples of a run.
private struct Series {
  private struct Sample {
    let time: Double
    let replacements: Int
    let numbers: [Int]
  }

  private struct Quantity: Sendable {
    let name: String
    let allowance: @Sendable (_ start: Int, _ replacements: Int) -> Int
  }

  private static let quantities: [Quantity] =
    ["parent", "worker"].flatMap { who in
      // A handle keeps what it had while another thread might be inside of it.
      let isThreaded = who == "parent"
      return Figures.names.map { name in
        Quantity(name: who + name.prefix(1).uppercased() + name.dropFirst()) { _, replacements in
          switch name {
          case "mappings": isThreaded ? 2 * replacements : 16
          case "descriptors": 2
          case "resident": (1 << 20) + (isThreaded ? Flat.kept * replacements : 0)
          case "residentShared", "residentFile": 1 << 18
          default: 0
          }
        }
      }
    } + ["dataBytes", "lockBytes", "directoryBytes"].map { Quantity(name: $0) { start, _ in start / 20 } }

  private var samples: [Sample] = []
  /// The largest since the last sample.
  private var files = [0, 0, 0]
  var count: Int { samples.count }

  mutating func add(_ crew: Crew, at time: Double, _ replacements: Int) throws {
    var numbers = try Figures.now().numbers
    numbers += (0..<Figures.names.count).map { crew.records[0][.figures, $0] }
    samples.append(Sample(time: time, replacements: replacements, numbers: numbers + files))
    files = [0, 0, 0]
  }

  /// After each replacement: samples would meet some of the shapes only.
  mutating func look(_ crew: Crew) throws {
    var allocated = 0
    for name in try System.list(crew.place) {
      allocated += try System.status(path: crew.place + "/" + name)?.allocated ?? 0
    }
    let now = [
      try System.status(path: crew.path)?.size ?? 0, try System.status(path: crew.path + "-lock")?.size ?? 0,
      allocated,
    ]
    files = zip(files, now).map { max($0, $1) }
  }

  private func third(_ number: Int) -> [Sample] {
    let warm = 1.0 / 6
    let width = (1 - warm) / 3
    let start = warm + Double(number) * width
    return samples.filter { $0.time >= start && $0.time < start + width }
  }

  /// Whether both thirds that are compared have samples enough.
  var isLong: Bool { third(0).count >= 5 && third(2).count >= 5 }

  /// Reports the figures of the first and the last third; returns how many grew too much.
  func add(to report: inout Report) -> Int {
    let (first, last) = (third(0), third(2))
    let replacements = (last.last?.replacements ?? 0) - (first.first?.replacements ?? 0)
    var grown = 0
    for (index, quantity) in Series.quantities.enumerated() {
      let start = first.map { $0.numbers[index] }.max() ?? 0
      let end = last.map { $0.numbers[index] }.max() ?? 0
      report.add(quantity.name, start)
      report.add(quantity.name + "End", end)
      guard end - start > quantity.allowance(start, replacements) else { continue }
      System.explain("\(quantity.name) grew from \(start) to \(end)\n")
      grown += 1
    }
    report.add("replacementsBetween", replacements)
    for (place, who) in ["parent", "worker"].enumerated() {
      let index = place * Figures.names.count
      let start = first.map { $0.numbers[index] }.max() ?? 0
      let end = last.map { $0.numbers[index] }.max() ?? 0
      report.add(who + "BytesPerReplacement", Double(end - start) / Double(max(replacements, 1)))
    }
    report.add("grown", grown)
    return grown
  }
}
