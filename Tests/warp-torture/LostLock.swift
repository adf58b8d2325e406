// SPDX-License-Identifier: Apache-2.0
// `warp-torture lockfile`: the lock file of a store in use is taken away, and another process opens the store (SPEC.md
// 23.3).
//
// - While the others use the store they make a new pair of files, the opening succeeds, and nothing is lost. They may
//   have no core for as long as an opening waits for them, which is a second, so a few may be tried twice.
// - While they do nothing the opening ends with `lockFileMissing`, and the store goes on unchanged.
// - An opening takes at most 2 s, but for a few on a busy machine.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct LostLock: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lockfile", abstract: "Takes away the lock file of a store in use.")

  /// What takes the lock file's place. Nobody overwrites a file that others have mapped: each is a new inode.
  private enum Loss: CaseIterable { case deleted, garbage, foreign, empty }

  @OptionGroup var options: CrewOptions
  @Option(help: "Lock files that are taken away.") var rounds = 20
  @Flag(help: "End with one JSON object.") var json = false

  private struct Tries {
    var refused = 0
    var idle = 0
    var changed = 0
    var retried = 0
    var active = Histogram()
    var idlers = Histogram()
    var late: Int { active.late(over: 2_000_000_000) + idlers.late(over: 2_000_000_000) }
    /// Few are retried.
    var violations: Int { late + refused + changed + max(0, retried - max(1, (active.count + refused) / 10)) }
  }

  func run() throws {
    let watchdog = Watchdog("lockfile")
    try withTemporaryDirectory { directory in
      var crew = try Crew(options, directory)
      let keeper = try SharedStore.open(path: crew.path, Shapes.first(options.keys))
      let foreign = try SharedStore.open(path: directory + "/foreign.warp", Shapes.first(options.keys))
      foreign.close()
      try crew.start()
      var tries = Tries()
      var handles: [SharedStore] = []
      var stuck = 0
      for round in 0..<rounds where crew.sum(.failures) == 0 && stuck == 0 {
        watchdog.progress()
        let loss = Loss.allCases[round % Loss.allCases.count]
        if round % 5 < 2 { try openIdle(round, loss, crew, &tries) }
        try lose(loss, crew)
        if let store = try openActive(round, crew, &tries) { handles.append(store) }
        if handles.count > 2 { handles.removeFirst().close() }
        if !crew.advance(100) { stuck += 1 }
      }
      let followed = crew.sum(.followed)
      crew.stop()
      for store in handles { store.close() }
      let settled = try crew.settle(keeper)
      var report = Report()
      report.add("command", "lockfile")
      report.add("rounds", rounds)
      report.add("seed", Int(truncatingIfNeeded: options.seed))
      report.add("keys", options.keys)
      report.add("idleRounds", tries.idle)
      report.add("late", tries.late)
      report.add("refused", tries.refused)
      report.add("retried", tries.retried)
      report.add("changed", tries.changed)
      report.add("stuck", stuck)
      report.add("followed", followed)
      report.add("longestOpenMs", Double(tries.active.largest) / 1e6)
      report.add("longestIdleOpenMs", Double(tries.idlers.largest) / 1e6)
      settled.add(to: &report, crew)
      let idle = crew.records.count { $0[.followed] == 0 }
      try report.finish(
        json: json, violations: settled.violations + crew.crashes + tries.violations + stuck + idle)
    }
  }

  private func lose(_ loss: Loss, _ crew: Crew) throws {
    let lock = crew.path + "-lock"
    let other = crew.directory + "/other"
    switch loss {
    case .deleted:
      try System.remove(lock)
      return
    case .garbage: try TestFiles.write(other, [UInt8](repeating: 0xAA, count: 10_000))
    case .foreign: try TestFiles.write(other, TestFiles.read(crew.directory + "/foreign.warp-lock"))
    case .empty: try TestFiles.write(other, [])
    }
    try System.rename(other, lock)
  }

  private func openActive(
    _ round: Int, _ crew: Crew, _ tries: inout Tries, again: Bool = false
  ) throws -> SharedStore? {
    let began = System.bootTime()
    do {
      let store = try SharedStore.open(path: crew.path, Shapes.first(options.keys, .fail))
      tries.active.add(System.bootTime() - began)
      try retryingBusy { try store.set(Probe.prefix + [1], to: [UInt8(truncatingIfNeeded: round)]) }
      return store
    } catch let error as WarpError
      where error.code == .lockFileMissing && !again && System.bootTime() - began > 900_000_000
    {
      tries.retried += 1
      return try openActive(round, crew, &tries, again: true)
    } catch {
      System.explain("round \(round): \(error)\n")
      tries.refused += 1
      return nil
    }
  }

  /// Everyone pauses; the others' handles stay as they are.
  private func openIdle(_ round: Int, _ loss: Loss, _ crew: Crew, _ tries: inout Tries) throws {
    let words = crew.history.words
    words.store(CrewWords.pause, 1)
    defer { words.store(CrewWords.pause, 0) }
    for record in crew.records where !crew.words.waits(record.word(.isIdle), atLeast: 1) {
      throw FormatError(.busy, "worker \(record.index) does not pause")
    }
    tries.idle += 1
    let before = try System.status(path: crew.path)
    try lose(loss, crew)
    let began = System.bootTime()
    do {
      try SharedStore.open(path: crew.path, Shapes.first(options.keys, .fail)).close()
      System.explain("round \(round): an opening made a lock file that others don't know\n")
      tries.changed += 1
    } catch  where error.code == .lockFileMissing {
      // As it should be.
    } catch {
      System.explain("round \(round), idle: \(error)\n")
      tries.refused += 1
    }
    tries.idlers.add(System.bootTime() - began)
    if try System.status(path: crew.path)?.inode != before?.inode { tries.changed += 1 }
    // The store goes on in the files that they have.
    let followed = crew.sum(.followed)
    words.store(CrewWords.pause, 0)
    if !crew.advance(100) || crew.sum(.followed) != followed {
      System.explain("round \(round): the workers did not go on with what they had\n")
      tries.changed += 1
    }
  }
}
