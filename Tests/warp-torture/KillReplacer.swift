// SPDX-License-Identifier: Apache-2.0
// `kill --target replacer`: a process that opens a store in use with other parameters, over and over, dies at random
// moments of it (SPEC.md 23.4).
//
// - Every fourth dies at a chosen place: before the first rename, when the store is marked and has its name, or before the
//   second, when the store is the new one and has no lock file yet. It is traced from one system call to the next.
// - Workers and the keeper go on, in the old files or in the new ones, and every answer is judged.
// - What the dead one left (shards in its name, the mark, half-made files) is cleared by whoever meets it.
// - At the end no file but NAME.warp, NAME.warp-lock and NAME.warp-init is left.

import ArgumentParser
import CTorture
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// Words of the history, which the crew does not use.
private enum ReplacerWords {
  /// 1 while the replacer opens the store.
  static let opening = 6
}

struct KillReplacer {
  let options: KillOptions
  let pace: KillPace

  func run() throws -> KillResult {
    try withTemporaryDirectory { directory in
      let crewOptions = try CrewOptions.parse([
        "--workers", "\(options.workers)", "--seed", "\(options.seed)", "--keys", "\(options.keys)",
      ])
      var crew = try Crew(crewOptions, directory)
      let keeper = try SharedStore.open(path: crew.path, Shapes.first(options.keys))
      try crew.start()
      var random = SeededGenerator(seed: options.seed)
      var result = KillResult()
      var (within, halfMade, marked, chosen) = (0, 0, 0, 0)
      while pace.goesOn(after: result.kills), crew.sum(.failures) == 0 {
        let isTraced = result.kills % 4 == 3
        let replacer = try Child(
          [
            "replacer-worker", "--directory", directory, "--workers", "\(options.workers)", "--seed",
            "\(options.seed &+ UInt64(result.kills))", "--keys", "\(options.keys)",
          ] + (isTraced ? ["--traced"] : []))
        if isTraced {
          if replacer.stopsBeforeRename(1 + random.below(2)) { chosen += 1 }
        } else {
          // From when it begins, not from when it may have a core.
          _ = crew.history.words.waits(ReplacerWords.opening, atLeast: 1, seconds: 10)
          let pause = Int64(random.below(12_000_000))
          let began = System.bootTime()
          while System.bootTime() - began < pause { System.yield() }
        }
        let killed = System.bootTime()
        replacer.send(SIGKILL)
        if !replacer.awaitDeath() { result.hangs += 1 }
        result.kills += 1
        within += Int(crew.history.words.load(ReplacerWords.opening))
        crew.history.words.store(ReplacerWords.opening, 0)
        if try System.list(crew.place).contains(where: { $0.hasSuffix("-new") }) { halfMade += 1 }
        let isMarked = try mark(crew.path) != Format.supersededCurrent
        if isMarked { marked += 1 }
        // Whoever made the mark held every shard.
        result.heal(keeper, Probe.keys(keeper), held: isMarked ? 0 : nil, since: killed)
        let ending = replacer.wait(seconds: 10)
        if ending.signal != SIGKILL {
          System.explain("kill \(result.kills): the replacer ended with \(ending)\n")
          result.corrupt += 1
        }
        if !crew.advance(10) { result.hangs += 1 }
      }
      crew.stop()
      for probe in Probe.keys(keeper) { try retryingBusy { try keeper.remove(probe) } }
      result.recoveries = try keeper.statistics().recoveries
      let followed = crew.sum(.followed)
      // A creation lock must be taken for leftovers to be cleared: by an opening that makes the store again.
      try SharedStore.open(path: crew.path, Shapes.first(options.keys)).close()
      let settled = try crew.settle(keeper)
      result.operations = crew.sum(.operations)
      result.lost = settled.lost
      result.corrupt += settled.bad + settled.corrupt + settled.evictions + settled.leftovers + crew.crashes
      result.findings = settled.findings
      result.more = [
        ("killedWhileReplacing", within), ("atRename", chosen), ("halfMadeFiles", halfMade), ("marked", marked),
        ("followed", followed),
      ]
      result.isIdle = result.kills >= 20 && (within * 4 < result.kills || chosen > 20 && marked == 0)
      return result
    }
  }

  private func mark(_ path: String) throws -> UInt64 {
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    let word = try System.read(file, at: Format.stateOffset, count: 8, path)
    return word.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
  }
}

extension Child {
  /// Runs until it is about to rename a file, for the first or the second time; it then stands still. False if it did
  /// not come to that.
  fileprivate func stopsBeforeRename(_ time: Int) -> Bool {
    guard torture_trace_begin(id).kind == TRACE_SIGNAL else { return false }
    var call = TraceCall()
    var (renames, isEntry, signal) = (0, false, Int32(0))
    // Far more calls than a replacement makes.
    for _ in 0..<100_000 {
      let stop = torture_trace_next_call(id, signal)
      signal = stop.kind == TRACE_SIGNAL ? stop.detail : 0
      guard stop.kind == TRACE_CALL else {
        if stop.kind == TRACE_SIGNAL { continue }
        return false
      }
      isEntry.toggle()
      guard isEntry else { continue }
      guard torture_trace_call(id, &call) == 0 else { return false }
      if call.number == Int64(TORTURE_SYS_RENAME) { renames += 1 }
      if renames == time { return true }
    }
    return false
  }
}

struct ReplacerWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "replacer-worker", shouldDisplay: false)

  @OptionGroup var options: CrewOptions
  @Option var directory: String
  @Flag var traced = false

  func run() throws {
    let history = try History(
      directory + "/history", workers: options.workers, keys: options.keys, creates: false)
    var shapes = Shapes(keys: options.keys, seed: options.seed)
    if options.seed & 1 == 0 { _ = shapes.next() }
    // Once: the first opening may find a store that is as it wants it, and it is the second that replaces it.
    if traced, torture_trace_me() != 0 { throw ExitCode(4) }
    for _ in 0..<10_000 {
      history.words.store(ReplacerWords.opening, 1)
      let shape = shapes.next()
      let store = try retryingBusy { try SharedStore.open(path: directory + "/store/v1/store.warp", shape) }
      history.words.store(ReplacerWords.opening, 0)
      store.close()
    }
  }
}
