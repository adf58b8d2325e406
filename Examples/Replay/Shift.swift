// SPDX-License-Identifier: Apache-2.0
// What every worker does, process or thread: wait at the gate, take blocks of requests until the trace is through, say
// what it has counted.

import ReplaySupport
import WarpTrace

struct Shift {
  let worker: Int
  let board: Board
  let trace: Trace

  /// - Parameter serve: one request: get, else fill.
  func run(_ serve: (Int, inout Board.Tally) throws -> Void) throws {
    guard waitAtGate() else { return }
    var tally = Board.Tally()
    // One round for each block of the trace.
    while board.gate == .open, let block = board.takeBlock(of: trace.count) {
      for request in block { try serve(request, &tally) }
      board.publish(tally, worker: worker)
    }
    tally.end = Processes.now()
    board.publish(tally, worker: worker)
  }

  /// Whether it opened. It opens, or the parent stops us, or the parent is gone.
  private func waitAtGate() -> Bool {
    let parent = Processes.parent
    board.reportReady()
    while board.gate == .waiting, Processes.parent == parent { Processes.pause(milliseconds: 1) }
    return board.gate == .open
  }
}
