// SPDX-License-Identifier: Apache-2.0
// `warp-torture freeze`: workers that run mixed operations are stopped with SIGSTOP at random moments, for up to 300 ms
// and now and then for longer than a writer waits, and continued (WKV-O02, WKV-O06).
//
// - The others go on: 99.9 % of their gets end within 20 ms, and the wait that the protocol itself causes a get stays
//   under 10 ms for each stop. Of the reader's gets fewer take 100 ms than one for each three stops between odd and even:
//   if it waited for the stopped process, most of these stops would have one. No call takes 30 s.
// - The stopped one lives: the shard that it holds stays its own however long that takes.
// - A process beside them only reads, keys that are there and keys that are not: a worker soon waits for the shard that is
//   held and asks nothing more.
// - In two of four rounds the victim is continued and stopped again until it holds a shard, in a third until it is between
//   odd and even; else most rounds would prove nothing, because these last for microseconds and less.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// Milliseconds.
private enum Promise {
  static let getMost = 20.0
  static let slowGet = 100.0
  static let all = 30_000.0
  static let waitPerStop = 10.0
}

/// What the command and its workers share.
struct FreezeOptions: ParsableArguments {
  @Option(help: "Worker processes, at least 2.") var workers = 2
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "Different keys.") var keys = 200
  @Option(help: "Shards, a power of two.") var shards = 2
  @Option(name: .customLong("value-size"), help: "Bytes of the largest value, at least 32.") var valueSize = 4096

  var configuration: StoreConfiguration {
    StoreConfiguration(capacity: 4 * keys, maxKeySize: 64, maxValueSize: valueSize, shards: shards)
  }

  var arguments: [String] {
    [
      "--workers", "\(workers)", "--seed", "\(seed)", "--keys", "\(keys)", "--shards", "\(shards)", "--value-size",
      "\(valueSize)",
    ]
  }

  func validate() throws {
    guard workers >= 2, keys >= workers, valueSize >= 32 else {
      throw ValidationError("at least 2 workers, a key for each, and 32 bytes a value")
    }
  }
}

struct Freeze: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Stops workers with SIGSTOP and times the others.")

  @OptionGroup var options: FreezeOptions
  @Option(help: "Stops.") var rounds = 200
  @Flag(help: "End with one JSON object.") var json = false

  /// Stops of one round until the victim stands where it is wanted.
  private static let attempts = 2000

  /// What the rounds showed.
  private struct Outcome {
    var held = 0
    var odd = 0
    var long = 0
    /// The owner word of a living process changed.
    var stolen = 0
    var hangs = 0
  }

  func run() throws {
    let watchdog = Watchdog("freeze")
    try withTemporaryDirectory { directory in
      let workers = options.workers
      let history = try History(directory + "/history", workers: workers, keys: options.keys, creates: true)
      let words = try FreezeWords(directory + "/freeze", workers: workers + 1, creates: true)
      let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
      let children = try (0..<workers).map {
        try Child(["freeze-worker", "--directory", directory, "--index", "\($0)"] + options.arguments)
      }
      var outcome = Outcome()
      let reader = try Child(
        ["freeze-worker", "--directory", directory, "--index", "\(workers)", "--reads"] + options.arguments)
      try words.words.await(FreezeWords.ready, atLeast: UInt64(workers + 1))
      let lock = try LockWords(store)
      var random = SeededGenerator(seed: options.seed)
      for round in 0..<rounds {
        watchdog.progress()
        freeze(round, children, lock, words, &random, &outcome)
      }
      words.words.store(FreezeWords.phase, 1)
      outcome.hangs += (children + [reader]).count { !$0.wait(seconds: 30).isClean }
      // Nobody holds anything now.
      for probe in Probe.keys(store) where (try? store.set(probe, to: [1])) == nil { outcome.hangs += 1 }
      let end = try Settlement(store, history, seed: options.seed, maxSize: options.valueSize)
      try report(history, words, outcome, end)
    }
  }

  private func freeze(
    _ round: Int, _ children: [Child], _ lock: LockWords, _ words: FreezeWords, _ random: inout SeededGenerator,
    _ outcome: inout Outcome
  ) {
    System.sleep(Int64(random.below(3_000_000)))
    let victim = random.below(children.count)
    let child = children[victim]
    var held: (shard: Int, word: UInt64)?
    for attempt in 0..<(round % 4 == 0 ? 1 : Freeze.attempts) {
      if attempt > 0 {
        child.resume()
        System.sleep(Int64(random.below(100_000)))
      }
      guard child.stop() else {
        outcome.hangs += 1
        return
      }
      words.countStop(victim)
      held = lock.held(by: child.id)
      guard let held else { continue }
      if round % 4 != 3 || lock.sequence(held.shard) & 1 != 0 { break }
    }
    let isLong = random.below(16) == 0
    let time = isLong ? 1_050_000_000 + random.below(250_000_000) : random.below(300_000_000)
    if let held {
      outcome.held += 1
      if isLong { outcome.long += 1 }
      if lock.sequence(held.shard) & 1 != 0 { outcome.odd += 1 }
      words.words.store(FreezeWords.held, UInt64(round + 1))
    }
    System.sleep(Int64(time))
    words.words.store(FreezeWords.held, 0)
    if let held, lock.owner(held.shard) != held.word {
      System.explain("round \(round): shard \(held.shard) was taken from a stopped worker\n")
      outcome.stolen += 1
    }
    child.resume()
  }

  private func report(
    _ history: History, _ words: FreezeWords, _ outcome: Outcome, _ end: Settlement
  ) throws {
    let lost = Int(history.words.load(KillWords.lost)) + history.sum(.lost)
    let tallies = [Tally.torn, .wrong, .stale, .failures].reduce(0) { $0 + history.sum($1) }
    let corrupt = Int(history.words.load(KillWords.corrupt)) + tallies + end.corrupt
    let getMost = Latencies.within(0.999, words.all(.get))
    let getMax = Latencies.largest(words.all(.get))
    let writeMax = Latencies.largest(words.all(.write))
    let waitMax = Latencies.largest(words.all(.waitPerStop))
    let slowGets = Latencies.count([words.latencies(.get, options.workers)], over: Promise.slowGet)
    let broken = [
      getMost > Promise.getMost, getMax > Promise.all, writeMax > Promise.all,
      waitMax > Promise.waitPerStop, slowGets > max(3, outcome.odd / 3),
    ].count { $0 }
    var report = Report()
    report.add("command", "freeze")
    report.add("rounds", rounds)
    report.add("workers", options.workers)
    report.add("seed", Int(truncatingIfNeeded: options.seed))
    report.add("heldRounds", outcome.held)
    report.add("oddRounds", outcome.odd)
    report.add("heldLongerThanWriterWait", outcome.long)
    report.add("gets", Latencies.count(words.all(.get)))
    report.add("getsWhileHeld", Latencies.count(words.all(.heldGet)))
    let readerBusy = Int(words.words.load(FreezeWords.readerBusy))
    report.add("busyMisses", history.sum(.busyMisses) + readerBusy)
    report.add("busyWrites", history.sum(.busyWrites))
    report.add("getP999Ms", getMost)
    report.add("getMaxMs", getMax)
    report.add("slowGets", slowGets)
    report.add("getWhileHeldP50Ms", Latencies.within(0.5, words.all(.heldGet)))
    report.add("getWhileHeldP999Ms", Latencies.within(0.999, words.all(.heldGet)))
    report.add("protocolWaitMaxMs", Latencies.largest(words.all(.protocolWait)))
    report.add("protocolWaitPerStopMaxMs", waitMax)
    report.add("setMaxMs", writeMax)
    report.add("stolen", outcome.stolen)
    report.add("lost", lost)
    report.add("corrupt", corrupt)
    report.add("hangs", outcome.hangs)
    report.add("findings", end.findings)
    try report.finish(
      json: json, violations: broken + outcome.stolen + lost + corrupt + outcome.hangs + end.findings,
      // Nobody stood still with a shard in its hands.
      isIdle: rounds >= 10 && outcome.held == 0)
  }
}

struct FreezeWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "freeze-worker", shouldDisplay: false)
  private static let lastSets = 1000
  private static let burst = 20
  private static let walkEvery = 200

  @OptionGroup var options: FreezeOptions
  @Option var directory: String
  @Option var index: Int
  @Flag var reads = false

  func run() throws {
    let history = try History(
      directory + "/history", workers: options.workers, keys: options.keys, creates: false)
    let words = try FreezeWords(directory + "/freeze", workers: options.workers + 1, creates: false)
    let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
    var worker = Worker(
      store: store, history: history, index: index, seed: options.seed, maxSize: options.valueSize)
    worker.stopwatch = Stopwatch(words: words, worker: index)
    words.words.add(FreezeWords.ready, 1)
    if reads {
      try read(&worker, words)
    } else {
      try mix(&worker, words)
      history.record(worker.tally, worker: index)
    }
    store.close()
  }

  /// Judged like all others; the keys that nobody sets must miss.
  private func read(_ worker: inout Worker, _ words: FreezeWords) throws {
    while words.words.load(FreezeWords.phase) == 0 {
      for key in 0..<options.keys {
        try worker.read(key)
        try worker.readAbsent(key)
      }
    }
    words.words.add(FreezeWords.readerBusy, UInt64(worker.tally[Tally.busyMisses.rawValue]))
    worker.publish()
  }

  private func mix(_ worker: inout Worker, _ words: FreezeWords) throws {
    var number = 0
    while words.words.load(FreezeWords.phase) == 0 {
      try worker.run(operations: FreezeWorker.burst)
      number += 1
      if number % FreezeWorker.walkEvery == 0 {
        do { try worker.walk() } catch let error as WarpError where error.code == .busy {}
      }
    }
    let busyBefore = worker.tally[Tally.busyWrites.rawValue]
    for _ in 0..<FreezeWorker.lastSets { try worker.write() }
    // Nobody is stopped any more, so nobody may be in the way.
    worker.tally[Tally.failures.rawValue] += worker.tally[Tally.busyWrites.rawValue] - busyBefore
  }
}
