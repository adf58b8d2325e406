// SPDX-License-Identifier: Apache-2.0
// Entries that lie in the buckets themselves, and move: when memory grows, and when another one is taken out. Nobody may
// miss one that is there, or find one that is gone, meanwhile or afterwards.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

/// Plain bits, and as few hashes as asked for: their homes are shared, their ways long, some of them around the end of the table.
struct Clashing<Classes: ClashingClasses>: Hashable, Sendable {
  var number: UInt64

  var hashValue: Int { Int(number % Classes.count) }
  func hash(into hasher: inout Hasher) { hasher.combine(number % Classes.count) }
}

protocol ClashingClasses: Sendable { static var count: UInt64 { get } }
enum OneClass: ClashingClasses { static var count: UInt64 { 1 } }
enum FewClasses: ClashingClasses { static var count: UInt64 { 5 } }
enum ManyClasses: ClashingClasses { static var count: UInt64 { 97 } }

private let shapes: [MemoryShape] = [
  MemoryShape(capacity: 2, operations: 3000), MemoryShape(capacity: 7, operations: 5000),
  MemoryShape(capacity: 16, dated: 0, operations: 5000), MemoryShape(capacity: 17, operations: 5000),
  MemoryShape(capacity: 64, operations: 8000), MemoryShape(capacity: 400, dated: 100, operations: 4000),
  MemoryShape(capacity: 60, weightLimit: 100, operations: 6000),
]

@Suite struct MemoryCellTests {
  /// Each shape under several hash seeds, as every backend has its own.
  @Test(arguments: shapes) func keysThatCollide(_ shape: MemoryShape) throws {
    for round in 0..<2 {
      let seed = TestPlan.seed(UInt64(shape.capacity * 10 + round))
      try run(shape, seed) { Clashing<OneClass>(number: $0) }
      try run(shape, seed) { Clashing<FewClasses>(number: $0) }
      try run(shape, seed) { Clashing<ManyClasses>(number: $0) }
    }
  }

  private func run<Key: Hashable & Sendable>(_ shape: MemoryShape, _ seed: UInt64, _ key: (UInt64) -> Key) throws {
    let run = try MemoryRun(shape, seed: seed, key)
    for number in 0..<(TestPlan.isDeep ? 50 : 1) * shape.operations {
      do {
        try run.step()
        if number % run.checkEvery == 0 { try run.compareAll() }
      } catch {
        Issue.record("\(Key.self), seed \(seed), operation \(number): \(error)")
        return
      }
    }
    #expect(throws: Never.self) { try run.compareAll() }
  }

  /// Keys come at one end and go at the other, so that entries are moved all the time. Threads that know which ones are there
  /// find just those.
  @Test func whatIsThereIsFoundWhileOthersMove() throws {
    try window { Clashing<ManyClasses>(number: $0) }
    try window { $0 }
  }

  private func window<Key: Hashable & Sendable>(_ key: @escaping @Sendable (UInt64) -> Key) throws {
    let cache = try MemoryBackend<Key, UInt64>(capacity: 3000, shards: 1)
    // Every key below `gone` was taken out, every one from `last` to `made` is in and stays until `last` has passed it.
    let gone = Atomic<UInt64>(0)
    let last = Atomic<UInt64>(0)
    let made = Atomic<UInt64>(0)
    let wrong = Atomic<Int>(0)
    let looks = Atomic<Int>(0)
    let isDone = Atomic<Bool>(false)
    let end = MemoryTime.now() + (TestPlan.isDeep ? 10_000_000_000 : 300_000_000)
    _ = TestThreads.run(3) { thread in
      if thread == 0 {
        var number: UInt64 = 0
        while MemoryTime.now() < end || looks.load(ordering: .relaxed) < 1000 {
          for _ in 0..<100 {
            cache.set(key(number), to: number)
            number += 1
            made.store(number, ordering: .releasing)
            guard number > 2000 else { continue }
            last.store(number - 2000, ordering: .sequentiallyConsistent)
            cache.remove(key(number - 2001))
            gone.store(number - 2000, ordering: .releasing)
          }
        }
        isDone.store(true, ordering: .releasing)
        return
      }
      var random = SeededGenerator(seed: UInt64(thread))
      while !isDone.load(ordering: .acquiring) {
        let (first, next) = (gone.load(ordering: .acquiring), made.load(ordering: .acquiring))
        guard next > first else { continue }
        let some = first + random.next() % (next - first)
        let found = cache.get(key(some))
        // It may have gone meanwhile; if not, it must have been found.
        let isThere = last.load(ordering: .sequentiallyConsistent) <= some
        if found != some, isThere || found != nil { wrong.add(1, ordering: .relaxed) }
        if first > 0, cache.get(key(random.next() % first)) != nil { wrong.add(1, ordering: .relaxed) }
        if first > 0 { looks.add(1, ordering: .relaxed) }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(looks.load(ordering: .relaxed) >= 1000)
  }

  /// Memory grows seven times meanwhile, and each time all entries move.
  @Test func whatIsThereIsFoundWhileMemoryGrows() throws {
    for _ in 0..<(TestPlan.isDeep ? 100 : 3) {
      let cache = try MemoryBackend<Int, Int>(capacity: 40_000, shards: 1)
      let made = Atomic<Int>(0)
      let wrong = Atomic<Int>(0)
      _ = TestThreads.run(3) { thread in
        if thread == 0 {
          for number in 0..<40_000 {
            cache.set(number, to: number)
            made.store(number + 1, ordering: .releasing)
          }
          return
        }
        var random = SeededGenerator(seed: UInt64(thread))
        while true {
          let count = made.load(ordering: .acquiring)
          guard count > 0 else { continue }
          let number = random.below(count)
          if cache.get(number) != number { wrong.add(1, ordering: .relaxed) }
          if cache.get(-1 - number) != nil { wrong.add(1, ordering: .relaxed) }
          if count == 40_000 { return }
        }
      }
      #expect(wrong.load(ordering: .relaxed) == 0)
      #expect(cache.keys() == Array(0..<40_000))
    }
  }

  /// What lies in the buckets and what is just too large for that, with keys of every alignment.
  @Test func sizesAroundTheLimit() throws {
    struct Bytes: Hashable, Sendable { var (a, b, c): (UInt8, UInt8, UInt8) }
    struct Words<Word: FixedWidthInteger & Sendable>: Equatable, Sendable { var (a, b, c): (Word, Word, Word) }
    struct Two: Equatable, Sendable { var (a, b): (Words<UInt64>, UInt64) }
    func check<Key: Hashable & Sendable, Value: Equatable & Sendable>(
      _ key: (UInt8) -> Key, _ value: (UInt8) -> Value
    ) throws {
      let cache = try MemoryBackend<Key, Value>(capacity: 100)
      for number in 0..<UInt8(200) {
        cache.set(key(number), to: value(number))
        if number % 3 == 0 { cache.remove(key(number / 2)) }
        for other in 0..<UInt8(200) {
          if let found = cache.get(key(other)) { #expect(found == value(other)) }
        }
      }
      for entry in cache.entries() { #expect(cache.get(entry.key) == entry.value) }
      #expect(cache.count > 60)
    }
    try check({ $0 }, { $0 })
    try check({ Bytes(a: $0, b: 1, c: $0) }, { UInt16($0) })
    try check({ UInt32($0) }, { Words<UInt32>(a: UInt32($0), b: 1, c: UInt32($0)) })
    try check({ Int($0) }, { Words<UInt64>(a: UInt64($0), b: 1, c: UInt64($0)) })
    try check({ Int($0) }, { Two(a: Words<UInt64>(a: UInt64($0), b: 1, c: 2), b: UInt64($0)) })
    try check({ UInt128($0) << 100 }, { UInt8($0) })
    try check({ UInt128($0) << 100 }, { UInt128($0) << 90 })
    try check({ UInt128($0) << 100 }, { Two(a: Words<UInt64>(a: UInt64($0), b: 1, c: 2), b: UInt64($0)) })
  }

  /// What README says of the memory of an entry.
  @Test(arguments: [1100, 4095, 10_000, 100_000]) func bytesOfAnEntry(_ capacity: Int) throws {
    let cache = try MemoryBackend<Int, Int>(capacity: capacity)
    for key in 0..<2 * capacity { cache.set(key, to: key) }
    let bytes = Double(cache.statistics.allocatedBytes) / Double(capacity) - 16
    #expect(bytes <= 64, "\(bytes) bytes beside key and value")
  }
}
