// SPDX-License-Identifier: Apache-2.0
// Expired entries leave also where nothing is evicted: each new key looks at four slots (SPEC.md, W5). That exactly those
// leave, and when, is in ModelTests.

import Testing
import WarpTestSupport

@testable import WarpFormat
@testable import WarpKV

@Suite struct SweepTests {
  private static let capacity = 100
  private static let shape = StoreConfiguration(capacity: capacity, maxKeySize: 8, maxValueSize: 8, shards: 1)

  private func withStore(_ body: (SharedStore, TestWorld, _ path: String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let world = TestWorld()
      let path = directory + "/a.warp"
      let store = try SharedStore.open(StoreFiles(path: path), Self.shape, world.environment)
      try body(store, world, path)
      store.close()
      #expect(try Verifier(path: path).findings() == [])
    }
  }

  private func sweep(_ store: SharedStore) -> UInt32 { store.attachment.shard(0).get(ControlFields.sweep) }

  @Test func withoutDeadlinesNothingIsSwept() throws {
    try withStore { store, _, _ in
      for key in 0..<10 as Range<UInt8> { try store.set([key], to: [key]) }
      #expect(sweep(store) == 0)
      try store.set([0], to: [0], timeToLive: .seconds(1))
      // An update of a key that is there sweeps nothing.
      #expect(sweep(store) == 1)
      try store.set([99], to: [0])
      #expect(sweep(store) == 5)
      try store.removeAll()
      #expect(sweep(store) == 0)
    }
  }

  @Test func expiredEntriesLeaveWithoutEviction() throws {
    try withStore { store, world, _ in
      for key in 0..<40 as Range<UInt8> { try store.set([key], to: [key], timeToLive: .seconds(1)) }
      world.advance(nanoseconds: 1_000_000_000)
      #expect(try store.count == 40)
      // Ten new keys look at forty slots. They take the slots that are free by then.
      for key in 100..<111 as Range<UInt8> { try store.set([key], to: [key]) }
      #expect(try store.count == 11)
      let statistics = try store.statistics()
      #expect(statistics.expirations == 40 && statistics.evictions == 0)
      #expect(store.attachment.shard(0).get(ControlFields.usedSlots) == 41)
    }
  }

  /// Numbers that no writer stores, in a file that was damaged, lead nowhere else.
  @Test(arguments: [1, 41, 102, .max] as [UInt32]) func aSweepBeginsAnywhere(_ start: UInt32) throws {
    try withStore { store, world, path in
      for key in 0..<40 as Range<UInt8> { try store.set([key], to: [key], timeToLive: .seconds(1)) }
      world.advance(nanoseconds: 1_000_000_000)
      store.attachment.shard(0).put(ControlFields.sweep, start)
      for key in 100..<111 as Range<UInt8> { try store.set([key], to: [key]) }
      #expect(try store.count == 11)
      #expect((1...41).contains(sweep(store)))
    }
  }

  /// WKV-C07 after a recovery, whatever the file said.
  @Test(arguments: [0, 7, 102] as [UInt32]) func aRecoveryKeepsOrRepairsIt(_ start: UInt32) throws {
    try withStore { store, _, _ in
      try store.set([1], to: [1], timeToLive: .seconds(1))
      let file = store.attachment
      file.shard(0).put(ControlFields.sweep, start)
      try file.withShard(file.shard(0), limit: 1_000_000_000) { () throws(WarpError) in
        file.shard(0).recover(in: file)
      }
      #expect(sweep(store) == (start == 7 ? 7 : 1))
    }
  }

  @Test func aReplacementSweepsAnew() throws {
    try withStore { store, world, path in
      for key in 0..<40 as Range<UInt8> {
        try store.set([key], to: [key], timeToLive: key < 20 ? nil : .seconds(1))
      }
      var larger = Self.shape
      larger.capacity = 200
      let other = try SharedStore.open(StoreFiles(path: path), larger, world.environment)
      #expect(other.capacity == 200)
      #expect(sweep(other) > 0)
      other.close()
    }
  }
}
