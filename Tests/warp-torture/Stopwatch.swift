// SPDX-License-Identifier: Apache-2.0
// What the parent and the workers of `freeze` share, and how a worker times its calls.
//
//   words   | phase, ready, held … 8 | stops x workers | per worker: get, held get, write, two waits |
//
// - The last worker is the reader. It is never stopped.
// - The parent raises a worker's `stops` while that worker stands still, so a call that a stop fell into sees it change
//   and is left out: only those who were not stopped are promised anything.
// - The wait that the protocol itself causes is the pauses that a call asked for, each as long as it asked for, and the
//   core time that it used. How late the kernel ends a pause, and how long a thread that is ready has no core, is the
//   machine's: a pause of 50 us was seen to take milliseconds. A sched_yield is no pause by this count.

import CTorture
import WarpFormat

struct FreezeWords {
  /// 1: no more stops; make the last sets and end.
  static let phase = 0
  static let ready = 1
  /// Not 0 while a worker that holds a shard stands still; another number each time.
  static let held = 2
  static let readerBusy = 3
  /// Stops of all workers.
  static let allStops = 4
  private static let first = 8

  enum Kind: Int, CaseIterable {
    case get
    /// Gets while a worker that held a shard stood still from beginning to end.
    case heldGet
    /// Sets and removes.
    case write
    /// The gets again: what the protocol asked for.
    case protocolWait
    /// The same, divided by one more than the stops that fell into the call: each stop may begin another wait.
    case waitPerStop
  }

  let words: SharedWords
  let workers: Int

  init(_ path: String, workers: Int, creates: Bool) throws {
    let count = FreezeWords.first + workers * (1 + Kind.allCases.count * Latencies.size)
    words = try SharedWords(path, count: creates ? count : nil)
    self.workers = workers
  }

  func stops(_ worker: Int) -> UInt64 { words.load(FreezeWords.first + worker) }
  func countStop(_ worker: Int) {
    words.add(FreezeWords.allStops, 1)
    words.add(FreezeWords.first + worker, 1)
  }

  func latencies(_ kind: Kind, _ worker: Int) -> Latencies {
    let index = worker * Kind.allCases.count + kind.rawValue
    return Latencies(words, at: FreezeWords.first + workers + index * Latencies.size)
  }

  func all(_ kind: Kind) -> [Latencies] { (0..<workers).map { latencies(kind, $0) } }
}

/// Times the calls of one worker.
struct Stopwatch {
  let words: FreezeWords
  let worker: Int

  struct Start {
    let time: Int64
    let use: (core: Int64, waits: Int64)
    let stops: UInt64
    let allStops: UInt64
    let held: UInt64
  }

  private func use() -> (core: Int64, waits: Int64) {
    var core: Int64 = 0
    var waits: Int64 = 0
    _ = torture_thread_use(&core, &waits)
    return (core, waits)
  }

  /// - Parameter isGet: the kernel's account is read for gets only.
  func start(isGet: Bool) -> Start {
    // Before the time is taken: a stop between the two must be seen.
    let stops = words.stops(worker)
    let held = words.words.load(FreezeWords.held)
    let allStops = words.words.load(FreezeWords.allStops)
    return Start(
      time: System.bootTime(), use: isGet ? use() : (0, 0), stops: stops,
      allStops: allStops, held: held)
  }

  func endGet(_ start: Start) {
    let time = System.bootTime() - start.time
    let held = words.words.load(FreezeWords.held)
    guard words.stops(worker) == start.stops else { return }
    words.latencies(.get, worker).add(time)
    if held != 0, held == start.held { words.latencies(.heldGet, worker).add(time) }
    let use = use()
    let waited =
      (use.waits - start.use.waits) * Format.sleepNanoseconds + use.core - start.use.core
    words.latencies(.protocolWait, worker).add(waited)
    let stops = Int64(words.words.load(FreezeWords.allStops) - start.allStops)
    words.latencies(.waitPerStop, worker).add(waited / (1 + stops))
  }

  func endWrite(_ start: Start) {
    let time = System.bootTime() - start.time
    if words.stops(worker) == start.stops { words.latencies(.write, worker).add(time) }
  }
}
