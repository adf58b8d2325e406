// SPDX-License-Identifier: Apache-2.0
// `warp-torture kill`: workers that run mixed operations are killed with SIGKILL at random moments, one after another,
// and replaced (WKV-O03, WKV-O04, WKV-O05, WKV-W11). What they intended and what was acknowledged is kept outside the
// store; every answer is judged by it.
//
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

struct Kill: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Kills workers with SIGKILL and judges what is left.")

  @Option(help: "Kills.") var kills = 2000
  @Option(help: "Worker processes.") var workers = 4
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "Different keys.") var keys = 200
  @Option(help: "Shards, a power of two.") var shards = 2
  @Option(name: .customLong("value-size"), help: "Bytes of the largest value, at least 32.") var valueSize = 64
  @Flag(help: "End with one JSON object.") var json = false

  private var configuration: StoreConfiguration {
    StoreConfiguration(capacity: 4 * keys, maxKeySize: 64, maxValueSize: valueSize, shards: shards)
  }

  func run() throws {
    try withTemporaryDirectory { directory in
      let history = try History(directory + "/history", workers: workers, keys: keys, creates: true)
      let store = try SharedStore.open(path: directory + "/mixed.warp", configuration)
      let probes = Probe.keys(store)
      var random = SeededGenerator(seed: seed)
      var children = try (0..<workers).map { try spawn($0, directory) }
      var heals: [Int64] = []
      var hangs = 0
      for _ in 0..<kills {
        System.sleep(Int64(random.below(3_000_000)))
        let victim = random.below(workers)
        let began = System.bootTime()
        Glibc.kill(children[victim].id, SIGKILL)
        do {
          for probe in probes { try store.set(probe, to: [1]) }
          heals.append(System.bootTime() - began)
        } catch {
          System.explain("after a kill: \(error)\n")
          hangs += 1
        }
        if children[victim].wait().signal != SIGKILL { history.words.add(KillWords.corrupt, 1) }
        children[victim] = try spawn(victim, directory)
      }
      history.words.store(KillWords.stop, 1)
      for child in children where !child.wait().isClean { hangs += 1 }
      let end = try settle(store, history, probes)
      try report(history, heals.sorted(), hangs, end.findings, end.recoveries)
    }
  }

  private func spawn(_ index: Int, _ directory: String) throws -> Child {
    try Child([
      "kill-worker", "--directory", directory, "--workers", "\(workers)", "--seed", "\(seed)", "--keys", "\(keys)",
      "--capacity", "\(4 * keys)", "--shards", "\(shards)", "--value-size", "\(valueSize)", "--index", "\(index)",
    ])
  }

  /// Judges every key once more, in peace, and the file.
  private func settle(
    _ store: SharedStore, _ history: History, _ probes: [[UInt8]]
  ) throws -> (findings: Int, recoveries: Int) {
    for probe in probes { try store.remove(probe) }
    var judge = Worker(store: store, history: history, index: 0, seed: seed, maxSize: valueSize)
    for key in 0..<keys { try judge.read(key) }
    judge.publish()
    let recoveries = try store.statistics().recoveries
    store.close()
    let findings = try Verifier(path: store.path).findings()
    for finding in findings.prefix(10) { System.explain("\(finding)\n") }
    return (findings.count, recoveries)
  }

  private func report(
    _ history: History, _ heals: [Int64], _ hangs: Int, _ findings: Int, _ recoveries: Int
  ) throws {
    func milliseconds(_ share: Double) -> Double {
      heals.isEmpty ? 0 : Double(heals[min(heals.count - 1, Int(Double(heals.count) * share))]) / 1e6
    }
    let lost = Int(history.words.load(KillWords.lost))
    let corrupt = Int(history.words.load(KillWords.corrupt))
    var report = Report()
    report.add("command", "kill")
    report.add("kills", kills)
    report.add("seed", Int(truncatingIfNeeded: seed))
    report.add("operations", Int(history.words.load(KillWords.operations)))
    report.add("lost", lost)
    report.add("corrupt", corrupt)
    report.add("hangs", hangs)
    report.add("findings", findings)
    report.add("recoveries", recoveries)
    report.add("healP50Ms", milliseconds(0.5))
    report.add("healP99Ms", milliseconds(0.99))
    report.add("healMaxMs", milliseconds(1))
    try report.finish(json: json, violations: lost + corrupt + hangs + findings)
  }
}

struct KillWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "kill-worker", shouldDisplay: false)

  @OptionGroup var options: MixedOptions
  @Option var directory: String
  @Option var workers: Int
  @Option var index: Int

  func run() throws {
    let history = try History(directory + "/history", workers: workers, keys: options.keys, creates: false)
    let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
    // Another life, other choices; the process id is as good a seed as any, and the history judges all the same.
    var worker = Worker(
      store: store, history: history, index: index, seed: options.seed, maxSize: options.valueSize,
      choices: UInt64(getpid()))
    worker.resume()
    while history.words.load(KillWords.stop) == 0 {
      try worker.run(operations: 50)
      worker.publish()
      history.words.add(KillWords.operations, 50)
    }
    store.close()
  }
}
