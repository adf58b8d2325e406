// SPDX-License-Identifier: Apache-2.0
// A process of `warp-torture flight`: its threads ask for the keys of each round, and compute those that they lead.

import ArgumentParser
import Glibc
import Synchronization
import WarpFormat
import WarpKV
import WarpTestSupport

struct FlightWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "flight-worker", shouldDisplay: false)

  @OptionGroup var options: FlightOptions
  @Option var directory: String
  @Option(help: "The first round that it takes part in.") var from: Int

  /// Nanoseconds that a thread waits for others in all.
  private static let patience: Int64 = 60_000_000_000

  func run() throws {
    let words = try SharedWords(directory + "/records")
    if options.typed { return try runTyped(words) }
    let store = try SharedStore.open(path: directory + "/flight.warp", .init(ifDifferent: .useExisting))
    let (options, from) = (options, from)
    let failures = Threads.run(count: options.threads) { thread in
      words.add(FlightRecord.ready, 1)
      var random = SeededGenerator(seed: options.seed &* 31 &+ UInt64(thread) &+ UInt64(getpid()))
      var round = from
      while true {
        while words.load(FlightRecord.round) < UInt64(round) { System.sleep(50_000) }
        guard words.load(FlightRecord.round) != .max else { return }
        for place in (0..<options.keys).shuffled(using: &random) {
          let key = (round - 1) * options.keys + place
          try FlightWorker.ask(key, FlightRecord(words, key), store, options)
        }
        round += 1
      }
    }
    store.close()
    if failures > 0 { throw ExitCode.failure }
  }

  private static func ask(
    _ key: Int, _ record: FlightRecord, _ store: SharedStore, _ options: FlightOptions
  ) throws {
    let end = System.bootTime() + patience
    var waited = false
    while true {
      if let value = try store.get(FlightRecord.key(key)) {
        if waited { note(record, value, key) }
        // The outsider's value is judged by the judge.
        let run = FlightRecord.run(of: value, key)
        if run == 0, options.target != .cancel { record.words.add(FlightRecord.wrong, 1) }
        break
      }
      guard System.bootTime() < end else { throw FormatError(.busy, "key \(key) does not come") }
      let asked = System.bootTime()
      switch store.lease(FlightRecord.key(key), limit: options.limit) {
      case .lead(let lease):
        let run = record.begin(asked: asked)
        System.sleep(options.computation)
        record.end(run: run)
        let value = FlightRecord.value(key, run: run)
        let result = try value.withUnsafeBytes { try lease.store($0, lifetime: Lifetime()) }
        record.add(result == .stored ? .stored : .refused)
        record.add(.returned)
        return
      case .wait(let watch):
        waited = true
        if watch.waitSync(limit: end - System.bootTime()) != .again { record.words.add(FlightRecord.alone, 1) }
      case .found: break
      case .none: record.words.add(FlightRecord.alone, 1)
      }
    }
    record.add(.returned)
  }

  /// How long ago the computation of what this thread waited for ended.
  private static func note(_ record: FlightRecord, _ value: [UInt8], _ key: Int) {
    let run = FlightRecord.run(of: value, key)
    guard run > 0 else { return }
    let late = System.bootTime() - record.end(ofRun: run)
    record.words.raise(FlightRecord.wake, to: UInt64(max(late, 0)))
  }

  // MARK: Typed

  /// Tasks share one cache of the process. The main thread waits for them.
  private func runTyped(_ words: SharedWords) throws {
    let cache = try options.cache(directory)
    let (options, from) = (options, from)
    let done = Atomic<Bool>(false)
    Task {
      await withTaskGroup(of: Void.self) { group in
        for task in 0..<options.threads {
          group.addTask { await FlightWorker.work(task, from, words, cache, options) }
        }
      }
      done.store(true, ordering: .releasing)
    }
    while !done.load(ordering: .acquiring) { System.sleep(1_000_000) }
    cache.close()
  }

  private static func work(
    _ task: Int, _ from: Int, _ words: SharedWords, _ cache: Cache<[UInt8], [UInt8]>, _ options: FlightOptions
  ) async {
    words.add(FlightRecord.ready, 1)
    var random = SeededGenerator(seed: options.seed &* 31 &+ UInt64(task) &+ UInt64(getpid()))
    var round = from
    while true {
      while words.load(FlightRecord.round) < UInt64(round) { try? await Task.sleep(for: .microseconds(200)) }
      guard words.load(FlightRecord.round) != .max else { return }
      for place in (0..<options.keys).shuffled(using: &random) {
        let key = (round - 1) * options.keys + place
        await ask(key, FlightRecord(words, key), cache, options)
      }
      round += 1
    }
  }

  private static func ask(
    _ key: Int, _ record: FlightRecord, _ cache: Cache<[UInt8], [UInt8]>, _ options: FlightOptions
  ) async {
    var mine: Int?
    let asked = System.bootTime()
    let value = await cache.value(for: FlightRecord.key(key)) { _ in
      let run = record.begin(asked: asked)
      mine = run
      try? await Task.sleep(for: .nanoseconds(options.computation))
      record.end(run: run)
      return FlightRecord.value(key, run: run)
    }
    if FlightRecord.run(of: value, key) == 0, options.target != .cancel { record.words.add(FlightRecord.wrong, 1) }
    if mine != nil {
      let isStored = (try? cache.peek(FlightRecord.key(key))?.value) == value
      record.add(isStored ? .stored : .refused)
    }
    record.add(.returned)
  }
}
