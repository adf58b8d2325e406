// SPDX-License-Identifier: Apache-2.0
// The workers, processes or threads, seen from their parent: started, let go together, watched, waited for.
//
// - The clock runs from the moment the gate opens, when all have the store open, to the end of the last worker.
// - A worker that dies takes the replay with it, but the others are told to stop and are waited for first. Workers
//   whose parent died stop by themselves at the gate, and otherwise at the end of the trace.

import ReplaySupport
import WarpTrace

struct Crew {
  /// How a worker ended, in words, "" if well; nil while it runs.
  typealias Ending = () -> String?

  private let trace: Trace
  private let workers: Int
  private let showsProgress: Bool
  /// Starts the worker of this number.
  private let start: (Int, Board) throws(TraceError) -> Ending

  init(
    _ trace: Trace, workers: Int, showsProgress: Bool,
    start: @escaping (Int, Board) throws(TraceError) -> Ending
  ) {
    self.trace = trace
    self.workers = workers
    self.showsProgress = showsProgress
    self.start = start
  }

  /// Replays the whole trace. Returns what each worker did, with the nanoseconds each took and all took.
  ///
  /// - Throws: `workerFailed`, `interrupted`, `system`.
  func run() throws(TraceError) -> (workers: [Outcome.Share], nanoseconds: Int) {
    let board = try Board(workers: workers)
    var running: [(worker: Int, ending: Ending)] = []
    var failure: TraceError?
    do throws(TraceError) {
      for worker in 0..<workers { running.append((worker, try start(worker, board))) }
    } catch {
      failure = error
    }
    var progress = Progress(total: trace.count, isShown: showsProgress)
    var begin = 0
    // Ends with the last child: each ends by itself at the end of the trace, or at a gate that says stop.
    while !running.isEmpty {
      running.removeAll { child in
        guard let ending = child.ending() else { return false }
        if !ending.isEmpty, failure == nil {
          failure = TraceError(.workerFailed, "worker \(child.worker + 1) \(ending)")
        }
        return true
      }
      if Interrupt.isRaised, failure == nil { failure = TraceError(.interrupted, "interrupted") }
      if failure != nil {
        board.gate = .stopped
      } else if begin == 0, board.ready == workers {
        begin = Processes.now()
        board.gate = .open
      }
      progress.show(min(board.taken, trace.count))
      // Short at the start, where the time counts, and where a small trace is through in no time.
      Processes.pause(milliseconds: begin == 0 ? 1 : 5)
    }
    progress.clear()
    if let failure { throw failure }
    let shares = (0..<workers).map { worker in
      let tally = board.tally(worker: worker)
      return Outcome.Share(tally: tally, nanoseconds: tally.end - begin)
    }
    return (shares, shares.map(\.nanoseconds).max() ?? 0)
  }
}

extension Crew {
  /// Worker processes on one store.
  static func processes(_ trace: Trace, store: String, workers: Int, showsProgress: Bool) -> Crew {
    Crew(trace, workers: workers, showsProgress: showsProgress) { (worker, board) throws(TraceError) in
      var arguments = [
        "--worker-index", "\(worker)", "--path", store, "--board-descriptor", "\(board.file.descriptor)",
        "--ids-descriptor", "\(trace.ids.descriptor)", "--largest-size", "\(trace.largestSize)",
      ]
      if let sizes = trace.sizes { arguments += ["--sizes-descriptor", "\(sizes.descriptor)"] }
      let process = try Processes.spawn(arguments)
      return { Processes.ending(process) }
    }
  }

  /// Threads of this process on one cache.
  static func threads(
    _ trace: Trace, cache: MemoryWorker.Cache, workers: Int, showsProgress: Bool
  ) -> Crew {
    Crew(trace, workers: workers, showsProgress: showsProgress) { (worker, board) throws(TraceError) in
      let hand = MemoryWorker(index: worker, board: board, trace: trace, cache: cache)
      let thread = try WorkerThread.start { try hand.run() }
      return { thread.ending }
    }
  }
}
