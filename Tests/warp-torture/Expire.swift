// SPDX-License-Identifier: Apache-2.0
// `warp-torture expire`: what has expired takes no memory. One key that expires and is filled again, and many keys that
// all expire again and again, in memory and in a shared store, on a clock that is moved by hand.
//
// The predecessor's clones of this idea keep a record for each expiry until its key is asked for again.

import ArgumentParser
import WarpFormat
import WarpKV
import WarpTestSupport

struct Expire: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Expired entries take no memory.")

  @Option(help: "Refills of one key.") var refills = 400_000
  @Option(help: "Keys that expire together.") var keys = 1000
  @Option(help: "How often they do.") var rounds = 1000
  @Flag(help: "End with one JSON object.") var json = false

  private static let allowance = 1 << 20

  func run() throws {
    var report = Report()
    report.add("command", "expire")
    var grown = 0
    for backend in Backend.allCases {
      let place = try TestPlace(backend)
      let one: Cache<Int, [UInt8]> = try place.cache(name: "one", timeToLive: .seconds(1))
      let many: Cache<Int, [UInt8]> = try place.cache(name: "many", capacity: 4 * keys, timeToLive: .seconds(1))
      // The first tenth warms up: tables, slots and the allocator reach their size.
      let names = ["one", "many"]
      let works: [(Int) throws -> Void] = [
        { _ in try refill(one, place, refills / 10) },
        { part in for round in 0..<(rounds / 10) { try refillAll(many, place, round + part * rounds / 10) } },
      ]
      for (name, work) in zip(names, works) {
        try work(0)
        let before = try Figures.now().resident
        for part in 1...10 { try work(part) }
        let growth = try Figures.now().resident - before
        report.add("\(backend)\(name.prefix(1).uppercased() + name.dropFirst())Growth", growth)
        if growth > Expire.allowance { grown += 1 }
      }
      report.add("\(backend)Entries", try many.count)
      report.add("\(backend)Expirations", try many.statistics().expirations)
    }
    report.add("grown", grown)
    try report.finish(json: json, violations: grown)
  }

  private func refill(_ cache: Cache<Int, [UInt8]>, _ place: TestPlace, _ times: Int) throws {
    for _ in 0..<times {
      _ = cache.value(for: 1) { _ in [UInt8](repeating: 1, count: 100) }
      place.clock.advance(.seconds(2))
    }
  }

  /// New keys each time, so that only the sweep and the hand can find the old ones.
  private func refillAll(_ cache: Cache<Int, [UInt8]>, _ place: TestPlace, _ round: Int) throws {
    for key in 0..<keys {
      _ = cache.value(for: round * keys + key) { _ in [UInt8](repeating: 1, count: 100) }
    }
    place.clock.advance(.seconds(2))
  }
}
