// SPDX-License-Identifier: Apache-2.0
// Raw entries that say that their value has another size than what is stored, under checksums that are right (WKV-E04): a
// miss for every kind of read, counted as corrupt, and never other bytes.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct HostileRawTests {
  private static let key = Array("0123456789".utf8)

  @Test(arguments: [0, 9, 11, 32], [false, true])
  func aRawEntryWithTwoSizesIsAMiss(_ rawSize: Int, _ verifies: Bool) throws {
    try withTemporaryDirectory { directory in
      let key = HostileRawTests.key
      var image = try StoreImage(data: TestFiles.read(Fixtures.path("valid", "empty")))
      let value = Array("ten bytes.".utf8)
      image.insert(key, value, rawSize: rawSize)
      let path = directory + "/a.warp"
      try TestFiles.write(path, image.data)
      let shape = StoreConfiguration(verifyReads: verifies, ifDifferent: .useExisting, createIfMissing: false)
      let store = try SharedStore.open(StoreFiles(path: path), shape, Fixtures.environment)
      defer { store.close() }
      var buffer = [UInt8](repeating: 7, count: 64)
      #expect(try store.get(key, into: &buffer) == .miss)
      #expect(buffer.allSatisfy { $0 == 7 })
      var small = [UInt8](repeating: 7, count: 4)
      #expect(try store.get(key, into: &small) == .miss)
      #expect(try store.get(key) == nil)
      #expect(try store.getMany([key]) == [nil])
      var batch = [UInt8](repeating: 7, count: 64)
      var results = [GetResult](repeating: .busy, count: 1)
      var room = batch.mutableSpan
      var places = results.mutableSpan
      var bytes = unsafe room.mutableBytes
      let hits = try store.getMany(
        key.span.bytes, keySize: key.count, into: &bytes, valueSize: 64, results: &places)
      #expect(hits == 0)
      #expect(results == [.miss])
      #expect(try store.withValue(for: key.span.bytes) { _ in true } == nil)
      #expect(try store.statistics().corrupt == 6)
      #expect(try store.entry(for: key) == nil)
      #expect(try store.take(key) == nil)
      let statistics = try store.statistics()
      #expect((statistics.hits, statistics.misses, statistics.corrupt) == (0, 8, 8))
    }
  }

  /// The same entry that does not lie is found: the test above sees the sizes, and nothing else.
  @Test func theSameEntryWithOneSizeIsFound() throws {
    try withTemporaryDirectory { directory in
      var image = try StoreImage(data: TestFiles.read(Fixtures.path("valid", "empty")))
      image.insert(HostileRawTests.key, Array("ten bytes.".utf8))
      let path = directory + "/a.warp"
      try TestFiles.write(path, image.data)
      let shape = StoreConfiguration(ifDifferent: .useExisting, createIfMissing: false)
      let store = try SharedStore.open(StoreFiles(path: path), shape, Fixtures.environment)
      defer { store.close() }
      #expect(try store.get(HostileRawTests.key) == Array("ten bytes.".utf8))
    }
  }
}
