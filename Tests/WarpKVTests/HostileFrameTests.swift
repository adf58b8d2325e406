// SPDX-License-Identifier: Apache-2.0
// Zstd frames that lie about their size, under checksums that are right: a miss for every kind of read, and never more
// memory than the store allows (WKV-R02).

#if Zstd
  import Testing
  import WarpFormat
  import WarpKV
  import WarpTestSupport

  @Suite struct HostileFrameTests {
    /// What the slot and the frame say, of a frame of 700 bytes in a store that takes 1,024.
    static let lies: [(rawSize: Int, contentSize: Int)] = [
      (1024, 700), (1025, 700), (0, 700), (700, 1024), (700, 65_000), (1024, 1024), (256, 256), (699, 699),
      (Int(UInt32.max), 65_791),
    ]

    @Test(arguments: lies, [false, true])
    func aFrameThatLiesIsAMiss(_ lie: (rawSize: Int, contentSize: Int), _ verifies: Bool) throws {
      try withTemporaryDirectory { directory in
        let key = Array("zstd".utf8)
        var image = try StoreImage(data: TestFiles.read(Fixtures.path("valid", "zstd")))
        let slot = try #require((1...2).first { image.slot($0, SlotFields.codec) == 1 })
        image.setSlot(slot, SlotFields.rawSize, UInt64(lie.rawSize))
        // Magic, descriptor, then two bytes of the content size less 256.
        image.set(image.slotOffset(slot) + 32 + 8 + 5, 2, UInt64(lie.contentSize - 256))
        image.seal(slot)
        let path = directory + "/a.warp"
        let open = {
          try TestFiles.write(path, image.data)
          let world = TestWorld()
          var environment = world.environment
          environment.bootID = { Array("fixture-boot-id!".utf8) }
          var shape = StoreConfiguration(verifyReads: verifies, ifDifferent: .useExisting)
          shape.createIfMissing = false
          return try SharedStore.open(StoreFiles(path: path), shape, environment)
        }
        let store = try open()
        var buffer = [UInt8](repeating: 0, count: 2048)
        #expect(try store.get(key, into: &buffer) == .miss)
        #expect(try store.get(key) == nil)
        #expect(try store.entry(for: key) == nil)
        #expect(try store.getMany([key]) == [nil])
        #expect(try store.withValue(for: key.span.bytes) { _ in true } == nil)
        var walked: [[UInt8]] = []
        try store.forEachEntry { walked.append($0.key) }
        #expect(!walked.contains(key))
        expectCode(.notAnInteger) { try increment(store, key, lie.rawSize) }
        #expect(try store.take(key) == nil)
        #expect(try store.statistics().hits == 0)
      }
    }

    /// WKV-R02: a frame that is right, of a value over the store's limit.
    @Test func aValueOverTheLimitIsAMiss() throws {
      try withTemporaryDirectory { directory in
        let path = directory + "/a.warp"
        try TestFiles.write(path, TestFiles.read(Fixtures.path("valid", "zstd")))
        try TestFiles.patchHeader(path, at: HeaderFields.maxRawSize.offset, [0xBB, 2, 0, 0])
        var environment = TestWorld().environment
        environment.bootID = { Array("fixture-boot-id!".utf8) }
        let shape = StoreConfiguration(ifDifferent: .useExisting)
        let store = try SharedStore.open(StoreFiles(path: path), shape, environment)
        #expect(store.maxRawSize == 699)
        #expect(try store.get("zstd") == nil)
        #expect(try store.get("raw") != nil)
      }
    }

    /// A size over the limit hides the entry; another is found, and is no integer.
    private func increment(_ store: SharedStore, _ key: [UInt8], _ rawSize: Int) throws {
      guard rawSize <= 1024 else { throw WarpError(.notAnInteger, "there is nothing to add to") }
      try store.increment(key)
    }
  }
#endif
