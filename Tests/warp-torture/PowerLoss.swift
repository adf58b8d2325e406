// SPDX-License-Identifier: Apache-2.0
// `warp-torture power-loss`: the power goes at some moment of a store's story, and the store is opened in the next boot from
// what a disk may then hold (WKV-O02, WKV-O13; SPEC.md 23.6).
//
// - After an honest disk the store is empty, or it is exactly what memory held at that moment. It may be empty only if
//   its last page of state does not say that it was left clean.
// - A disk that lies loses, tears or flips some of what it had promised to hold. Then each value was once that key's
//   own, or the store is refused with an error.
// - After an honest disk the verifier finds nothing, every shard works, and what is set then is there in the boot after.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct PowerLoss: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "power-loss", abstract: "Opens what a disk may hold after a loss of power.")

  @Option(help: "Images.") var images = 1000
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "End after so many seconds, even if there were fewer images; 0: never.") var seconds = 0.0
  @Flag(help: "End with one JSON object.") var json = false

  /// Of one story.
  private static let imagesOfStory = 40

  func run() throws {
    let watchdog = Watchdog("power-loss")
    let began = System.bootTime()
    var tally = Tally()
    var progress = ProgressLine("power-loss", of: images)
    while tally.images < images, seconds == 0 || Double(System.bootTime() - began) < seconds * 1e9 {
      watchdog.progress()
      let storySeed = SeededGenerator.mix(seed &+ UInt64(tally.stories) &* 0x9E37_79B9_7F4A_7C15)
      tally.stories += 1
      try withTemporaryDirectory { directory in
        let places = [directory + "/story", directory + "/image"]
        for place in places where mkdir(place, 0o700) != 0 { throw ValidationError("mkdir failed") }
        let story = try PowerLossStory(places[0], seed: storySeed)
        var random = SeededGenerator(seed: storySeed &+ 1)
        for number in 0..<min(PowerLoss.imagesOfStory, images - tally.images) {
          let judge = PowerLossJudge(story, places[1], "seed \(seed), story \(tally.stories), image \(number + 1)")
          tally.add(try judge.run(&random))
        }
      }
      progress.show(tally.images)
    }
    try report(tally, seconds: Double(System.bootTime() - began) / 1e9)
  }

  private struct Tally {
    var images = 0
    var stories = 0
    var outcomes: [PowerLossOutcome: Int] = [:]
    var wrong = 0

    mutating func add(_ result: (outcome: PowerLossOutcome, complaints: [String])) {
      images += 1
      outcomes[result.outcome, default: 0] += 1
      if !result.complaints.isEmpty { wrong += 1 }
      for complaint in result.complaints where wrong <= 10 { System.explain("\(complaint)\n") }
    }
  }

  private func report(_ tally: Tally, seconds: Double) throws {
    var report = Report()
    report.add("command", "power-loss")
    report.add("seed", Int(truncatingIfNeeded: seed))
    report.add("images", tally.images)
    report.add("stories", tally.stories)
    for outcome in PowerLossOutcome.allCases { report.add(outcome.rawValue, tally.outcomes[outcome] ?? 0) }
    report.add("wrong", tally.wrong)
    report.add("seconds", seconds)
    // A run that never saw a store go on, or start anew, proves nothing.
    let isIdle = tally.images >= 200 && PowerLossOutcome.allCases.contains { (tally.outcomes[$0] ?? 0) == 0 }
    try report.finish(json: json, violations: tally.wrong, isIdle: isIdle)
  }
}
