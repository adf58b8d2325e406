// SPDX-License-Identifier: Apache-2.0
// Keys: what is equal must be found, whatever its bytes; what is not must spread, whatever its pattern.

import Synchronization
import Testing
import WarpKV

/// 16 bytes, every one of which counts.
private struct Identity: ByteKey {
  var high: UInt64
  var low: UInt64
}

@Suite struct MemoryKeyTests {
  @Test func canonicallyEquivalentStringsAreOneKey() throws {
    let cache = try MemoryBackend<String, Int>(capacity: 10)
    cache.set("caf\u{E9}", to: 1)
    #expect(cache.get("cafe\u{301}") == 1)
    #expect(cache.set("cafe\u{301}", to: 2) == .replaced)
    cache.set("\u{212A}", to: 3)
    #expect(cache.get("K") == 3, "the Kelvin sign is the letter")
    #expect(cache.count == 2)
    #expect(cache.remove("caf\u{E9}") == 2)
    #expect(cache.count == 1)
  }

  @Test func zeroHasOneKeyAndNaNHasNone() throws {
    let cache = try MemoryBackend<Double, Int>(capacity: 4)
    cache.set(-0.0, to: 1)
    #expect(cache.get(0.0) == 1)
    for number in 0..<50 {
      #expect(cache.set(.nan, to: number) == .stored)
      #expect(cache.get(.nan) == nil)
    }
    #expect(cache.count == 4, "keys that nobody can find are given up, too")
    #expect(cache.statistics.evictions == 47)
    cache.removeAll()
    #expect(cache.keys() == [])
  }

  @Test func integersOfEveryWidth() throws {
    func check<Key: FixedWidthInteger & Sendable>(_ type: Key.Type) throws {
      let cache = try MemoryBackend<Key, Key>(capacity: 300)
      let keys = Set((0..<100).map { Key(truncatingIfNeeded: $0) } + [.min, .max, .max / 2])
      for key in keys { #expect(cache.set(key, to: key) == .stored) }
      for key in keys { #expect(cache.get(key) == key) }
      for key in keys { #expect(cache.remove(key) == key) }
      #expect(cache.count == 0)
    }
    try check(Int.self)
    try check(Int8.self)
    try check(Int16.self)
    try check(Int32.self)
    try check(Int64.self)
    try check(Int128.self)
    try check(UInt.self)
    try check(UInt8.self)
    try check(UInt16.self)
    try check(UInt32.self)
    try check(UInt64.self)
    try check(UInt128.self)
  }

  /// 15,000 keys in 20,000 places: no shard overflows, and nothing is far from home, unless the hash lets patterns
  /// through.
  @Test(arguments: [0, 4, 12, 20, 32, 40, 48]) func patternsSpread(_ shift: Int) throws {
    func check<Key: Hashable & Sendable>(_ keys: [Key]) throws {
      let cache = try MemoryBackend<Key, Int>(capacity: 20_000)
      for (index, key) in keys.enumerated() { cache.set(key, to: index) }
      #expect(cache.count == keys.count)
      #expect(cache.longestProbe < 80)
    }
    let numbers = (0..<15_000).map { UInt64($0) << UInt64(shift) }
    try check(numbers)
    try check(numbers.map { ~$0 })
    try check(numbers.map { Int(bitPattern: UInt($0 &* 0x9E37_79B9_7F4A_7C15)) })
    try check(numbers.map { Identity(high: $0, low: 0) })
    try check(numbers.map { Identity(high: 0, low: $0) })
    try check(numbers.map { Identity(high: $0, low: $0) })
    let ints = numbers.map { Int(truncatingIfNeeded: $0) }
    try check(ints.map { Arguments2($0, 7) })
    try check(ints.map { Arguments2(7, $0) })
    try check(ints.map { Arguments2($0, $0) })
    try check(ints.map { Arguments2($0, -$0) })
    try check(ints.map { Arguments3($0, 0, 1) })
    try check(ints.map { Arguments3(0, 1, $0) })
    try check(ints.map { ArgumentPack(1, $0, 2, 3) })
    try check(ints.map { ArgumentPack(0, 0, 0, $0) })
  }

  /// Padding is no part of a key: the same arguments are found from wherever they come.
  @Test func listsOfArguments() throws {
    func check<Key: Hashable & Sendable>(_ make: (Int) -> Key) throws {
      let cache = try MemoryBackend<Key, Int>(capacity: 1000)
      for number in 0..<500 { cache.set(make(number), to: number) }
      #expect((0..<500).allSatisfy { cache.get(make($0)) == $0 })
      #expect(cache.count == 500)
    }
    try check { Arguments2(Int8(truncatingIfNeeded: $0), $0) }
    try check { Arguments2($0, Int8(truncatingIfNeeded: $0)) }
    try check { Arguments2(UInt32($0), UInt64($0)) }
    try check { Arguments2(Double($0), $0) }
    try check { Arguments2("\($0)", $0) }
    try check { Arguments3(Int16($0), $0, UInt8(truncatingIfNeeded: $0)) }
    try check { ArgumentPack(Int16($0), $0, UInt8(truncatingIfNeeded: $0), "\($0)") }
    try check { ArgumentPack(UInt8(truncatingIfNeeded: $0), $0, Int16($0), $0) }
    let calls = Mutex(0)
    let nothing = cached { () in calls.withLock { $0 += 1 } }
    for _ in 0..<3 { nothing() }
    #expect(calls.withLock { $0 } == 1)
  }

  @Test func everyBackendHasItsOwnHash() throws {
    let caches = try (0..<8).map { _ in try MemoryBackend<Int, Int>(capacity: 100_000) }
    let shards = caches.map { cache in (0..<64).map { cache.shardIndex(of: $0) } }
    #expect(Set(shards).count == shards.count)
  }
}
