// SPDX-License-Identifier: Apache-2.0
// `warp-torture soak`: all operations by several processes for as long as one likes, while workers are killed and started
// again, stopped and continued, stores are opened, replaced and emptied. No answer is wrong, and nothing grows.
//
// - What is written is judged by the history (Crew), what is counted and computed by its own records (CrewActs).
// - Three processes are there throughout, each with handles that follow every replacement: this one; worker 0, as busy
//   as the others; worker 1, which does next to nothing. What grows is in SoakSeries.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct Soak: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Everything at once for a while: no answer is wrong, and nothing grows.")

  @Option(help: "Worker processes, at least 3.") var workers = 8
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "Different keys.") var keys = 48
  @Option(help: "How long, at least 10 s; a slow machine goes on until it saw enough.") var seconds = 60.0
  @Flag(help: "End with one JSON object.") var json = false

  /// A run that saw too little on a slow machine goes on, for so many times the seconds at most.
  private static let patience = 10.0
  /// The same shapes again and again, so that each third of the run has the largest.
  private static let cycle = 8
  /// A process with several threads, as this one, keeps the addresses of all files that it had. A process may have 65,530.
  private static let mostReplacements = 8000
  private static let longestStop = 200_000_000

  func validate() throws {
    guard workers >= 3, keys >= 1, seconds >= 10 else {
      throw ValidationError("at least 3 workers, a key and 10 s")
    }
  }

  func run() throws {
    let watchdog = Watchdog("soak")
    let options = try CrewOptions.parse([
      "--workers", "\(workers)", "--seed", "\(seed)", "--keys", "\(keys)", "--all",
    ])
    try withTemporaryDirectory { directory in
      let counts = try CrewCounts(directory, creates: true)
      let cache = try CrewCache(directory, creates: true)
      var crew = try Crew(options, directory)
      let keeper = try SharedStore.open(path: crew.path, Shapes.first(keys))
      try crew.start()
      let events = Events(crew, keeper, seed: seed)
      var series = SoakSeries(interval: Int64(seconds * 1e9) / 60)
      var progress = ProgressLine("soak, \(Int(seconds)) s")
      let pause = Int64(seconds * 1e9) / Int64(Soak.mostReplacements)
      while series.share < 1 || series.share < Soak.patience && !series.isLong(shapes: Soak.cycle),
        events.crew.sum(.failures) == 0, events.crew.crashes == 0
      {
        watchdog.progress()
        try events.happen()
        try series.look(events.crew, events.replacements)
        progress.show(events.crew.sum(.operations), "\(events.kills) kills, \(events.replacements) replacements")
        System.sleep(pause + Int64(events.random.below(100_000_000)))
      }
      crew = events.crew
      crew.stop()
      let settled = try crew.settle(keeper)
      var report = Report()
      report.add("command", "soak")
      report.add("seconds", series.seconds)
      report.add("seed", Int(truncatingIfNeeded: seed))
      report.add("workers", workers)
      events.add(to: &report)
      let wrongCounts = try counts.violations()
      report.add("countSteps", counts.steps)
      report.add("wrongCounts", wrongCounts)
      report.add("computations", cache.computations)
      settled.add(to: &report, crew)
      let grown = series.add(to: &report)
      let more = try close(counts, cache)
      report.add("findingsElsewhere", more)
      let unasked = crew.records[0][.made] + crew.records[CrewWorker.idle][.made]
      report.add("unasked", unasked)
      let isLong = series.isLong(shapes: Soak.cycle)
      report.add("tooShort", isLong ? 0 : 1)
      let isIdle = counts.steps == 0 || cache.computations == 0 || crew.sum(.hits) == 0
      try report.finish(
        json: json,
        violations: grown + settled.violations + crew.crashes + wrongCounts + more + unasked,
        isIdle: isIdle || !isLong)
    }
  }

  /// What the verifier finds in the stores that the crew's judge does not look at.
  private func close(_ counts: CrewCounts, _ cache: CrewCache) throws -> Int {
    let paths = [counts.store.path, cache.cache.store!.path]
    counts.store.close()
    cache.cache.close()
    let findings = try paths.flatMap { try Verifier(path: $0).findings() }
    for finding in findings.prefix(10) { System.explain("\(finding)\n") }
    return findings.count
  }

  /// What is done to the crew.
  private final class Events {
    var crew: Crew
    var random: SeededGenerator
    private let keeper: SharedStore
    private let cycle: [StoreConfiguration]
    private(set) var replacements = 0
    private(set) var kills = 0
    private var openings = 0
    private var stops = 0
    private var removals = 0
    private var busy = 0

    init(_ crew: Crew, _ keeper: SharedStore, seed: UInt64) {
      self.crew = crew
      self.keeper = keeper
      var shapes = Shapes(keys: crew.options.keys, seed: seed)
      cycle = (0..<Soak.cycle).map { _ in shapes.next() }
      random = SeededGenerator(seed: seed &+ 1)
    }

    func happen() throws {
      let keys = crew.options.keys
      if random.below(4) > 0 {
        let shape = cycle[replacements % cycle.count]
        if let next = try unlessBusy({ try SharedStore.open(path: crew.path, shape) }) {
          next.close()
          replacements += 1
        }
      }
      if random.below(8) == 0 {
        let shape = CrewCounts.shapes[random.below(2)]
        try unlessBusy { try SharedStore.open(path: CrewCounts.path(crew.directory), shape) }?.close()
      }
      for _ in 0..<3 {
        let other = try SharedStore.open(path: crew.path, Shapes.first(keys, .useExisting))
        _ = try other.get(Probe.prefix)
        // Some go away without being closed.
        if openings % 2 == 0 { other.close() }
        openings += 1
      }
      try unlessBusy { try keeper.set(Probe.prefix, to: [UInt8](repeating: 1, count: 100)) }
      _ = try keeper.get(Probe.prefix)
      if random.below(16) == 0 {
        if try unlessBusy({ try crew.history.removingAll { try keeper.removeAll() } }) != nil { removals += 1 }
      }
      let victim = 2 + random.below(crew.options.workers - 2)
      if random.below(8) == 0 {
        crew.hold(random.below(4) == 0 ? random.below(2) : victim, Int64(random.below(Soak.longestStop)))
        stops += 1
      }
      try crew.kill(victim)
      kills += 1
    }

    /// A stopped worker may hold a shard for longer than anybody waits.
    @discardableResult
    private func unlessBusy<Result>(_ body: () throws -> Result) throws -> Result? {
      do {
        return try body()
      } catch let error as WarpError where error.code == .busy {
        busy += 1
        return nil
      }
    }

    func add(to report: inout Report) {
      report.add("kills", kills)
      report.add("replacements", replacements)
      report.add("openings", openings)
      report.add("stops", stops)
      report.add("removalsOfAll", removals)
      report.add("busy", busy)
    }
  }
}
