// SPDX-License-Identifier: Apache-2.0
// `warp-torture mixed`: several processes, or several threads of one, on one store, with every answer judged.
//
// The capacity is at least twice the number of keys, so no eviction can excuse a loss; the run fails if the store
// evicted all the same.

import ArgumentParser
import Glibc
import Synchronization
import WarpFormat
import WarpKV
import WarpTestSupport

/// What the command and its hidden worker share.
struct MixedOptions: ParsableArguments {
  @Option(help: "Operations of each process or thread.") var operations = 100_000
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "Different keys.") var keys = 2000
  @Option(help: "Entries that the store holds; at least twice the keys.") var capacity = 8000
  @Option(help: "Shards; 0: the default for the capacity.") var shards = 0
  @Option(name: .customLong("value-size"), help: "Bytes of the largest value, at least 32.") var valueSize = 1024
  @Flag(name: .customLong("verify-reads"), help: "Check the checksum on every get.") var verifyReads = false

  @Flag(help: "Choose keys that share a few buckets, so that each change shifts others; at most 100 keys.")
  var collide = false

  var configuration: StoreConfiguration {
    StoreConfiguration(
      capacity: capacity, maxKeySize: 64, maxValueSize: valueSize, shards: shards == 0 ? nil : shards,
      verifyReads: verifyReads)
  }

  func validate() throws {
    guard keys >= 1, capacity >= 2 * keys else { throw ValidationError("capacity must be at least twice the keys") }
    guard !collide || keys <= 100 else { throw ValidationError("at most 100 keys can collide without evictions") }
    guard valueSize >= 32 else { throw ValidationError("value-size must be at least 32") }
  }

  func run(_ store: SharedStore, _ history: History, worker index: Int) throws {
    var worker = Worker(
      store: store, history: history, index: index, seed: seed, maxSize: valueSize, collides: collide)
    try history.words.barrier(History.barrier, parties: history.workers, round: 1)
    defer { history.record(worker.tally, worker: index) }
    do {
      try worker.run(operations: operations)
    } catch {
      System.explain("worker \(index): \(error)\n")
      worker.tally[Tally.failures.rawValue] += 1
    }
  }
}

struct Mixed: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Mixed operations by many, each answer judged.")

  @OptionGroup var options: MixedOptions
  @Option(help: "Processes.") var processes = 4
  @Option(help: "Threads of one process instead of processes; 0: processes.") var threads = 0
  @Flag(name: .customLong("shared-handle"), help: "All threads use one handle.") var sharedHandle = false
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/mixed.warp"
      let workers = threads > 0 ? threads : processes
      let history = try History(directory + "/history", workers: workers, keys: options.keys, creates: true)
      let store = try SharedStore.open(path: path, options.configuration)
      let began = System.bootTime()
      let crashes = threads > 0 ? try runThreads(path, history, store) : try runProcesses(directory, history)
      try report(store, history, crashes, seconds: Double(System.bootTime() - began) / 1e9)
    }
  }

  private func runProcesses(_ directory: String, _ history: History) throws -> Int {
    var arguments = [
      "mixed-worker", "--directory", directory, "--workers", "\(history.workers)",
      "--operations", "\(options.operations)", "--seed", "\(options.seed)", "--keys", "\(options.keys)",
      "--capacity", "\(options.capacity)", "--shards", "\(options.shards)", "--value-size", "\(options.valueSize)",
    ]
    if options.collide { arguments.append("--collide") }
    if options.verifyReads { arguments.append("--verify-reads") }
    let children = try (0..<history.workers).map { try Child(arguments + ["--index", "\($0)"]) }
    return children.count { !$0.wait().isClean }
  }

  private func runThreads(_ path: String, _ history: History, _ store: SharedStore) throws -> Int {
    let failures = Threads.run(count: threads) { index in
      let own = sharedHandle ? store : try SharedStore.open(path: path, options.configuration)
      try options.run(own, history, worker: index)
    }
    return failures
  }

  private func report(_ store: SharedStore, _ history: History, _ crashes: Int, seconds: Double) throws {
    let statistics = try store.statistics()
    var report = Report()
    report.add("command", "mixed")
    report.add(threads > 0 ? "threads" : "processes", history.workers)
    report.add("seed", Int(truncatingIfNeeded: options.seed))
    report.add("shards", store.shards)
    for what in Tally.allCases where what != .evictions { report.add("\(what)", history.sum(what)) }
    report.add("evictions", statistics.evictions)
    report.add("retries", statistics.retries)
    report.add("corrupt", statistics.corrupt)
    report.add("crashes", crashes)
    let balance =
      statistics.insertions - statistics.evictions - statistics.expirations - statistics.removals
      - statistics.count
    report.add("balance", balance)
    report.add("seconds", seconds)
    report.add("operationsPerSecond", (Double(history.sum(.operations)) / seconds).rounded())
    let violations = [Tally.torn, .lost, .wrong, .stale, .failures].reduce(0) { $0 + history.sum($1) }
    let complete = history.sum(.operations) == history.workers * options.operations
    try report.finish(
      json: json,
      violations: violations + crashes + abs(balance) + statistics.evictions + statistics.corrupt
        + (complete ? 0 : 1))
  }
}

struct MixedWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "mixed-worker", shouldDisplay: false)

  @OptionGroup var options: MixedOptions
  @Option var directory: String
  @Option var workers: Int
  @Option var index: Int

  func run() throws {
    let history = try History(directory + "/history", workers: workers, keys: options.keys, creates: false)
    let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
    try options.run(store, history, worker: index)
    store.close()
  }
}
