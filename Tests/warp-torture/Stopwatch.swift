// SPDX-License-Identifier: Apache-2.0
// What the parent and the workers of `freeze` share, and how a worker times its calls.
//
//   words   | phase, ready, held … 8 | stops x workers | per worker: get, held get, write, protocol |
//
// - The last worker is the reader. It is never stopped.
// - The parent raises a worker's `stops` while that worker stands still, so a call that a stop fell into sees it change
//   and is left out: only those who were not stopped are promised anything.
// - The wait that the protocol itself causes is the time of a call without that for which the thread was ready to run and
//   had no core. What remains is its own work, its pauses, and how late the kernel ends a pause.

import CTorture
import WarpFormat

struct FreezeWords {
  /// 1: no more stops; make the last sets and end.
  static let phase = 0
  static let ready = 1
  /// Not 0 while a worker that holds a shard stands still; another number each time.
  static let held = 2
  static let readerBusy = 3
  private static let first = 8

  enum Kind: Int, CaseIterable {
    case get
    /// Gets while a worker that held a shard stood still from beginning to end.
    case heldGet
    /// Sets and removes.
    case write
    /// The gets again, without the time in which there was no core.
    case protocolWait
  }

  let words: SharedWords
  let workers: Int

  init(_ path: String, workers: Int, creates: Bool) throws {
    let count = FreezeWords.first + workers * (1 + Kind.allCases.count * Latencies.size)
    words = try SharedWords(path, count: creates ? count : nil)
    self.workers = workers
  }

  func stops(_ worker: Int) -> UInt64 { words.load(FreezeWords.first + worker) }
  func countStop(_ worker: Int) { words.add(FreezeWords.first + worker, 1) }

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
    let coreWait: Int64
    let stops: UInt64
    let held: UInt64
  }

  /// - Parameter isGet: the kernel's account is read for gets only.
  func start(isGet: Bool) -> Start {
    // Before the time is taken: a stop between the two must be seen.
    let stops = words.stops(worker)
    let held = words.words.load(FreezeWords.held)
    return Start(time: System.bootTime(), coreWait: isGet ? torture_core_wait() : 0, stops: stops, held: held)
  }

  func endGet(_ start: Start) {
    let time = System.bootTime() - start.time
    let held = words.words.load(FreezeWords.held)
    guard words.stops(worker) == start.stops else { return }
    words.latencies(.get, worker).add(time)
    if held != 0, held == start.held { words.latencies(.heldGet, worker).add(time) }
    // Reading the kernel's account costs more than a get; what is short needs no excuse.
    let waited = time > 1_000_000 ? time - (torture_core_wait() - start.coreWait) : time
    words.latencies(.protocolWait, worker).add(waited)
  }

  func endWrite(_ start: Start) {
    let time = System.bootTime() - start.time
    if words.stops(worker) == start.stops { words.latencies(.write, worker).add(time) }
  }
}
