// SPDX-License-Identifier: Apache-2.0
// Several processes on one store: readers side by side, readers beside writers, more processes than cores, and what a writer that
// was stopped or killed in the middle of a set costs those who read.

import WarpKV

extension BenchGroup {
  static let processes = BenchGroup(
    name: "processes", summary: "two, and eight, processes on one store; writers that stop or die"
  ) { session in
    let scene = try ProcessScene(session)
    try scene.readers()
    try scene.threads()
    try scene.counting()
    try scene.besideWriter()
    try scene.mixed()
    try scene.missesBesideWriter()
    try scene.eight()
    try scene.besideTheDead()
  }
}

/// The store of 1,000 hot entries that all parts of the group use.
private struct ProcessScene {
  static let entries = 1000
  static let size = 64

  let session: Session
  let series: Series
  let place: BenchStore
  let windows: Int
  /// Nanoseconds.
  let window: UInt64 = 2_000_000

  init(_ session: Session) throws {
    self.session = session
    series = session.series("processes", entries: ProcessScene.entries, valueSize: ProcessScene.size)
    place = try BenchStore(session.scratch, entries: ProcessScene.entries, valueSize: ProcessScene.size)
    windows = session.isQuick ? 1000 : 4000
  }

  private func run(
    _ jobs: [ProcessCrew.Job], modes: [Int], windows: Int? = nil, window: UInt64? = nil
  ) throws -> (outcome: WindowOutcome, retries: Double, busy: Int, reads: Int) {
    let crew = ProcessCrew(jobs: jobs, path: place.path, entries: ProcessScene.entries)
    let before = try place.store.statistics()
    let outcome = try crew.run(
      session, modes: modes, windows: windows ?? self.windows, nanoseconds: window ?? self.window)
    let after = try place.store.statistics()
    let reads = after.hits - before.hits + after.misses - before.misses + after.busyMisses - before.busyMisses
    return (
      outcome, Double(after.retries - before.retries) / Double(max(1, reads)), after.busyMisses - before.busyMisses,
      reads
    )
  }

  // MARK: Readers

  /// Two readers against one.
  func readers() throws {
    let run = try run([.read, .read], modes: [1, 2])
    BenchGroup.report(session, series, "two readers to one", "two reader processes, to one", run.outcome)
  }

  /// Two threads of this process on one handle, against one. They share the handle's line of counters.
  func threads() throws {
    let stream = session.stream(series)
    let board = try Board(workers: 2, windows: windows)
    let store = place.store
    let outcome = try ThreadCrew.run(board, modes: [1, 2], windowNanoseconds: window) { index in
      var at = index * stream.count / 2
      let buffer = Buffer(ProcessScene.size)
      return {
        var sum = 0
        for _ in 0..<256 {
          var target = buffer.bytes.mutableBytes
          if case .hit(let size) = try! store.get(stream.key(at).bytes, into: &target) { sum &+= size }
          at += 1
          if at == stream.count { at = 0 }
        }
        return sum
      }
    }
    BenchGroup.report(session, series, "two threads to one", "two reader threads, to one", outcome)
  }

  /// Two readers who count and mark, against two who may not. They take turns as crews, five times.
  func counting() throws {
    var ratios: [Double] = []
    for _ in 0..<5 {
      let on = try run([.read, .read], modes: [2], windows: windows / 5).outcome
      let off = try run([.readQuietly, .readQuietly], modes: [2], windows: windows / 5).outcome
      let (rate, reference) = (on.medianRate(of: 0), off.medianRate(of: 0))
      if on.validRates(of: 0).count >= WindowOutcome.leastPairs,
        off.validRates(of: 0).count >= WindowOutcome.leastPairs
      {
        ratios.append(rate / reference)
      }
    }
    guard ratios.count == 5 else {
      return session.findings.skip(
        "counting, to not counting", "too few windows had a core for each worker: the machine is busy")
    }
    session.add(series, "counting on to off", ratios)
  }

  // MARK: Readers and writers

  /// A reader beside a writer that never rests, against the reader alone.
  func besideWriter() throws {
    try retries([.read, .write], "retries beside a writer", gate: "retries per read beside a nonstop writer")
    let run = try run([.read, .write], modes: [1, 2])
    let alone = run.outcome.validRates(of: 0)
    let beside = stride(from: 1, to: run.outcome.rates.count, by: 2).compactMap { window in
      run.outcome.rates[window] == nil ? nil : run.outcome.workerRates[window][0]
    }
    guard alone.count >= WindowOutcome.leastPairs, beside.count >= WindowOutcome.leastPairs else { return }
    session.add(series, "a reader beside a writer to alone", [Percentile.median(beside) / Percentile.median(alone)])
  }

  /// 95 gets and 5 sets in a hundred, in two processes.
  func mixed() throws {
    try retries([.mix, .mix], "retries 95/5", gate: "retries per read, 95/5 twice")
    let run = try run([.mix, .mix], modes: [1, 2])
    BenchGroup.report(session, series, "two 95/5 to one", "95/5 in two processes, to one", run.outcome)
  }

  /// Retries per read of two workers who are always at it both. Retries happen where both run at once, and are counted over all
  /// windows: so all but a few of these must have had both.
  private func retries(_ jobs: [ProcessCrew.Job], _ name: String, gate: String) throws {
    let run = try run(jobs, modes: [2])
    let valid = run.outcome.validRates(of: 0).count
    guard valid >= WindowOutcome.leastPairs, valid * 5 >= run.outcome.rates.count * 4 else {
      return session.findings.skip(gate, run.outcome.shortage(pairs: valid))
    }
    session.add(series, name, [run.retries])
  }

  /// Gets of absent keys beside a writer that never rests: every one must end as a miss, none as busy.
  func missesBesideWriter() throws {
    let before = try place.store.statistics()
    let crew = ProcessCrew(jobs: [.write], path: place.path, entries: ProcessScene.entries)
    let latency = LatencyProbe(place, entries: ProcessScene.entries)
    let (probes, hadCores) = try crew.runBeside(session, milliseconds: session.isQuick ? 1000 : 4000) {
      latency.probe()
    }
    let after = try place.store.statistics()
    // A writer that gets no core in the middle of a set keeps a miss waiting for as long as that takes.
    guard hadCores, !probes.isEmpty else {
      return session.findings.skip(
        "busy misses beside a nonstop writer", "the writer or the reader had no core for some of the time")
    }
    session.add(series, "busy misses beside a writer", [Double(after.busyMisses - before.busyMisses)])
    let (median, late) = (Percentile.median(probes), Percentile.of(probes, 0.99))
    session.add(series, "a miss beside a writer, p99 to median", [late / max(1, median)], nanoseconds: late)
  }

  // MARK: More processes than cores

  func eight() throws {
    let gate = "8 processes on 2 cores, to 2"
    guard Machine.cores == 2 else { return session.findings.skip(gate, "this machine has \(Machine.cores) cores") }
    let run = try run(
      Array(repeating: .mix, count: 8), modes: [2, 8], windows: session.isQuick ? 60 : 200, window: 50_000_000)
    BenchGroup.report(session, series, "8 processes to 2", gate, run.outcome)
  }

  // MARK: Writers that do not go on

  /// Three stores with the same entries: one at rest, one whose writer is stopped in the middle of a set, one whose writer was
  /// killed there. The same gets from each, in turns. Each store has its own seed, and with it luck with the hottest keys' chains;
  /// so the same was measured before there were writers, and what is reported is what became of that.
  func besideTheDead() throws {
    let others = try ["stopped", "dead"].map { _ in
      try BenchStore(session.scratch, entries: ProcessScene.entries, valueSize: ProcessScene.size)
    }
    let stream = session.stream(series)
    // The writer may change values of its store: the same keys, other bytes.
    let variants = [
      place.get(stream, name: "hits at rest"), others[0].get(stream, name: "hits beside a stopped writer, each"),
      others[1].get(stream, name: "hits beside a dead writer, each"),
    ].map { Variant(name: $0.name, isComparable: false, run: $0.run) }
    let before = Measure.interleaved(series, variants)
    let stopped = try InterruptedWriter(session, others[0])
    let dead = try InterruptedWriter(session, others[1])
    defer { stopped.end() }
    dead.end()
    let timings = session.measure(series, variants)
    guard before.count == 3, timings.count == 3, stopped.isHolding, dead.isHolding else {
      for state in ["stopped", "dead"] {
        session.findings.skip("hits beside a \(state) writer", "the writer let go of its shard")
      }
      return
    }
    for (number, state) in [(1, "stopped"), (2, "dead")] {
      let luck = Percentile.median(zip(before[number].nanoseconds, before[0].nanoseconds).map { $0 / $1 })
      let ratios = zip(timings[0].nanoseconds, timings[number].nanoseconds).map { luck * $0 / $1 }
      session.add(
        series, "hits beside a \(state) writer", ratios, nanoseconds: Percentile.median(timings[number].nanoseconds)
      )
    }
  }
}
