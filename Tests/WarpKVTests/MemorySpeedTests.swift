// SPDX-License-Identifier: Apache-2.0
// What a hit costs, beside one that takes the lock in any case and a Dictionary under a Mutex: only if WARP_BENCH is set, and
// in a release build.
//
//   WARP_BENCH=1 swift test -c release -Xswiftc -enable-testing --filter MemorySpeed
//
// - All take turns of 32,768 gets from one stream, so that a busy machine slows all alike; medians of the turns, in
//   nanoseconds of the thread's own processor time.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

private final class Person: Sendable {
  let number: Int
  init(_ number: Int) { self.number = number }
}

/// Counts 1 for a value, and needs it: otherwise the compiler leaves its retain out.
@inline(never) @_optimize(none)
private func use<Value>(_ value: Value) -> Int { 1 }

/// What the comparison is with: bounded by nothing, evicting nothing.
private final class Plain<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let values: Mutex<[Key: Value]>
  init(_ values: [Key: Value]) { self.values = Mutex(values) }

  @inline(__always)
  func get(_ key: Key) -> Value? { values.withLock { $0[key] } }
}

@Suite(.serialized, .enabled(if: System.environment("WARP_BENCH") != nil))
struct MemorySpeedTests {
  private static let turn = 32_768
  private static let turns = 64

  @Test(arguments: [1000, 100_000]) func hits(_ count: Int) throws {
    let numbers = Array(0..<count)
    try compare("Int->Int", numbers, { $0 }, { $0 })
    try compare("Int->class", numbers, { $0 }, { Person($0) })
    try compare("String->class", numbers, { "user-key-\(1_000_000 + $0)" }, { Person($0) })
  }

  private func compare<Key: Hashable & Sendable, Value: Sendable>(
    _ name: String, _ numbers: [Int], _ key: (Int) -> Key, _ value: (Int) -> Value
  ) throws {
    let keys = numbers.map(key)
    let cache = try MemoryBackend<Key, Value>(capacity: 2 * numbers.count)
    let plain = Plain(Dictionary(uniqueKeysWithValues: numbers.map { (keys[$0], value($0)) }))
    for number in numbers { cache.set(keys[number], to: value(number)) }
    var random = SeededGenerator(seed: 1)
    let zipf = Zipf(count: numbers.count, exponent: 0.99)
    let stream = (0..<(Self.turn * 4)).map { _ in keys[Int(zipf.next(&random) % UInt64(numbers.count))] }
    for threads in [1, 2] {
      let times = medians(
        threads,
        [
          { range in range.reduce(0) { found, index in found + (cache.get(stream[index]).map(use) ?? 0) } },
          { range in range.reduce(0) { found, index in found + (cache.getLocked(stream[index]).map(use) ?? 0) } },
          { range in range.reduce(0) { found, index in found + (plain.get(stream[index]).map(use) ?? 0) } },
        ])
      print(
        "\(name), \(numbers.count) entries, \(threads) threads: \(times[0]) ns; with the lock \(times[1]) ns; "
          + "Dictionary + Mutex \(times[2]) ns")
      #expect(times.allSatisfy { $0 > 0 })
    }
  }

  private typealias Turn = @Sendable (Range<Int>) -> Int

  private func medians(_ threads: Int, _ kinds: [Turn]) -> [Double] {
    let times = Mutex<[[Int]]>(kinds.map { _ in [] })
    _ = TestThreads.run(threads) { thread in
      for turn in 0..<(kinds.count * Self.turns) {
        let first = (turn / kinds.count + thread) % 4 * Self.turn
        let start = TestProcess.processorTime()
        let found = kinds[turn % kinds.count](first..<(first + Self.turn))
        let time = TestProcess.processorTime() - start
        precondition(found == Self.turn)
        times.withLock { $0[turn % kinds.count].append(time) }
      }
    }
    func median(_ times: [Int]) -> Double { Double(times.sorted()[times.count / 2] * 10 / Self.turn) / 10 }
    return times.withLock { $0.map(median) }
  }
}
