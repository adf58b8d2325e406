// SPDX-License-Identifier: Apache-2.0
// The predecessor: its engine, rebuilt in C and called in this process, is the fair comparison; its real package, called from a
// Python loop, is what its users see, so a bare call of a Python function stands beside it.
//
// The ratio of the engine is its time to WarpKV's; in two processes WarpKV's rate to the engine's.

import CPeers
import WarpKV

extension BenchGroup {
  static let predecessor = BenchGroup(
    name: "predecessor", summary: "warp_cache 0.7.0: its engine rebuilt in C, and the package through Python"
  ) { session in
    for entries in session.isQuick ? [1000] : [1000, 100_000] {
      try engine(session, entries: entries)
      if Interrupt.isRaised { return }
    }
    for entries in [1000, 100_000] {
      do {
        try python(session, entries: entries)
      } catch let error as BenchError {
        session.findings.skip("the predecessor through Python, \(Figure.count(entries))", error.description)
      }
      if Interrupt.isRaised { return }
    }
  }

  private static let oldValueSize = 64

  private static func engine(_ session: Session, entries: Int) throws {
    // How long the chains of the hottest keys are is luck, each store's own: several are measured, one after the other.
    let places = try (0..<stores).map {
      try BenchStore(session.scratch, entries: entries, valueSize: oldValueSize, name: "store-\($0).warp")
    }
    let room = old_engine_size(UInt64(entries), UInt32(Content.keySize), UInt32(oldValueSize))
    let file = session.scratch.file("old-engine")
    defer { Scratch.removeTree(file) }
    let engine = OpaquePointer(try Board.map(file, room, Board.new))
    old_engine_make(engine, UInt64(entries), UInt32(Content.keySize), UInt32(oldValueSize))
    for entry in 0..<entries {
      let (key, value) = (Content.key(entry), Content.value(entry, size: oldValueSize))
      guard old_engine_put(engine, key, key.count, value, value.count) == 0 else {
        throw BenchError("the old engine is full")
      }
    }
    let series = session.series("predecessor", entries: entries, valueSize: oldValueSize)
    let stream = session.stream(series)
    let old = Variant(name: "its engine in C") { range in
      old_engine_sum(
        engine, stream.key(range.lowerBound).baseAddress, Content.keySize, Content.keySize, range.count)
    }
    session.measure(series, places.map { [$0.get(stream), $0.limitGet(stream), old] })
    try twice(session, series, places[0], file)
  }

  private static let stores = 4

  /// Two processes with each engine, the crews in turns.
  private static func twice(_ session: Session, _ series: Series, _ place: BenchStore, _ engine: String) throws {
    var ratios: [Double] = []
    let windows = session.isQuick ? 200 : 800
    for _ in 0..<5 {
      func rate(_ job: ProcessCrew.Job, _ path: String) throws -> Double? {
        let crew = ProcessCrew(jobs: [job, job], path: path, entries: series.entries)
        let outcome = try crew.run(session, modes: [2], windows: windows, nanoseconds: 2_000_000)
        return outcome.validRates(of: 0).count < WindowOutcome.leastPairs ? nil : outcome.medianRate(of: 0)
      }
      if let ours = try rate(.read, place.path), let old = try rate(.readOldEngine, engine) {
        ratios.append(ours / old)
      }
    }
    guard ratios.count == 5 else {
      return session.findings.skip(
        "the predecessor's engine, two processes", "too few windows had a core for each worker: the machine is busy"
      )
    }
    session.add(series, "its engine in C, two processes", ratios)
  }

  /// The real one. The figure's nanoseconds are a call's; its ratio is to the bare call.
  private static func python(_ session: Session, entries: Int) throws {
    guard let checkout = Files.checkout else { throw BenchError("the script is not above the working directory") }
    let interpreter = checkout + "/Benchmarks/.build/venv-bench/bin/python"
    guard Files.exists(interpreter) else {
      throw BenchError("warp_cache is not installed: Benchmarks/Scripts/setup predecessor")
    }
    let series = session.series("predecessor", entries: entries, valueSize: oldValueSize, chunk: 8192)
    let stream = session.stream(series)
    let (input, output) = (session.scratch.file("ids"), session.scratch.file("python.txt"))
    defer { for file in [input, output] { Scratch.removeTree(file) } }
    try Files.write(stream.ids.map(String.init).joined(separator: "\n"), to: input)
    let process = try ChildProcess(
      interpreter,
      [
        checkout + "/Benchmarks/Scripts/predecessor.py", input, output, "\(entries)", "\(oldValueSize)",
        "\(series.runs)",
      ],
      showsOutput: true)
    guard process.wait(milliseconds: 120_000), let text = Files.text(output) else {
      throw BenchError("Benchmarks/Scripts/predecessor.py failed")
    }
    // A line for each way: its name, a tab, the nanoseconds of a bare call and of a call, of each chunk.
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\t")
      guard parts.count == 3 else { continue }
      let (bare, calls) = (numbers(parts[1]), numbers(parts[2]))
      session.add(
        series, "\(parts[0]) through Python, to a bare call", zip(calls, bare).map { $0 / $1 },
        nanoseconds: Percentile.median(calls))
    }
  }

  private static func numbers(_ text: Substring) -> [Double] {
    text.split(separator: " ").compactMap { Double($0) }
  }
}
