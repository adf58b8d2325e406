// SPDX-License-Identifier: Apache-2.0
// `warp-torture kill`: processes are killed with SIGKILL at random moments, one after another, and replaced (WKV-O03,
// WKV-O04, WKV-O05, WKV-W11). What they intended and what was acknowledged is kept outside the store; every answer is
// judged by it.
//
// - A target says who is killed: each has a file of its own, KillWriter, KillRecoverer, KillCreator, KillReplacer,
//   KillLeader.
// - After each kill one set per shard is timed from the kill on. If the dead process held a shard, the set in that
//   one comes first, and its time is the time to heal. The dead process is reaped only afterwards, so it is a zombie
//   while the others must see that it is dead.
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
  /// Whoever computes a value for all others.
  case leader

  func run(_ options: KillOptions, _ pace: KillPace) throws -> KillResult {
    switch self {
    case .writer: try KillWriter(options: options, pace: pace).run()
    case .recoverer: try KillRecoverer(options: options, pace: pace).run()
    case .creator: try KillCreator(options: options, pace: pace).run()
    case .replacer: try KillReplacer(options: options, pace: pace).run()
    case .leader: try KillLeader(options: options, pace: pace).run()
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
  /// From the kill of a process that held something to the first success in what it had held.
  var heals = Histogram()
  /// From any kill to the end of one set in each shard.
  var all = Histogram()
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

  @OptionGroup var options: KillOptions
  @Option(help: "Kills.") var kills = 2000
  @Option(help: "End after so many seconds, even if there were fewer kills; 0: never.") var seconds = 0.0
  @Option(help: "Who is killed: \(KillTarget.allCases.map(\.rawValue).joined(separator: ", ")).")
  var target = KillTarget.writer
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    var chosen = options
    if chosen.keys == 0 { chosen.keys = target.defaultKeys }
    let began = System.bootTime()
    let result = try target.run(chosen, KillPace(kills: kills, seconds: seconds, Watchdog("kill")))
    try report(result, seconds: Double(System.bootTime() - began) / 1e9)
  }

  private func report(_ result: KillResult, seconds: Double) throws {
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
    result.heals.add(to: &report, as: "heal")
    result.all.add(to: &report, as: "allShards")
    let late = result.heals.late() + result.all.late()
    report.add("late", late)
    report.add("busyRetries", busyRetries)
    report.add("seconds", seconds)
    report.add("killsPerSecond", Double(result.kills) / seconds)
    try report.finish(
      json: json,
      violations: result.lost + result.corrupt + result.hangs + result.findings + late, isIdle: result.isIdle)
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
