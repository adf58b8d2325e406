// SPDX-License-Identifier: Apache-2.0
// `warp-torture namespaces`: workers in two PID namespaces share a store (WKV-O04, WKV-O06). From one side nothing can
// be seen of a process of the other but the lock that the kernel keeps for it.
//
// - A worker that stands still with a shard in its hands keeps it: the agents of both sides get `busy`, and the owner word
//   stays, while a worker of the other side is killed and its shards are healed from here.
// - Then the stopped one goes on, or is killed as well: now both agents' sets succeed in every shard.
// - Both sides use the same process numbers, so the number of a dead owner is that of a living process over there.
// - With `--proc outer` the namespaces see the /proc of the outer one, where these numbers are those of processes that have
//   nothing to do with the store. One such process ends and its number is used again while the stopped worker holds its
//   shard: what /proc says about that number must not count.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct Namespaces: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Two PID namespaces, kills in either.")

  @OptionGroup var options: KillOptions
  @Option(help: "Rounds.") var rounds = 100
  @Option(
    help: "The /proc that the namespaces see: own, or outer, which shows other processes under their numbers.")
  var proc = "own"
  @Flag(help: "End with one JSON object.") var json = false

  private static let attempts = 300

  /// What the rounds showed.
  private struct Outcome {
    var held = 0
    var odd = 0
    var kills = 0
    /// Processes of the outer namespace that had a held worker's number and were replaced.
    var doubles = 0
    /// Kills whose process number was alive on the other side.
    var twins = 0
    var stolen = 0
    var stuck = 0
    /// A set in each shard that nobody holds, from one side.
    var heals = Histogram()
  }

  func run() throws {
    let watchdog = Watchdog("namespaces")
    var options = options
    if options.keys == 0 { options.keys = 200 }
    try withTemporaryDirectory { directory in
      let words = try SharedWords(directory + "/agents", count: 2 * AgentWords.size)
      let sides = (0..<2).map { AgentWords(words, side: $0) }
      let history = try History(
        directory + "/history", workers: options.workers, keys: options.keys, creates: true)
      let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
      let hosts = try (0..<2).map {
        try Child(
          ["namespace-host-worker", "--directory", directory, "--side", "\($0)", "--proc", proc]
            + options.arguments)
      }
      for side in 0..<2 { try words.await(side * AgentWords.size + 2, atLeast: 1) }
      guard sides.allSatisfy({ $0.state == AgentState.ready }) else { return try skip() }
      var run = Run(
        options: options, sides: sides, lock: try LockWords(store), random: SeededGenerator(seed: options.seed))
      if proc == "outer" { try run.addDoubles() }
      for index in 0..<options.workers { try run.spawn(index) }
      for round in 0..<rounds {
        watchdog.progress()
        try run.round(round)
      }
      history.words.store(KillWords.stop, 1)
      for index in 0..<options.workers where try sides[index % 2].ask(.reap, index) != AgentAnswer.done {
        run.outcome.stuck += 1
      }
      for side in sides { _ = try side.ask(.quit) }
      run.dismissDoubles()
      let unclean = hosts.count { !$0.wait(seconds: 20).isClean }
      let end = try Settlement(store, history, seed: options.seed, maxSize: options.valueSize)
      try report(run.outcome, history, end, hangs: unclean, ownProc: sides.count { $0.hasOwnProc == 1 })
    }
  }

  private func skip() throws {
    System.explain("skipped: this system does not let us make PID namespaces\n")
    var report = Report()
    report.add("command", "namespaces")
    report.add("skipped", "no permission to make PID namespaces")
    try report.finish(json: json, violations: 0)
  }

  private struct Run {
    let options: KillOptions
    let sides: [AgentWords]
    let lock: LockWords
    var random: SeededGenerator
    var pids: [Int: pid_t] = [:]
    private var isAlive: Set<Int>
    private var doubles: [pid_t: Child] = [:]
    var outcome = Outcome()

    mutating func spawn(_ index: Int) throws { pids[index] = pid_t(try sides[index % 2].ask(.spawn, index)) }

    /// A worker of a side.
    private mutating func pick(_ side: Int) -> Int {
      side + 2 * random.below(options.workers / 2)
    }

    mutating func round(_ number: Int) throws {
      System.sleep(Int64(random.below(3_000_000)))
      let side = random.below(2)
      let stopped = pick(side)
      let held = try stopHolding(stopped)
      if held != nil { try replaceDouble(stopped) }
      let victim = pick(1 - side)
      try kill(victim, 1 - side)
      if let held { try expectHeld(number, held.shard, held.word) }
      // Every other shard is free or healed, from either side.
      try expectFree(number, except: held?.shard)
      if random.below(2) == 0 {
        _ = try sides[side].ask(.resume, stopped)
      } else {
        try kill(stopped, side)
        // Half of the time the number is in use again before anybody looks.
        if random.below(2) == 0 { try replace(stopped) }
      }
      try expectFree(number, except: nil)
      if !isAlive.contains(victim) { try replace(victim) }
      if !isAlive.contains(stopped) { try replace(stopped) }
    }

    init(options: KillOptions, sides: [AgentWords], lock: LockWords, random: SeededGenerator) {
      self.options = options
      self.sides = sides
      self.lock = lock
      self.random = random
      isAlive = Set(0..<options.workers)
    }

    /// Processes out here with the workers' numbers.
    mutating func addDoubles() throws {
      for index in stride(from: 0, to: options.workers, by: 2) { try addDouble(NamespaceAgent.number(index)) }
    }

    private mutating func addDouble(_ number: pid_t) throws {
      Child.choose(number)
      doubles[number] = try Child(["idle-worker"])
    }

    private mutating func replaceDouble(_ index: Int) throws {
      guard let number = pids[index], let double = doubles[number] else { return }
      double.send(SIGKILL)
      _ = double.wait(seconds: 10)
      // Start times have steps of 10 ms.
      System.sleep(20_000_000)
      try addDouble(number)
      if doubles[number]?.id == number { outcome.doubles += 1 }
    }

    func dismissDoubles() {
      for double in doubles.values {
        double.send(SIGKILL)
        _ = double.wait(seconds: 10)
      }
    }

    private mutating func kill(_ index: Int, _ side: Int) throws {
      if try sides[side].ask(.kill, index) != AgentAnswer.done { outcome.stuck += 1 }
      outcome.kills += 1
      isAlive.remove(index)
      let number = pids[index]
      if isAlive.contains(where: { $0 % 2 != side && pids[$0] == number }) { outcome.twins += 1 }
    }

    private mutating func replace(_ index: Int) throws {
      if try sides[index % 2].ask(.reap, index) != AgentAnswer.done { outcome.stuck += 1 }
      try spawn(index)
      isAlive.insert(index)
    }

    /// Stops a worker, again and again until it holds a shard.
    private mutating func stopHolding(_ index: Int) throws -> (shard: Int, word: UInt64)? {
      let side = sides[index % 2]
      for attempt in 0..<Namespaces.attempts {
        if attempt > 0 {
          _ = try side.ask(.resume, index)
          System.sleep(Int64(random.below(100_000)))
        }
        guard try side.ask(.stop, index) == AgentAnswer.done, let pid = pids[index] else {
          outcome.stuck += 1
          return nil
        }
        guard let held = lock.held(by: pid, namespace: side.namespace) else { continue }
        outcome.held += 1
        if lock.sequence(held.shard) & 1 != 0 { outcome.odd += 1 }
        return held
      }
      return nil
    }

    /// A living owner keeps its shard, whoever asks.
    private mutating func expectHeld(_ round: Int, _ shard: Int, _ word: UInt64) throws {
      for side in 0..<2 where try sides[side].ask(.probeBriefly, shard) != AgentAnswer.busy {
        System.explain("round \(round): side \(side) got shard \(shard) of a living owner\n")
        outcome.stolen += 1
      }
      if lock.owner(shard) != word {
        System.explain("round \(round): shard \(shard) has another owner\n")
        outcome.stolen += 1
      }
    }

    private mutating func expectFree(_ round: Int, except held: Int?) throws {
      for side in 0..<2 {
        let began = System.bootTime()
        for shard in 0..<lock.shards where shard != held {
          if try sides[side].ask(.probe, shard) == AgentAnswer.done { continue }
          System.explain("round \(round): side \(side) did not get shard \(shard)\n")
          outcome.stuck += 1
        }
        outcome.heals.add(System.bootTime() - began)
      }
    }
  }

  private func report(
    _ outcome: Outcome, _ history: History, _ end: Settlement, hangs: Int, ownProc: Int
  ) throws {
    let lost = Int(history.words.load(KillWords.lost))
    let corrupt = Int(history.words.load(KillWords.corrupt)) + end.corrupt
    var report = Report()
    report.add("command", "namespaces")
    report.add("rounds", rounds)
    report.add("seed", Int(truncatingIfNeeded: options.seed))
    report.add("ownProc", ownProc)
    report.add("kills", outcome.kills)
    report.add("samePidAliveOverThere", outcome.twins)
    report.add("doublesReplaced", outcome.doubles)
    report.add("heldRounds", outcome.held)
    report.add("oddRounds", outcome.odd)
    report.add("operations", Int(history.words.load(KillWords.operations)))
    report.add("recoveries", end.recoveries)
    report.add("stolen", outcome.stolen)
    report.add("stuck", outcome.stuck)
    report.add("lost", lost)
    report.add("corrupt", corrupt)
    report.add("hangs", hangs)
    report.add("findings", end.findings)
    outcome.heals.add(to: &report, as: "heal")
    report.add("late", outcome.heals.late())
    let isIdle = rounds >= 10 && (outcome.held == 0 || outcome.twins == 0)
    try report.finish(
      json: json,
      violations: outcome.stolen + outcome.stuck + outcome.heals.late() + lost + corrupt + hangs + end.findings,
      isIdle: isIdle)
  }
}
