// SPDX-License-Identifier: Apache-2.0
// Workers that are threads of this process.

import Dispatch

enum ThreadCrew {
  /// - Parameter work: makes a worker's step; called on the worker's thread.
  static func run(
    _ board: Board, modes: [Int], windowNanoseconds: UInt64, work: @escaping @Sendable (Int) -> () -> Int
  ) throws -> WindowOutcome {
    // One iteration to a thread: concurrentPerform uses no more threads than there are cores, and a worker waits for all.
    let done = DispatchGroup()
    for index in 0..<board.workers {
      let queue = DispatchQueue(label: "worker \(index)")
      queue.async(group: done) {
        let step = work(index)
        WindowWork.run(board, index: index, modes: modes, nanoseconds: windowNanoseconds, step: step)
      }
    }
    while done.wait(timeout: .now() + .milliseconds(50)) == .timedOut {
      if Interrupt.isRaised { board.stop() }
    }
    if Interrupt.isRaised { throw BenchError("interrupted") }
    return WindowOutcome(board, modes: modes)
  }
}
