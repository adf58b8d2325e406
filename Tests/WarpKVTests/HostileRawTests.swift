// SPDX-License-Identifier: Apache-2.0
// Raw entries that say that their value has another size than what is stored, and values of a codec that nobody knows, under
// checksums that are right (WKV-E04): a miss for every kind of read, counted as corrupt, and never other bytes.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct HostileRawTests {
  /// One that is compared in registers, and one that is not.
  private static let keys = [Array("0123456789".utf8), Array("key".utf8)]
  static let lies: [(codec: UInt8, rawSize: Int)] = [(0, 0), (0, 9), (0, 11), (0, 32), (2, 10), (255, 10)]

  @Test(arguments: lies, [false, true])
  func aValueThatIsNoneIsAMiss(_ lie: (codec: UInt8, rawSize: Int), _ verifies: Bool) throws {
    for key in HostileRawTests.keys { try expectMisses(key, lie.codec, lie.rawSize, verifies) }
  }

  private func expectMisses(_ key: [UInt8], _ codec: UInt8, _ rawSize: Int, _ verifies: Bool) throws {
    try withTemporaryDirectory { directory in
      var image = try StoreImage(data: TestFiles.read(Fixtures.path("valid", "empty")))
      let value = Array("ten bytes.".utf8)
      image.insert(key, value, codec: codec, rawSize: rawSize)
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
      var walked: [[UInt8]] = []
      try store.forEachEntry { walked.append($0.key) }
      #expect(walked.isEmpty)
      let before = try store.statistics().corrupt
      expectCode(.notAnInteger) { try store.increment(key) }
      #expect(try store.entry(for: key) == nil)
      #expect(try store.take(key) == nil)
      let statistics = try store.statistics()
      #expect((statistics.hits, statistics.misses) == (0, 8))
      #expect(statistics.corrupt == before + 2)
    }
  }

  /// Both sizes say the same, and are larger than any value's: there is nothing such in the store, however much room there is.
  @Test(arguments: [1, 8, 1 << 20, Int(UInt32.max) - 1024]) func anOversizedValueIsAMiss(_ excess: Int) throws {
    for key in HostileRawTests.keys {
      try withTemporaryDirectory { directory in
        var image = try StoreImage(data: TestFiles.read(Fixtures.path("valid", "empty")))
        let size = image.geometry.maxValueSize + excess
        let slot = image.insert(key, [UInt8](repeating: 1, count: 8))
        let shard = image.shard(of: key)
        image.setSlot(slot, SlotFields.storedSize, UInt64(size), shard: shard)
        image.setSlot(slot, SlotFields.rawSize, UInt64(size), shard: shard)
        let path = directory + "/a.warp"
        try TestFiles.write(path, image.data)
        let shape = StoreConfiguration(ifDifferent: .useExisting, createIfMissing: false)
        let store = try SharedStore.open(StoreFiles(path: path), shape, Fixtures.environment)
        defer { store.close() }
        var buffer = [UInt8](repeating: 7, count: min(size, 2 << 20))
        #expect(try store.get(key, into: &buffer) == .miss)
        #expect(try store.get(key) == nil)
        #expect(try store.getBatch([key], room: buffer.count).map(\.result) == [.miss])
        #expect(buffer.allSatisfy { $0 == 7 })
        #expect(try store.statistics().misses == 3)
      }
    }
  }

  /// The same entry that does not lie is found: the test above sees the sizes, and nothing else.
  @Test func theSameEntryWithOneSizeIsFound() throws {
    try withTemporaryDirectory { directory in
      var image = try StoreImage(data: TestFiles.read(Fixtures.path("valid", "empty")))
      for key in HostileRawTests.keys { image.insert(key, Array("ten bytes.".utf8)) }
      let path = directory + "/a.warp"
      try TestFiles.write(path, image.data)
      let shape = StoreConfiguration(ifDifferent: .useExisting, createIfMissing: false)
      let store = try SharedStore.open(StoreFiles(path: path), shape, Fixtures.environment)
      defer { store.close() }
      for key in HostileRawTests.keys { #expect(try store.get(key) == Array("ten bytes.".utf8)) }
    }
  }
}
