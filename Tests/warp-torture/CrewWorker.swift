// SPDX-License-Identifier: Apache-2.0
// A worker of a crew: it opens the store once, reads and writes until it is told to stop, and tells what it saw. If it is
// to do all kinds of operations, each fourth is one of CrewActs.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct CrewWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "crew-worker", shouldDisplay: false)

  /// The worker that does next to nothing if the others do everything, and the operations after which one is no longer young.
  static let idle = 1
  static let youth = 500

  @OptionGroup var options: CrewOptions
  @Option var directory: String
  @Option var index: Int
  @Flag(help: "It takes the place of one that was killed, and takes the store as it is.") var again = false

  func run() throws {
    let history = try History(
      directory + "/history", workers: options.workers, keys: options.keys, creates: false)
    let record = CrewRecord(words: try SharedWords(directory + "/records"), index: index)
    let maker = Maker()
    // A handle that asked for these parameters once does not ask again when it follows.
    let store = try maker.open(
      directory + "/store/v1/store.warp", Shapes.first(options.keys, again ? .useExisting : .replace))
    var worker = Worker(
      store: store, history: history, index: index, seed: options.seed, maxSize: Shapes.valueSize,
      choices: again ? UInt64(getpid()) : nil)
    worker.oversize = Shapes.oversize
    worker.resume()
    if !again { try history.words.barrier(History.barrier, parties: options.workers + 1, round: 1) }
    var choices = SeededGenerator(seed: options.seed &* 31 &+ UInt64(index))
    var id = store.identity
    let parent = getppid()
    var sampled: Int64 = 0
    var done = 0
    var acts = options.all ? try CrewActs(directory, seed: UInt64(getpid()) ^ options.seed) : nil
    let isIdle = options.all && index == CrewWorker.idle
    while history.words.load(CrewWords.stop) == 0, getppid() == parent {
      if history.words.load(CrewWords.pause) != 0 {
        record[.isIdle] = 1
        System.sleep(1_000_000)
        continue
      }
      record[.isIdle] = 0
      if isIdle { System.sleep(50_000_000) }
      try run(isIdle ? 1 : 50, &worker, &choices, record, &acts)
      done += 50
      if done == CrewWorker.youth {
        for (place, number) in try Figures.now().numbers.enumerated() { record[.young, place] = number }
      }
      if store.identity != id {
        id = store.identity
        record[.followed] += 1
      }
      record[.made] = maker.count
      if System.bootTime() - sampled > 500_000_000 {
        for (place, number) in try Figures.now().numbers.enumerated() { record[.figures, place] = number }
        sampled = System.bootTime()
      }
    }
    acts?.close()
    _ = try store.count
    record.shape = store.shape
    store.close()
  }

  private func run(
    _ operations: Int, _ worker: inout Worker, _ choices: inout SeededGenerator, _ record: CrewRecord,
    _ acts: inout CrewActs?
  ) throws {
    defer {
      worker.tally[Tally.operations.rawValue] = operations
      record.add(worker.tally)
      worker.tally = [Int](repeating: 0, count: worker.tally.count)
    }
    do {
      for _ in 0..<operations {
        let draw = choices.below(200)
        let began = System.bootTime()
        if acts != nil, choices.below(4) == 0 {
          try acts!.act(&worker)
        } else if draw < 120 {
          try worker.read(choices.below(options.keys))
          record.raise(.longestGet, to: System.bootTime() - began)
        } else if draw < 199 {
          try worker.write()
          record.raise(.longestSet, to: System.bootTime() - began)
        } else {
          // Somebody may have been stopped with a shard in its hands.
          try retryingBusy { try worker.walk() }
        }
      }
    } catch {
      System.explain("worker \(index): \(error)\n")
      worker.tally[Tally.failures.rawValue] += 1
      throw error
    }
  }
}
