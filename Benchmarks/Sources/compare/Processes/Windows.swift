// SPDX-License-Identifier: Apache-2.0
// What a worker does from its first window to the last, and what a run of workers gives.
//
// A mode is a number of workers that work in a window; the others sleep through it. Modes take turns, so that what is
// compared was measured a few milliseconds apart.

/// A worker's part, the same for threads and processes.
enum WindowWork {
  /// - Parameter step: does 256 operations and returns a sum over what it read.
  static func run(
    _ board: Board, index: Int, modes: [Int], nanoseconds: UInt64, step: () -> Int
  ) {
    // What is behind the windows in time, to warm up, and the first windows do not count anyway.
    for window in 0..<board.windows {
      guard let (begin, end) = board.enter(window, nanoseconds: nanoseconds) else { return }
      let works = index < modes[window % modes.count]
      if !works {
        while Clocks.now(.wall) < end { Clocks.sleep(milliseconds: 1) }
        continue
      }
      while Clocks.now(.wall) < begin {}
      var share = Board.Share()
      let processor = Clocks.now(.thread)
      var now = begin
      while now < end {
        share.sum &+= UInt64(truncatingIfNeeded: step())
        share.operations += 256
        now = Clocks.now(.wall)
      }
      share.processor = Clocks.now(.thread) &- processor
      share.window = now &- begin
      board.publish(share, window: window, worker: index)
    }
  }
}

/// All windows of a run.
struct WindowOutcome {
  /// Pairs of windows below which nothing is told.
  static let leastPairs = 20
  /// The part of its window that a worker must have had a core.
  static let leastPart = 0.97

  let modes: [Int]
  let cores: Int
  /// Operations per second of all workers together, for each window; nil if somebody had no core.
  let rates: [Double?]
  /// The same for each worker.
  let workerRates: [[Double]]
  let operations: Int

  init(_ board: Board, modes: [Int]) {
    self.modes = modes
    let cores = Machine.cores
    self.cores = cores
    var operations = 0
    var workerRates: [[Double]] = []
    rates = (0..<board.windows).map { window in
      let active = min(modes[window % modes.count], board.workers)
      let shares = (0..<active).map { board.share(window: window, worker: $0) }
      operations += shares.reduce(0) { $0 + $1.operations }
      let each = shares.map { $0.window == 0 ? 0 : Double($0.operations) * 1e9 / Double($0.window) }
      workerRates.append(each)
      let parts = shares.map { $0.window == 0 ? 0 : Double($0.processor) / Double($0.window) }
      let isFair =
        active <= cores
        ? parts.allSatisfy { $0 >= WindowOutcome.leastPart }
        : parts.reduce(0, +) >= WindowOutcome.leastPart * Double(cores)
      // The first windows warm up.
      guard isFair, window >= 2 * modes.count else { return nil }
      return each.reduce(0, +)
    }
    self.workerRates = workerRates
    self.operations = operations
  }

  /// The ratio of two modes' rates, of each pair of neighbours in which all had a core.
  func ratios(of mode: Int, to other: Int) -> [Double] {
    stride(from: 0, to: rates.count - modes.count + 1, by: modes.count).compactMap { round in
      guard let rate = rates[round + mode], let reference = rates[round + other], reference > 0 else { return nil }
      return rate / reference
    }
  }

  func validRates(of mode: Int) -> [Double] {
    stride(from: mode, to: rates.count, by: modes.count).compactMap { rates[$0] }
  }

  func medianRate(of mode: Int) -> Double { Percentile.median(validRates(of: mode)) }

  func shortage(pairs: Int) -> String {
    "only \(pairs) of \(rates.count / max(1, modes.count)) windows had a core for each worker: the machine is busy"
  }
}
