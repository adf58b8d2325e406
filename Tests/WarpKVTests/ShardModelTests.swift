// SPDX-License-Identifier: Apache-2.0
// Several shards: exactly the sum of as many exact SIEVEs, and hardly different from one.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct ShardModelTests {
  @Test(arguments: [(7, 4), (100, 8), (1024, 4)]) func shardsAreAsManySieves(_ capacity: Int, _ shards: Int) throws
  {
    try withTemporaryDirectory { directory in
      let world = TestWorld(seed: 5)
      let store = try SharedStore.open(
        StoreFiles(path: directory + "/s.warp"),
        .init(capacity: capacity, maxKeySize: 8, maxValueSize: 8, shards: shards), world.environment)
      let seed = store.attachment.header.hashSeed
      // Capacity divided evenly, the first shards taking the remainder; the shard is the hash's low bits.
      let models = (0..<shards).map {
        SieveModel<UInt64, Bool>(capacity: capacity / shards + ($0 < capacity % shards ? 1 : 0))
      }
      var random = SeededGenerator(seed: 3)
      let zipf = Zipf(count: capacity * 5, exponent: 0.9)
      for number in 0..<max(4000, capacity * 10) {
        let id = zipf.next(&random)
        let key = bytes(id)
        let model = models[Int(XXH3.hash64(key, seed: seed) & UInt64(shards - 1))]
        let isHit = try store.get(key) != nil
        guard isHit == (model.get(id, at: 0) != nil) else {
          Issue.record("request \(number): the store \(isHit ? "hit" : "missed"), the models did not")
          return
        }
        if !isHit {
          try store.set(key, to: key)
          _ = model.set(id, true, deadline: nil, at: 0)
        }
      }
      #expect(try store.count == models.reduce(0) { $0 + $1.entries.count })
      #expect(try store.statistics().evictions == models.reduce(0) { $0 + $1.counts.evictions })
    }
  }

  @Test(arguments: [11, 22, 33, 44, 55] as [UInt64])
  func from256EntriesAShardMissesDifferByAtMostThreePercent(_ seed: UInt64) throws {
    let zipf = Zipf(count: 12_000, exponent: 0.9)
    var random = SeededGenerator(seed: seed)
    let requests = (0..<(TestPlan.isDeep ? 400_000 : 12_000)).map { _ in zipf.next(&random) }
    let one = try misses(requests, capacity: 1024, shards: 1, seed)
    let four = try misses(requests, capacity: 1024, shards: 4, seed)
    #expect(abs(four - one) * 100 <= 3 * one, "seed \(seed): \(one) misses with one shard, \(four) with four")
  }

  @Test func aRealTraceToo() throws {
    guard let folder = System.environment("WARP_TRACES") else {
      print("set WARP_TRACES to a folder with twitter-c52.u64.xz to compare shards on a real trace")
      return
    }
    let requests = try trace(folder + "/twitter-c52.u64.xz", count: TestPlan.isDeep ? 1_000_000 : 60_000)
    let one = try misses(requests, capacity: 1024, shards: 1, 1)
    for seed in [1, 2, 3, 4, 5] as [UInt64] {
      let four = try misses(requests, capacity: 1024, shards: 4, seed)
      #expect(abs(four - one) * 100 <= 3 * one, "seed \(seed): \(one) misses with one shard, \(four) with four")
    }
  }

  private func bytes(_ id: UInt64) -> [UInt8] { withUnsafeBytes(of: id.littleEndian) { Array($0) } }

  private func misses(_ requests: [UInt64], capacity: Int, shards: Int, _ seed: UInt64) throws -> Int {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(
        StoreFiles(path: directory + "/s.warp"),
        .init(capacity: capacity, maxKeySize: 8, maxValueSize: 8, shards: shards), TestWorld(seed: seed).environment
      )
      var buffer = [UInt8](repeating: 0, count: 8)
      var misses = 0
      for id in requests {
        let key = bytes(id)
        if case .hit = try store.get(key, into: &buffer) { continue }
        misses += 1
        try store.set(key, to: key)
      }
      return misses
    }
  }

  /// The first requests of a trace of little-endian numbers.
  private func trace(_ path: String, count: Int) throws -> [UInt64] {
    guard let pipe = popen("xz -dc '\(path)'", "r") else { throw FormatError(.system, "popen failed") }
    defer { pclose(pipe) }
    var ids = [UInt64](repeating: 0, count: count)
    let got = ids.withUnsafeMutableBytes { fread($0.baseAddress, 8, count, pipe) }
    try #require(got == count, "the trace has only \(got) requests")
    return ids
  }
}
