// SPDX-License-Identifier: Apache-2.0
// Operations that depend on what is there, at their limits and raced by threads. That they do what a model does is in
// ModelTests; that no increment of a process is lost is in warp-torture.

import Synchronization
import Testing
import WarpFormat
import WarpTestSupport

@testable import WarpKV

@Suite struct StoreOperationTests {
  private static let shape = StoreConfiguration(
    capacity: 64, maxKeySize: 16, maxValueSize: 32, writerWait: .seconds(30))
  private static let integer7: [UInt8] = [0x10, 7, 0, 0, 0, 0, 0, 0, 0]

  private func withStore(
    _ shape: StoreConfiguration = shape, _ body: (SharedStore, TestWorld) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let world = TestWorld()
      let store = try SharedStore.open(StoreFiles(path: directory + "/a.warp"), shape, world.environment)
      try body(store, world)
      store.close()
      #expect(try Verifier(path: directory + "/a.warp").findings() == [])
    }
  }

  @Test func aRefusedSetChangesAndCountsNothing() throws {
    try withStore { store, _ in
      try store.set([1], to: [1])
      let before = try store.statistics()
      #expect(try !store.add([1], value: [2]))
      #expect(try !store.replace([1], with: [2], ifRevision: 99))
      #expect(try !store.replace([2], with: [2], ifRevision: 1))
      // Too large, and still refused: the older value stays.
      #expect(try !store.add([1], value: [UInt8](repeating: 0, count: 33)))
      #expect(try !store.touch([2]))
      #expect(try store.statistics() == before)
      #expect(try store.get([1]) == [1])
    }
  }

  @Test func aConditionalSetThatIsTooLargeIsASkip() throws {
    try withStore { store, _ in
      let large = [UInt8](repeating: 0, count: 33)
      #expect(try !store.add([1], value: large))
      try store.set([1], to: [1])
      let revision = try #require(try store.entry(for: [1])).revision
      #expect(try !store.replace([1], with: large, ifRevision: revision))
      #expect(try store.get([1]) == nil)
      #expect(try store.statistics().oversizeSkips == 2)
    }
  }

  @Test func aRevisionIsThatOfOneWrite() throws {
    try withStore { store, _ in
      try store.set([1], to: [1])
      let first = try #require(try store.entry(for: [1]))
      #expect(try store.replace([1], with: [2], ifRevision: first.revision))
      #expect(try !store.replace([1], with: [3], ifRevision: first.revision))
      // Removed and set again it is another entry, whatever the bytes.
      try store.remove([1])
      try store.set([1], to: [1])
      #expect(try !store.replace([1], with: [3], ifRevision: first.revision))
      #expect(try store.get([1]) == [1])
    }
  }

  @Test func anExpiredEntryIsAbsent() throws {
    try withStore { store, world in
      try store.set([1], to: Self.integer7, timeToLive: .seconds(1))
      let revision = try #require(try store.entry(for: [1])).revision
      world.advance(nanoseconds: 1_000_000_000)
      #expect(try !store.touch([1], timeToLive: .seconds(9)))
      #expect(try store.take([1]) == nil)
      #expect(try !store.replace([1], with: [2], ifRevision: revision))
      #expect(try store.increment([1], by: 1, initially: 40) == 41)
      #expect(try store.entry(for: [1])?.remaining == nil)
      try store.set([2], to: [2], timeToLive: .seconds(1))
      world.advance(nanoseconds: 1_000_000_000)
      #expect(try store.add([2], value: [3]))
      #expect(try store.get([2]) == [3])
    }
  }

  @Test func touchMovesTheDeadlineOnly() throws {
    try withStore { store, world in
      try store.set([1], to: [1], timeToLive: .seconds(10), freshFor: .seconds(5))
      world.advance(nanoseconds: 4_000_000_000)
      #expect(try store.touch([1], timeToLive: .seconds(20)))
      let entry = try #require(try store.entry(for: [1]))
      #expect(entry.value == [1] && entry.remaining == .seconds(20) && !entry.isStale)
      world.advance(nanoseconds: 1_000_000_000)
      #expect(try store.entry(for: [1])?.isStale == true)
      #expect(try store.touch([1]))
      #expect(try store.entry(for: [1])?.remaining == nil)
    }
  }

  @Test func aStaleHitIsAHit() throws {
    try withStore { store, world in
      try store.set([1], to: [1], freshFor: .seconds(1))
      #expect(try store.entry(for: [1])?.isStale == false)
      world.advance(nanoseconds: 1_000_000_000)
      #expect(try store.entry(for: [1])?.isStale == true)
      // A plain get does not look.
      #expect(try store.get([1]) == [1])
      let statistics = try store.statistics()
      #expect(statistics.hits == 3 && statistics.staleHits == 1 && statistics.misses == 0)
      #expect(throws: WarpError.self) { try store.set([1], to: [1], freshFor: .zero) }
    }
  }

  @Test func incrementRefusesWhatItCannotAdd() throws {
    try withStore { store, world in
      try store.set([1], to: [7])
      expectCode(.notAnInteger) { _ = try store.increment([1]) }
      try store.set([1], to: Self.integer7 + [0])
      expectCode(.notAnInteger) { _ = try store.increment([1]) }
      // An integer of the typed encoding that no Int holds.
      try store.set([1], to: [0x11, 0, 0, 0, 0, 0, 0, 0, 0x80])
      expectCode(.notAnInteger) { _ = try store.increment([1]) }
      #expect(try store.increment([2], by: .max) == .max)
      expectCode(.integerOverflow) { _ = try store.increment([2]) }
      #expect(try store.increment([2], by: .min) == -1)
      expectCode(.keyTooLarge) { _ = try store.increment([UInt8](repeating: 0, count: 17)) }
      // The deadline is that of the first.
      #expect(try store.increment([3], timeToLive: .seconds(10)) == 1)
      world.advance(nanoseconds: 4_000_000_000)
      #expect(try store.increment([3], timeToLive: .seconds(10)) == 2)
      #expect(try store.entry(for: [3])?.remaining == .seconds(6))
    }
    try withStore(StoreConfiguration(capacity: 2, maxKeySize: 8, maxValueSize: 8)) { store, _ in
      expectCode(.invalidValueSize) { _ = try store.increment([1]) }
    }
  }

  @Test func updateRunsAgainWhenTheValueHasChanged() throws {
    try withStore { store, _ in
      try store.set([1], to: [1])
      var seen: [[UInt8]?] = []
      let result = try store.update([1]) { value in
        seen.append(value)
        if seen.count == 1 { try store.set([1], to: [5]) }
        value = (value ?? []) + [9]
        return seen.count
      }
      #expect(result == 2 && seen == [[1], [5]])
      #expect(try store.get([1]) == [5, 9])
      // Removed only if unchanged.
      seen = []
      try store.update([1]) { value in
        seen.append(value)
        if seen.count == 1 { try store.set([1], to: [6]) }
        value = nil
      }
      #expect(seen == [[5, 9], [6]])
      #expect(try store.get([1]) == nil)
      // Each time somebody is faster: it gives up, and the last of those has its way.
      var tries = 0
      expectCode(.busy) {
        try store.update([1]) { value in
          tries += 1
          try store.set([1], to: [UInt8(truncatingIfNeeded: tries)])
          value = [0]
        }
      }
      #expect(tries == Format.updateTries)
      #expect(try store.get([1]) == [UInt8(truncatingIfNeeded: tries)])
    }
  }

  @Test func whatTheClosureThrowsChangesNothing() throws {
    struct Refusal: Error {}
    try withStore { store, _ in
      try store.set([1], to: [1])
      #expect(throws: Refusal.self) {
        try store.update([1]) { value in
          value = nil
          throw Refusal()
        }
      }
      #expect(try store.get([1]) == [1])
    }
  }

  @Test func aReadOnlyHandleReadsEntriesAndWritesNone() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape)
      try store.set([1], to: Self.integer7)
      var shape = Self.shape
      shape.access = .readOnly
      let reader = try SharedStore.open(path: path, shape)
      #expect(try reader.entry(for: [1])?.value == Self.integer7)
      expectCode(.readOnly) { _ = try reader.add([2], value: []) }
      expectCode(.readOnly) { _ = try reader.take([1]) }
      expectCode(.readOnly) { _ = try reader.increment([1]) }
      expectCode(.readOnly) { _ = try reader.touch([1]) }
    }
  }

  /// WKV-W15: the bytes contradict the checksum, and writing them again would make them right.
  @Test func aCorruptEntryIsNotRewritten() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, StoreConfiguration(capacity: 1, maxKeySize: 8, maxValueSize: 16))
      try store.set([1], to: Self.integer7)
      let data = try TestFiles.read(path)
      let image = try StoreImage(data: data)
      try TestFiles.patch(path, at: image.slotOffset(1) + 40 + 1, [8])
      #expect(try store.get([1]) == [0x10, 8, 0, 0, 0, 0, 0, 0, 0])
      #expect(try !store.touch([1]))
      #expect(try store.statistics().corrupt == 1)
      #expect(try store.increment([1], initially: 1) == 2)
      #expect(try store.statistics().corrupt == 2)
    }
  }

  // MARK: Races

  /// WKV-W14.
  @Test func ofManyAddsOneWins() throws {
    try withStore(.init(capacity: 512, maxKeySize: 8, maxValueSize: 8, writerWait: .seconds(30))) { store, _ in
      let wins = (0..<200).map { _ in TestCount() }
      let errors = TestThreads.run(4) { thread in
        for key in 0..<200 where try store.add([UInt8(key)], value: [UInt8(thread)]) {
          wins[key].value.add(1, ordering: .relaxed)
        }
      }
      #expect(errors.isEmpty)
      #expect(wins.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
    }
  }

  @Test func ofManyTakesOneWins() throws {
    try withStore(.init(capacity: 512, maxKeySize: 8, maxValueSize: 8, writerWait: .seconds(30))) { store, _ in
      for key in 0..<200 as Range<UInt8> { try store.set([key], to: [key]) }
      let taken = TestCount()
      let errors = TestThreads.run(4) { _ in
        for key in 0..<200 as Range<UInt8> where try store.take([key]) == [key] {
          taken.value.add(1, ordering: .relaxed)
        }
      }
      #expect(errors.isEmpty)
      #expect(taken.value.load(ordering: .relaxed) == 200)
      #expect(try store.count == 0)
    }
  }

  @Test func noIncrementIsLost() throws {
    try withStore { (store, _) throws in
      let errors = TestThreads.run(4) { _ in
        for _ in 0..<500 {
          try store.increment([1], by: 3)
          // The same by hand.
          while true {
            guard let entry = try store.entry(for: [2]) else {
              if try store.add([2], value: [1, 0]) { break } else { continue }
            }
            let number = Int(entry.value[0]) + Int(entry.value[1]) << 8 + 1
            let bytes = [UInt8(number & 255), UInt8(number >> 8)]
            if try store.replace([2], with: bytes, ifRevision: entry.revision) { break }
          }
          try store.update([3]) { value in
            let number = (value.map { Int($0[0]) + Int($0[1]) << 8 } ?? 0) + 1
            value = [UInt8(number & 255), UInt8(number >> 8)]
          }
        }
      }
      #expect(errors.isEmpty)
      #expect(try store.increment([1], by: 0) == 6000)
      #expect(try store.get([2]) == [UInt8(2000 & 255), UInt8(2000 >> 8)])
      #expect(try store.get([3]) == [UInt8(2000 & 255), UInt8(2000 >> 8)])
    }
  }

  @Test func aClockOfATestsOwn() throws {
    try withTemporaryDirectory { directory in
      let now = TestCount()
      var shape = Self.shape
      shape.clock = CacheClock(now: { UInt64(now.value.load(ordering: .relaxed)) }, sleep: { _ in })
      let store = try SharedStore.open(path: directory + "/a.warp", shape)
      try store.set([1], to: [1], timeToLive: .seconds(3600))
      #expect(try store.entry(for: [1])?.remaining == .seconds(3600))
      now.value.add(3_600_000_000_000, ordering: .relaxed)
      #expect(try store.get([1]) == nil)
    }
  }
}

private final class TestCount: Sendable {
  let value = Atomic<Int>(0)
}
