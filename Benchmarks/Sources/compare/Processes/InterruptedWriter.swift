// SPDX-License-Identifier: Apache-2.0
// A writer process that is stopped while it holds the shard of a store with one shard.

import CLimit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

final class InterruptedWriter {
  private let process: ChildProcess
  private let place: BenchStore
  private let board: Board
  private let file: String

  /// - Throws: ``BenchError`` if it can't be stopped at the right moment in ten seconds.
  init(_ session: Session, _ place: BenchStore) throws {
    self.place = place
    file = session.scratch.file("board")
    board = try Board(workers: 1, windows: 1, path: file)
    process = try ChildProcess(
      ChildProcess.own,
      [
        "worker", "--board", file, "--workers", "1", "--windows", "1", "--index", "0", "--job", "write", "--store",
        place.path, "--entries", "1000", "--nanoseconds", "600000000000", "--modes", "1",
      ], showsOutput: true)
    while process.isRunning, board.arrived == 0, !Interrupt.isRaised { Clocks.sleep(milliseconds: 5) }
    for _ in 0..<1000 where process.isRunning && !Interrupt.isRaised {
      Clocks.sleep(milliseconds: 2)
      process.signal(SIGSTOP)
      // The stop takes effect at once on the core the writer runs on; the word is looked at once it surely has.
      Clocks.sleep(milliseconds: 2)
      if isHolding { return }
      process.signal(SIGCONT)
    }
    process.end()
    throw BenchError("a writer could not be stopped while it held the shard")
  }

  deinit {
    end()
    Scratch.removeTree(file)
  }

  /// Whether somebody holds the first shard.
  var isHolding: Bool { limit_owner(&place.limit, 0) != 0 }

  /// Kills it, as it is.
  func end() { process.end() }
}
