// SPDX-License-Identifier: Apache-2.0
// The quick get and the quick set: what they settle by themselves is what the long way would say.

import Testing
import WarpFormat
import WarpTestSupport

@testable import WarpKV

@Suite struct QuickGetTests {
  private func withStore(
    _ configuration: StoreConfiguration, _ body: (SharedStore, String) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try body(try SharedStore.open(path: path, configuration), path)
    }
  }

  /// Around the sizes at which hash, comparison and copy change their way. Keys that differ in one byte, at the begin or at
  /// the end, or by a zero more, are others.
  @Test func keysAndValuesOfEverySize() throws {
    try withStore(StoreConfiguration(capacity: 2000, maxKeySize: 48, maxValueSize: 600)) { store, path in
      let verifying = try SharedStore.open(
        path: path, StoreConfiguration(verifyReads: true, ifDifferent: .useExisting))
      for size in 0...41 {
        let key = (0..<size).map { UInt8(200 &- $0) }
        let value = (0..<(size * 13 + size % 9)).map { UInt8(truncatingIfNeeded: $0 &+ size) }
        #expect(try store.set(key, to: value) == .stored)
        for other in [store, verifying] {
          #expect(try other.get(key) == value)
          var buffer = [UInt8](repeating: 99, count: value.count + 9)
          #expect(try other.get(key, into: &buffer) == .hit(size: value.count))
          #expect(buffer == value + [UInt8](repeating: 99, count: 9))
          if size > 0 {
            var small = [UInt8](repeating: 0, count: value.count - 1)
            #expect(try other.get(key, into: &small) == .tooSmall(needed: value.count))
            for index in [0, size / 2, size - 1] {
              var near = key
              near[index] ^= 1
              #expect(try other.get(near) == nil)
            }
          }
          #expect(try other.get(key + [0]) == nil)
        }
        #expect(try store.set(key, to: value) == .replaced)
      }
      #expect(try store.get([UInt8](repeating: 1, count: 49)) == nil)
      expectCode(.keyTooLarge) { try store.set([UInt8](repeating: 1, count: 49), to: []) }
      #expect(try store.set([1], to: [UInt8](repeating: 1, count: 601)) == .skipped)
    }
  }

  @Test func timesAndCounts() throws {
    let clock = ManualClock()
    var configuration = StoreConfiguration(capacity: 20, shards: 1)
    configuration.clock = clock.clock
    try withStore(configuration) { store, _ in
      let key: [UInt8] = Array("0123456789".utf8)
      try store.set(key, to: [1], timeToLive: .seconds(2), freshFor: .seconds(1))
      var entry = try #require(try store.entry(for: key))
      #expect(entry.remaining == .seconds(2) && !entry.isStale)
      clock.advance(.seconds(1))
      entry = try #require(try store.entry(for: key))
      #expect(entry.remaining == .seconds(1) && entry.isStale)
      #expect(try store.get(key) == [1])
      clock.advance(.seconds(1))
      #expect(try store.get(key) == nil)
      #expect(try store.entry(for: key) == nil)
      #expect(try store.set(key, to: [2]) == .stored)
      let statistics = try store.statistics()
      #expect(statistics.hits == 3 && statistics.staleHits == 1 && statistics.misses == 2)
      #expect(statistics.insertions == 2 && statistics.expirations == 1 && statistics.updates == 0)
      #expect(try store.entry(for: key)?.remaining == nil)
    }
  }
}
