// SPDX-License-Identifier: Apache-2.0
// Caches in this process: Int to Int and String to a class, against a Dictionary behind a Mutex and against NSCache.

import Foundation
import Synchronization
import WarpKV

extension BenchGroup {
  static let memory = BenchGroup(
    name: "memory", summary: "a hit in memory, to a Dictionary behind a Mutex, and to NSCache"
  ) { session in
    for entries in session.isQuick ? [1000, 100_000] : [1000, 10_000, 100_000, 1_000_000] {
      integers(session, entries: entries)
      if Interrupt.isRaised { return }
      if !session.isQuick || entries == 1000 { texts(session, entries: entries) }
      if Interrupt.isRaised { return }
    }
    try threads(session, entries: 1000)
  }

  // MARK: Int to Int

  private static func integers(_ session: Session, entries: Int) {
    let (series, uniform) = (
      session.series("memory", entries: entries), session.series("memory", entries: entries, "uniform")
    )
    let keys = session.stream(series).ids.map { integerKey(Int($0)) }
    let alike = session.stream(uniform, .uniform).ids.map { integerKey(Int($0)) }
    let cache = integerCache(entries)
    let dated = integerCache(entries, timeToLive: .seconds(3600))
    let dictionary = Mutex<[Int: Int]>([:])
    let objects = NSCache<NSNumber, NSNumber>()
    for entry in 0..<entries {
      let key = integerKey(entry)
      dictionary.withLock { $0[key] = entry }
      objects.setObject(NSNumber(value: entry), forKey: NSNumber(value: key))
    }
    func gets(_ suffix: String, _ keys: [Int], _ cache: Cache<Int, Int>) -> [Variant] {
      [
        Variant(name: "Dictionary and Mutex" + suffix) { range in
          var sum: UInt64 = 0
          for operation in range {
            let key = keys[operation]
            if let value = dictionary.withLock({ $0[key] }) { sum &+= UInt64(value) }
          }
          return sum
        },
        Variant(name: "Int to Int" + suffix) { range in
          var sum: UInt64 = 0
          for operation in range { if let value = cache[keys[operation]] { sum &+= UInt64(value) } }
          return sum
        },
      ]
    }
    let timings = session.measure(
      series,
      gets("", keys, cache) + [
        Variant(name: "NSCache, Int to Int", every: 8) { range in
          var sum: UInt64 = 0
          for operation in range {
            if let value = objects.object(forKey: NSNumber(value: keys[operation])) { sum &+= value.uint64Value }
          }
          return sum
        }
      ])
    guard timings.count == 3 else { return }
    session.add(series, "Int to Int to NSCache", timings[1], to: timings[2])
    // What no gate is about: keys that are all asked for alike, entries that have a deadline, keys that are not there, updates.
    session.measure(uniform, gets("", alike, cache))
    session.measure(series, gets(", with a deadline", keys, dated))
    session.measure(series, gets(", misses", keys.map { ~$0 }, cache))
    session.measure(
      series,
      [
        Variant(name: "Dictionary and Mutex, update") { range in
          for operation in range {
            let key = keys[operation]
            dictionary.withLock { $0[key] = operation }
          }
          return 0
        },
        Variant(name: "Int to Int, update") { range in
          for operation in range { cache[keys[operation]] = operation }
          return 0
        },
      ])
  }

  /// The key of an entry: spread, as keys in life are not 0, 1, 2.
  private static func integerKey(_ entry: Int) -> Int { Int(bitPattern: UInt(SplitMix.mix(UInt64(entry) &+ 1))) }

  /// A cache in which all entries stay, filled.
  static func integerCache(_ entries: Int, timeToLive: Duration? = nil) -> Cache<Int, Int> {
    let cache = Cache<Int, Int>(capacity: BenchStore.roomy(entries), timeToLive: timeToLive)
    for entry in 0..<entries { cache[integerKey(entry)] = entry }
    return cache
  }

  // MARK: String to a class

  private final class Box: Sendable {
    let number: Int
    init(_ number: Int) { self.number = number }
  }

  private static func texts(_ session: Session, entries: Int) {
    let series = session.series("memory", entries: entries)
    // The same strings that are stored are asked for by others, as in life; they are made outside the time.
    let stored = (0..<entries).map { Content.text($0) }
    let asked = (0..<entries).map { Content.text($0) }
    let names = (0..<entries).map { NSString(string: Content.text($0)) }
    let ids = session.stream(series).ids
    let cache = Cache<String, Box>(capacity: BenchStore.roomy(entries))
    let dictionary = Mutex<[String: Box]>([:])
    let objects = NSCache<NSString, Box>()
    for entry in 0..<entries {
      cache[stored[entry]] = Box(entry)
      dictionary.withLock { $0[stored[entry]] = Box(entry) }
      objects.setObject(Box(entry), forKey: names[entry])
    }
    session.measure(
      series,
      [
        Variant(name: "Dictionary and Mutex, String to class") { range in
          var sum: UInt64 = 0
          for operation in range {
            let key = asked[Int(ids[operation])]
            if let box = dictionary.withLock({ $0[key] }) { sum &+= UInt64(box.number) }
          }
          return sum
        },
        Variant(name: "String to class") { range in
          var sum: UInt64 = 0
          for operation in range { if let box = cache[asked[Int(ids[operation])]] { sum &+= UInt64(box.number) } }
          return sum
        },
        Variant(name: "NSCache, String to class", every: 8) { range in
          var sum: UInt64 = 0
          for operation in range {
            if let box = objects.object(forKey: names[Int(ids[operation])]) { sum &+= UInt64(box.number) }
          }
          return sum
        },
      ])
  }

  // MARK: Two threads

  /// What two threads do together on the same hot keys, to what one does.
  private static func threads(_ session: Session, entries: Int) throws {
    let series = session.series("memory", entries: entries)
    let keys = session.stream(series).ids.map { integerKey(Int($0)) }
    let cache = integerCache(entries)
    let board = try Board(workers: 2, windows: session.isQuick ? 400 : 2000)
    let outcome = try ThreadCrew.run(board, modes: [1, 2], windowNanoseconds: 2_000_000) { index in
      var at = index * keys.count / 2
      return {
        var sum = 0
        for _ in 0..<256 {
          sum &+= cache[keys[at]] ?? 0
          at += 1
          if at == keys.count { at = 0 }
        }
        return sum
      }
    }
    report(session, series, "two threads", "memory, two threads on hot keys, to one", outcome)
  }

  /// Notes the ratio of the second mode's rate to the first's, window pair by window pair, or why there is none.
  static func report(_ session: Session, _ series: Series, _ name: String, _ gate: String, _ outcome: WindowOutcome)
  {
    let ratios = outcome.ratios(of: 1, to: 0)
    guard ratios.count >= WindowOutcome.leastPairs else {
      return session.findings.skip(gate, outcome.shortage(pairs: ratios.count))
    }
    session.add(series, name, ratios, nanoseconds: 1e9 / max(1, outcome.medianRate(of: 1)))
  }
}
