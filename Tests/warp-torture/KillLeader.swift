// SPDX-License-Identifier: Apache-2.0
// `kill --target leader`: processes ask for a key that nobody has computed, one of them computes it under a lease, and
// dies (SPEC.md 23.8). `warp-torture flight` does the same with many threads and typed caches.
//
// - If the leader died while it computed, exactly one other computes; the time to heal is the time until it begins. If it
//   died later, at most one does. All others get the value of a run that ended.
// - Now and then anyone is killed, just when all ask.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct KillLeader {
  let options: KillOptions
  let pace: KillPace

  /// Microseconds.
  private static let computation = 3000
  /// Rounds of one store.
  private static let rounds = 1000

  func run() throws -> KillResult {
    var result = KillResult()
    var figures = Figures()
    while pace.goesOn(after: result.kills) {
      try withTemporaryDirectory { try series($0, &result, &figures) }
    }
    result.more = [
      ("killedWhileComputing", figures.within), ("takeovers", figures.takeovers),
      ("killedWhileAsking", figures.asking),
    ]
    result.isIdle = result.kills >= 20 && figures.within * 4 < result.kills
    return result
  }

  private struct Figures {
    var within = 0
    var takeovers = 0
    var asking = 0
  }

  private func series(_ directory: String, _ result: inout KillResult, _ figures: inout Figures) throws {
    let flight = try FlightOptions.parse([
      "--processes", "\(max(options.workers, 2))", "--threads", "1", "--rounds", "\(KillLeader.rounds)", "--seed",
      "\(options.seed &+ UInt64(result.kills))", "--target", "leader", "--computation-us",
      "\(KillLeader.computation)",
    ])
    let words = try SharedWords(directory + "/records", count: FlightRecord.count(flight))
    let place = try FlightPlace(flight, directory)
    func spawn(from round: Int) throws -> Child {
      try Child(["flight-worker", "--directory", directory, "--from", "\(round)"] + flight.arguments)
    }
    var children = try (0..<flight.processes).map { _ in try spawn(from: 1) }
    var started = children.count
    var random = SeededGenerator(seed: flight.seed)
    for round in 1...flight.rounds where pace.goesOn(after: result.kills) {
      try words.await(FlightRecord.ready, atLeast: UInt64(started))
      let record = FlightRecord(words, round - 1)
      words.store(FlightRecord.round, UInt64(round))
      let victim = try choose(record, children, &random, &figures)
      let killed = System.bootTime()
      children[victim].send(SIGKILL)
      result.kills += 1
      if !children[victim].awaitDeath() { result.hangs += 1 }
      try judge(round, record, children[victim].id, since: killed, place, flight, &result, &figures)
      if children[victim].wait(seconds: 10).signal != SIGKILL { result.corrupt += 1 }
      children[victim] = try spawn(from: round + 1)
      started += 1
    }
    words.store(FlightRecord.round, .max)
    result.hangs += children.count { !$0.wait(seconds: 30).isClean }
    result.corrupt += Int(words.load(FlightRecord.wrong) + words.load(FlightRecord.alone))
    place.close()
    result.findings += try Verifier(path: place.path).findings().count
  }

  /// Waits for the moment of the kill, and returns who is killed.
  private func choose(
    _ record: FlightRecord, _ children: [Child], _ random: inout SeededGenerator, _ figures: inout Figures
  ) throws -> Int {
    if random.below(8) == 0 {
      figures.asking += 1
      System.sleep(Int64(random.below(300_000)))
      return random.below(children.count)
    }
    try record.words.await(record.index(.runs), atLeast: 1)
    while record.process(ofRun: 1) == 0 { System.yield() }
    // Some of them when it stores what it has computed.
    System.sleep(Int64(random.below(KillLeader.computation * 1200)))
    return children.firstIndex { $0.id == record.process(ofRun: 1) }!
  }

  private func judge(
    _ round: Int, _ record: FlightRecord, _ dead: pid_t, since killed: Int64, _ place: FlightPlace,
    _ flight: FlightOptions, _ result: inout KillResult, _ figures: inout Figures
  ) throws {
    let wasComputing = record[.runs] > 0 && record.process(ofRun: 1) == dead && record.end(ofRun: 1) == 0
    // The dead one may have returned before.
    guard record.words.waits(record.index(.returned), atLeast: UInt64(flight.processes - 1), seconds: 10) else {
      System.explain("round \(round): only \(record[.returned]) came back\n")
      result.hangs += 1
      return
    }
    let runs = record[.runs]
    result.operations += flight.processes
    if wasComputing {
      figures.within += 1
      if runs == 2 {
        figures.takeovers += 1
        result.heals.add(record.start(ofRun: 2) - killed)
      }
    }
    let value = try place.get(FlightRecord.key(round - 1)) ?? []
    let run = FlightRecord.run(of: value, round - 1)
    let isRight = (wasComputing ? 2...2 : 1...2).contains(runs) && run > 0 && record.end(ofRun: run) != 0
    if !isRight {
      System.explain("round \(round): \(runs) runs, computing: \(wasComputing), the value is of run \(run)\n")
      result.corrupt += 1
    }
  }
}
