// SPDX-License-Identifier: Apache-2.0
// Keys that all want the same few buckets, as an attacker who knows the seed would choose them. They may push each other
// out; they may not break the table, cost more than the probe limit, or make a set fail.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct FloodTests {
  @Test(arguments: [StoreConfiguration.Eviction.sieve, .none])
  func aFloodOfCollidingKeysOnlyCostsHits(_ eviction: StoreConfiguration.Eviction) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/flood.warp"
      let store = try SharedStore.open(
        StoreFiles(path: path),
        .init(capacity: 400, maxKeySize: 8, maxValueSize: 8, shards: 1, eviction: eviction),
        TestWorld(seed: 9).environment)
      let keys = self.keys(300, homes: 8, buckets: 1024, seed: store.attachment.header.hashSeed)
      var random = SeededGenerator(seed: 4)
      var latest: [Int: [UInt8]] = [:]
      for number in 0..<4000 {
        let index = random.below(keys.count)
        switch random.below(10) {
        case ..<3:
          if let value = try store.get(keys[index]) { #expect(value == latest[index]) }
        case 3:
          try store.remove(keys[index])
          latest[index] = nil
        default:
          let value = [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: index)]
          try store.set(keys[index], to: value)
          latest[index] = value
          #expect(try store.get(keys[index]) == value, "operation \(number)")
        }
        if number % 200 == 0 { #expect(try Verifier(path: path).findings() == []) }
      }
      #expect(try store.count >= 128, "a window of 128 buckets and what follows it stays filled")
      #expect(try Verifier(path: path).findings() == [])
    }
  }

  /// Keys whose home bucket is below `homes`.
  private func keys(_ count: Int, homes: UInt64, buckets: UInt64, seed: UInt64) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    var number: UInt64 = 0
    while keys.count < count {
      let key = withUnsafeBytes(of: number.littleEndian) { Array($0) }
      if (XXH3.hash64(key, seed: seed) >> 32) % buckets < homes { keys.append(key) }
      number += 1
    }
    return keys
  }
}
