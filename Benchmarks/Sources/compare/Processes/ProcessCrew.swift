// SPDX-License-Identifier: Apache-2.0
// Workers that are processes: this program again, with the hidden subcommand `worker`.

struct ProcessCrew {
  /// What each worker is to do, by its index.
  let jobs: [Job]
  let path: String
  let entries: Int

  enum Job: String {
    /// Gets of keys that are there.
    case read
    /// The same through a handle that counts nothing and marks nothing.
    case readQuietly
    /// Gets, of which none is there.
    case miss
    /// Sets of keys that are there, one after the other.
    case write
    /// 95 gets and 5 sets in a hundred.
    case mix
    /// Gets from the predecessor's engine.
    case readOldEngine
  }

  /// Runs all windows.
  ///
  /// - Throws: ``BenchError`` if a worker fails.
  func run(_ session: Session, modes: [Int], windows: Int, nanoseconds: UInt64) throws -> WindowOutcome {
    let file = session.scratch.file("board")
    defer { Scratch.removeTree(file) }
    let board = try Board(workers: jobs.count, windows: windows, path: file)
    let children = try start(board, file, modes: modes, windows: windows, nanoseconds: nanoseconds)
    // Ten times what the windows take, and a minute for the start on a busy machine.
    let limit = 60_000 + 10 * windows * Int(nanoseconds / 1_000_000)
    var waited = 0
    while waited < limit, children.contains(where: \.isRunning) {
      if Interrupt.isRaised { board.stop() }
      Clocks.sleep(milliseconds: 10)
      waited += 10
    }
    board.stop()
    let ended = children.map { $0.wait(milliseconds: 2000) }
    if Interrupt.isRaised { throw BenchError("interrupted") }
    guard ended.allSatisfy({ $0 }) else { throw BenchError("a worker failed") }
    return WindowOutcome(board, modes: modes)
  }

  /// Runs one long window beside a probe of this process, over and over for so long. Also says whether all of them had a core.
  func runBeside(
    _ session: Session, milliseconds: Int, _ probe: () -> [Double]
  ) throws -> (found: [Double], hadCores: Bool) {
    let file = session.scratch.file("board")
    defer { Scratch.removeTree(file) }
    let board = try Board(workers: jobs.count, windows: 1, path: file)
    let nanoseconds = UInt64(milliseconds) * 1_000_000
    let children = try start(board, file, modes: [jobs.count], windows: 1, nanoseconds: nanoseconds)
    while board.arrived < UInt64(jobs.count), children.allSatisfy(\.isRunning), !Interrupt.isRaised {
      Clocks.sleep(milliseconds: 1)
    }
    let begin = (wall: Clocks.now(.wall), thread: Clocks.now(.thread))
    let end = begin.wall &+ nanoseconds &- nanoseconds / 10
    var found: [Double] = []
    while Clocks.now(.wall) < end, !Interrupt.isRaised { found += probe() }
    var parts = [Double(Clocks.now(.thread) - begin.thread) / Double(Clocks.now(.wall) - begin.wall)]
    guard children.map({ $0.wait(milliseconds: 5000) }).allSatisfy({ $0 }) else {
      throw BenchError("a worker failed")
    }
    for index in jobs.indices {
      let share = board.share(window: 0, worker: index)
      parts.append(Double(share.processor) / Double(max(1, share.window)))
    }
    return (found, parts.allSatisfy { $0 >= WindowOutcome.leastPart })
  }

  private func start(
    _ board: Board, _ file: String, modes: [Int], windows: Int, nanoseconds: UInt64
  ) throws -> [ChildProcess] {
    try jobs.indices.map { index in
      try ChildProcess(
        ChildProcess.own,
        [
          "worker", "--board", file, "--workers", "\(jobs.count)", "--windows", "\(windows)", "--index", "\(index)",
          "--job", jobs[index].rawValue, "--store", path, "--entries", "\(entries)", "--nanoseconds",
          "\(nanoseconds)",
          "--modes", modes.map(String.init).joined(separator: ","),
        ], showsOutput: true)
    }
  }
}
