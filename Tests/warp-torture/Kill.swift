// SPDX-License-Identifier: Apache-2.0
// `warp-torture kill`: processes are killed with SIGKILL at random moments, one after another, and replaced (WKV-O03,
// WKV-O04, WKV-O05, WKV-W11). What they intended and what was acknowledged is kept outside the store; every answer is
// judged by it.
//
// - A target says who is killed: each has a file of its own, KillWriter, KillRecoverer, KillCreator,
//   KillReplacer.
// - After each kill one set per shard is timed from the kill on: the time to heal. The dead process is reaped only
//   afterwards, so it is a zombie while the others must see that it is dead.
// - A key whose owner died in the middle of an operation may be as before or after it, until its next owner acts.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// Words of the history that a killed worker can't take with it.
enum KillWords {
  static let stop = 1
  static let lost = 2
  static let corrupt = 3
  static let operations = 4
}

/// Who is killed.
enum KillTarget: String, CaseIterable, ExpressibleByArgument {
  /// A worker in the middle of anything.
  case writer
  /// Whoever recovers the shard of a writer that was killed.
  case recoverer
  /// Whoever makes the store's files, or makes them again.
  case creator
  /// Whoever opens the store with other parameters.
  case replacer

  func run(_ options: KillOptions, kills: Int, _ watchdog: Watchdog) throws -> KillResult {
    switch self {
    case .writer: try KillWriter(options: options, kills: kills).run(watchdog)
    case .recoverer: try KillRecoverer(options: options, kills: kills).run(watchdog)
    case .creator: try KillCreator(options: options, kills: kills).run(watchdog)
    case .replacer: try KillReplacer(options: options, kills: kills).run(watchdog)
    }
  }

  /// Recovery must last long enough to be hit.
  var defaultKeys: Int { self == .recoverer ? 4000 : 200 }
}

/// What a run found.
struct KillResult {
  var kills = 0
  var operations = 0
  var lost = 0
  var corrupt = 0
  var hangs = 0
  var findings = 0
  var recoveries = 0
  /// Nanoseconds from a kill to the end of the sets that follow it.
  var heals: [Int64] = []
  /// What the target adds.
  var more: [(name: String, number: Int)] = []
  /// The run proved nothing of what it is for.
  var isIdle = false

  /// Adds what the workers found and what the end shows.
  mutating func add(_ history: History, _ end: Settlement) {
    operations += Int(history.words.load(KillWords.operations))
    lost += Int(history.words.load(KillWords.lost))
    corrupt += Int(history.words.load(KillWords.corrupt)) + end.corrupt
    findings += end.findings
    recoveries += end.recoveries
  }
}

/// What the command and its workers share.
struct KillOptions: ParsableArguments {
  @Option(help: "Worker processes.") var workers = 4
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "Different keys; 0: what suits the target.") var keys = 0
  @Option(help: "Shards, a power of two.") var shards = 2
  @Option(name: .customLong("value-size"), help: "Bytes of the largest value, at least 32.") var valueSize = 64

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
    guard workers >= 1, valueSize >= 32 else { throw ValidationError("at least 1 worker and 32 bytes a value") }
  }

  func spawn(_ index: Int, _ directory: String, _ more: String...) throws -> Child {
    try Child(["kill-worker", "--directory", directory, "--index", "\(index)"] + more + arguments)
  }
}

struct Kill: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Kills processes with SIGKILL and judges what is left.")

  /// Nanoseconds.
  private static let longestHeal: Int64 = 1_000_000_000

  @OptionGroup var options: KillOptions
  @Option(help: "Kills.") var kills = 2000
  @Option(help: "Who is killed: \(KillTarget.allCases.map(\.rawValue).joined(separator: ", ")).")
  var target = KillTarget.writer
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    let watchdog = Watchdog("kill")
    var chosen = options
    if chosen.keys == 0 { chosen.keys = target.defaultKeys }
    var result = try target.run(chosen, kills: kills, watchdog)
    result.heals.sort()
    try report(result)
  }

  private func report(_ result: KillResult) throws {
    let heals = result.heals
    func milliseconds(_ share: Double) -> Double {
      heals.isEmpty ? 0 : Double(heals[min(heals.count - 1, Int(Double(heals.count) * share))]) / 1e6
    }
    var report = Report()
    report.add("command", "kill")
    report.add("target", target.rawValue)
    report.add("kills", result.kills)
    report.add("seed", Int(truncatingIfNeeded: options.seed))
    report.add("valueSize", options.valueSize)
    report.add("operations", result.operations)
    report.add("lost", result.lost)
    report.add("corrupt", result.corrupt)
    report.add("hangs", result.hangs)
    report.add("findings", result.findings)
    report.add("recoveries", result.recoveries)
    for (name, number) in result.more { report.add(name, number) }
    report.add("healP50Ms", milliseconds(0.5))
    report.add("healP99Ms", milliseconds(0.99))
    report.add("healMaxMs", milliseconds(1))
    let late = heals.count { $0 > Kill.longestHeal }
    report.add("late", late)
    try report.finish(
      json: json,
      violations: result.lost + result.corrupt + result.hangs + result.findings + late + (result.isIdle ? 1 : 0))
  }
}

struct KillWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "kill-worker", shouldDisplay: false)

  @OptionGroup var options: KillOptions
  @Option var directory: String
  @Option var index: Int
  @Flag(help: "Only sets and removes.") var writes = false

  func run() throws {
    let history = try History(
      directory + "/history", workers: options.workers, keys: options.keys, creates: false)
    let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
    // Another life, other choices; the process id is as good a seed as any, and the history judges all the same.
    var worker = Worker(
      store: store, history: history, index: index, seed: options.seed, maxSize: options.valueSize,
      choices: SeededGenerator.mix(UInt64(getpid()) << 32 ^ options.seed))
    worker.resume()
    while history.words.load(KillWords.stop) == 0 {
      if writes { for _ in 0..<50 { try worker.write() } } else { try worker.run(operations: 50) }
      worker.publish()
      history.words.add(KillWords.operations, 50)
    }
    store.close()
  }
}
