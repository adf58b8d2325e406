// SPDX-License-Identifier: Apache-2.0
// A file system without space: an error where there is one to give, reuse where there is something to reuse, and never
// the SIGBUS that a store to a page without blocks would be.
//
// Each test mounts a small tmpfs of its own, which only root may.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

#if os(Linux)
  import Glibc

  @Suite(.serialized) struct FullDiskTests {
    /// Runs a test on a tmpfs of that many KiB; says so and does nothing where mounting is not permitted.
    private func withDisk(kibibytes: Int, _ body: (String) throws -> Void) throws {
      try withTemporaryDirectory { directory in
        let path = directory + "/disk"
        try System.makeDirectory(path)
        guard mount("warpkv-test", path, "tmpfs", 0, "size=\(kibibytes)k,mode=0700") == 0 else {
          print("full disks are tested as root only (errno \(errno))")
          return
        }
        defer { umount2(path, Int32(MNT_DETACH)) }
        try body(path)
      }
    }

    /// Takes all the space that is left but `free` KiB.
    private func fill(_ directory: String, leaving free: Int = 0) throws {
      var info = statvfs()
      try #require(statvfs(directory, &info) == 0)
      let size = Int(info.f_bfree) * Int(info.f_bsize) - free * 1024
      let path = directory + "/ballast"
      let file = try System.open(path, .createExclusive)
      defer { System.close(file) }
      if size > 0 { try System.allocate(file, 0, size, path) }
    }

    @Test func noSpaceToCreate() throws {
      try withDisk(kibibytes: 64) { disk in
        let error = expectCode(.noSpace) { _ = try SharedStore.open(path: disk + "/a.warp") }
        #expect(error?.errno == ENOSPC)
        let left = try TestFiles.names(disk)
        #expect(left.isEmpty)
      }
      // Enough for the data file, not for the lock file.
      try withDisk(kibibytes: 112) { disk in
        expectCode(.noSpace) { _ = try SharedStore.open(path: disk + "/a.warp") }
        let left = try TestFiles.names(disk)
        #expect(left.isEmpty)
      }
    }

    /// WKV-W06: an error and not a signal.
    @Test(arguments: [100, 262_144]) func noSpaceForTheFirstSet(_ valueSize: Int) throws {
      try withDisk(kibibytes: 1024) { disk in
        let store = try SharedStore.open(path: disk + "/a.warp", .init(capacity: 64, maxValueSize: valueSize))
        try fill(disk)
        expectCode(.noSpace) { try store.set("k", to: [1]) }
        #expect(try store.get("k") == nil)
        #expect(try store.count == 0)
        try System.remove(disk + "/ballast")
        try store.set("k", to: [1])
        #expect(try store.get("k") == [1])
        store.close()
        #expect(try Verifier(path: disk + "/a.warp").findings() == [])
      }
    }

    /// Wherever the space runs out, in the tables, the lock file or in the middle of the entries: the old store stays whole.
    @Test func aFullDiskStopsAReplacement() throws {
      for free in [0, 60, 150, 250, 400] {
        try withDisk(kibibytes: 2048) { disk in
          let path = disk + "/a.warp"
          let store = try SharedStore.open(path: path, .init(capacity: 1000, maxKeySize: 16, maxValueSize: 400))
          for number in 0..<1000 { try store.set("\(number)", to: [UInt8](repeating: 7, count: 400)) }
          try fill(disk, leaving: free)
          expectCode(.noSpace, "\(free) KiB left") {
            _ = try SharedStore.open(path: path, .init(capacity: 2000, maxKeySize: 16, maxValueSize: 500))
          }
          #expect(try store.keys().count == 1000)
          #expect(store.capacity == 1000)
          try store.set("0", to: [1])
          #expect(try store.get("0") == [1])
          let left = try TestFiles.names(disk)
          #expect(left == ["a.warp", "a.warp-lock", "ballast"])
          store.close()
          #expect(try Verifier(path: path).findings() == [])
        }
      }
    }

    /// With entries to give up, sets go on for ever; what is there is always right.
    @Test(arguments: [(400, 400), (262_144, 9), (262_144, 20_000)])
    func aFullDiskEvictsAndReuses(_ maxValueSize: Int, _ size: Int) throws {
      try withDisk(kibibytes: 1200) { disk in
        let store = try SharedStore.open(
          path: disk + "/a.warp", .init(capacity: 4000, maxKeySize: 16, maxValueSize: maxValueSize, shards: 1))
        var latest: [Int: UInt8] = [:]
        var random = SeededGenerator(seed: 8)
        for number in 0..<4000 {
          let key = random.below(3500)
          let fill = UInt8(truncatingIfNeeded: number)
          try store.set("key \(key)", to: [UInt8](repeating: fill, count: size))
          latest[key] = fill
          let other = random.below(3500)
          if let value = try store.get("key \(other)") {
            #expect(value.count == size && value.allSatisfy { $0 == latest[other] })
          }
        }
        let statistics = try store.statistics()
        #expect(statistics.evictions > 0 || size == 9)
        #expect(statistics.count == statistics.insertions - statistics.evictions - statistics.removals)
        // What is there reads back through the whole file.
        var walked = 0
        try store.forEachEntry { _ in walked += 1 }
        #expect(try walked == store.count)
        store.close()
        #expect(try Verifier(path: disk + "/a.warp").findings() == [])
      }
    }

    /// Giving up an entry for its slot shifts buckets; with some hash seeds one of them is that of the key in hand.
    @Test func givingUpAnEntryMayMoveTheKeyInHand() throws {
      // 19, 150 and 151 once lost a key each.
      for seed in TestPlan.isDeep ? Array(1...200) : [19, 151] as [UInt64] {
        try withDisk(kibibytes: 1600) { disk in
          let store = try SharedStore.open(
            StoreFiles(path: disk + "/a.warp"), .init(capacity: 4000, maxKeySize: 16, maxValueSize: 400, shards: 1),
            TestWorld(seed: seed &* 1000).environment)
          var random = SeededGenerator(seed: 8)
          for number in 0..<6000 {
            let fill = UInt8(truncatingIfNeeded: number)
            try store.set("key \(random.below(3500))", to: [UInt8](repeating: fill, count: 400))
            _ = try store.get("key \(random.below(3500))")
          }
          store.close()
          #expect(try Verifier(path: disk + "/a.warp").findings() == [], "seed \(seed)")
        }
      }
    }

    /// WKV-W12.
    @Test func aLargeValueAmongSmallOnes() throws {
      try withDisk(kibibytes: 2048) { disk in
        let store = try SharedStore.open(
          path: disk + "/a.warp", .init(capacity: 64, maxKeySize: 16, maxValueSize: 262_144, shards: 1))
        for key in 0..<20 { try store.set("small \(key)", to: [UInt8(key)]) }
        try store.set("medium", to: [UInt8](repeating: 5, count: 50_000))
        try fill(disk)
        // No slot has room for it: nothing goes, and the old value stays.
        expectCode(.noSpace) { try store.set("small 3", to: [UInt8](repeating: 1, count: 200_000)) }
        #expect(try store.get("small 3") == [3])
        #expect(try store.count == 21)
        // One slot has: its entry goes, whatever SIEVE thinks of the small ones.
        _ = try store.get("medium")
        try store.set("large", to: [UInt8](repeating: 6, count: 40_000))
        #expect(try store.get("large")?.count == 40_000)
        #expect(try store.get("medium") == nil)
        for key in 0..<20 { #expect(try store.get("small \(key)") == [UInt8(key)]) }
        // An entry may not make room for its own successor: a failed set keeps the old value.
        expectCode(.noSpace) { try store.set("large", to: [UInt8](repeating: 7, count: 40_000)) }
        #expect(try store.get("large")?.first == 6)
        store.close()
        #expect(try Verifier(path: disk + "/a.warp").findings() == [])
      }
    }

    /// WKV-R01, as far as it shows: no read allocates a page of a slot never used.
    @Test func spaceFollowsWhatIsStored() throws {
      try withTemporaryDirectory { directory in
        let path = directory + "/a.warp"
        let store = try SharedStore.open(path: path, .init(capacity: 1024, maxValueSize: 262_144))
        let empty = try store.attachment.allocatedBytes()
        #expect(empty.data < 100_000)
        #expect(empty.lock < 200_000)
        for number in 0..<1000 { try store.set("number \(number)", to: [UInt8](repeating: 1, count: 9)) }
        #expect(try store.attachment.allocatedBytes().data < 5_000_000)
        // Neither hits, misses nor a walk allocate anything.
        let before = try store.attachment.allocatedBytes()
        for number in 0..<3000 { _ = try store.get("number \(number)") }
        try store.forEachEntry { _ in }
        let after = try store.attachment.allocatedBytes()
        #expect(before == after)
      }
    }
  }
#endif
