// SPDX-License-Identifier: Apache-2.0
// Rules of SPEC.md about procedures that can be seen in the files, one test each.

import Testing
import WarpFormat
import WarpTestSupport

@testable import WarpKV

@Suite struct ProcedureTests {
  private static let shape = StoreConfiguration(capacity: 10, maxValueSize: 100)

  /// WKV-F01.
  @Test func aGetDoesNotStoreToTheDataFile() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape)
      try store.set("k", to: [1])
      try store.set("gone", to: [1], timeToLive: .nanoseconds(1))
      let before = try TestFiles.read(path)
      #expect(try store.get("k") == [1])
      #expect(try store.get("gone") == nil)
      #expect(try store.get("never") == nil)
      try store.forEachEntry { _ in }
      #expect(try TestFiles.read(path) == before)
    }
  }

  /// WKV-F03, WKV-F05.
  @Test func filesAreForTheirOwnerAndTheCreationLockStays() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path, Self.shape).close()
      for name in [path, path + "-lock", path + "-init"] {
        #expect(try System.status(path: name)?.permissions == 0o600, "\(name)")
      }
      try SharedStore.delete(path: path)
      #expect(try TestFiles.exists(path + "-init"))
    }
  }

  /// WKV-V01.
  @Test func aNewerMinorVersionIsUsed() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path, Self.shape).set("k", to: [1])
      try TestFiles.patchHeader(path, at: HeaderFields.minorVersion.offset, [7])
      let store = try SharedStore.open(path: path, Self.shape)
      try store.set("l", to: [2])
      #expect(try store.get("k") == [1])
      #expect(try TestFiles.read(path)[HeaderFields.minorVersion.offset] == 7)
    }
  }

  /// SPEC.md 4.3: a lock file that records no device and inode belongs by store and boot alone.
  @Test func anUnrecordedInodeIsNotForeign() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path, Self.shape).close()
      try TestFiles.patchHeader(
        path + "-lock", at: LockHeaderFields.dataDevice.offset, [UInt8](repeating: 0, count: 16))
      let inode = try System.status(path: path + "-lock")?.inode
      try SharedStore.open(path: path, Self.shape).close()
      #expect(try System.status(path: path + "-lock")?.inode == inode)
    }
  }

  /// Step O9.
  @Test func whoAttachesForWritingClearsTheCleanDetachRecord() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path, Self.shape).set("k", to: [1])
      let offset = Format.stateOffset + StateFields.detach.offset
      let record = [UInt8](1...64)
      try TestFiles.patch(path, at: offset, record)
      #expect(try SharedStore.open(path: path, .init(access: .readOnly)).get("k") == [1])
      #expect(try Array(TestFiles.read(path)[offset..<(offset + 64)]) == record)
      #expect(try SharedStore.open(path: path, Self.shape).get("k") == [1])
      #expect(try TestFiles.read(path)[offset..<(offset + 64)].allSatisfy { $0 == 0 })
    }
  }

  /// Chapter 11: a deadline behind the last store time is the last store time, and never 0.
  @Test func aDeadlineEndsAtTheLastStoreTime() {
    #expect(Expiry.deadline(5, 0) == 0)
    #expect(Expiry.deadline(5, 7) == 12)
    #expect(Expiry.deadline(.max - 1, 1) == .max)
    #expect(Expiry.deadline(.max - 1, 2) == .max)
    #expect(Expiry.deadline(.max, 1 << 62) == .max)
  }

  /// WKV-W02, WKV-W05, WKV-W07: through any writes, the sequences of slots grow by fills only, and neither they nor
  /// usedSlots nor allocated go down.
  @Test(arguments: [100, 40_000]) func whatNeverGoesDown(_ maxValueSize: Int) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path, .init(capacity: 6, maxKeySize: 8, maxValueSize: maxValueSize, shards: 1))
      var random = SeededGenerator(seed: 4)
      var before = try StoreImage(data: TestFiles.read(path))
      for step in 0..<200 {
        let key = [UInt8(random.below(10))]
        switch random.below(20) {
        case 0: try store.removeAll()
        case 1..<5: try store.remove(key)
        default: try store.set(key, to: [UInt8](repeating: 1, count: random.below(maxValueSize)))
        }
        let now = try StoreImage(data: TestFiles.read(path))
        #expect(now.control(ControlFields.usedSlots) >= before.control(ControlFields.usedSlots))
        var fills: UInt64 = 0
        for slot in 1...now.geometry.slotsPerShard {
          let sequences = (before.slot(slot, SlotFields.control) >> 3, now.slot(slot, SlotFields.control) >> 3)
          #expect(sequences.1 >= sequences.0, "step \(step), slot \(slot)")
          fills += sequences.1 - min(sequences.0, sequences.1)
          let allocated = MetadataFields.allocated
          #expect(now.metadata(slot, allocated) >= before.metadata(slot, allocated), "step \(step), slot \(slot)")
        }
        let writes = ControlFields.writeCounter
        #expect(fills == now.control(writes) - before.control(writes), "step \(step)")
        before = now
      }
    }
  }

  /// WKV-W13: behind a value are zeros, or what was in the slot before.
  @Test func nothingElseStandsBehindAValue() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 1, maxKeySize: 8, maxValueSize: 88))
      for (number, size) in [80, 8, 40, 1, 64, 0].enumerated() {
        try store.set("k", to: [UInt8](repeating: 0xA0 + UInt8(number), count: size))
        let image = try StoreImage(data: TestFiles.read(path))
        for slot in 1...2 {
          let start = image.slotOffset(slot) + SlotFields.structure.size + 8
          let bytes = image.data[start..<(image.slotOffset(slot) + 128)]
          #expect(bytes.allSatisfy { $0 == 0 || (0xA0...0xA0 + UInt8(number)).contains($0) }, "\(Array(bytes))")
        }
      }
    }
  }

  /// WKV-U01: a reset moves the baseline, stripe 0, and lowers no other stripe.
  @Test func aResetLowersNoStripe() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape)
      for key in 0..<20 as Range<UInt8> { try store.set([key], to: [key]) }
      let start = LockGeometry(store.attachment.header.geometry).countersOffset
      let stripe = CounterFields.structure.size
      let size = Format.counterStripes * stripe
      let before = try TestFiles.read(path + "-lock")[start..<(start + size)]
      try store.removeAll()
      #expect(try store.statistics().insertions == 0)
      let after = try TestFiles.read(path + "-lock")[start..<(start + size)]
      #expect(before.dropFirst(stripe) == after.dropFirst(stripe))
      #expect(before.prefix(stripe) != after.prefix(stripe))
    }
  }

  /// WKV-X03: whatever the counters are, what is computed from them is a number.
  @Test func hostileCounters() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape)
      let stripe = LockGeometry(store.attachment.header.geometry).countersOffset + CounterFields.structure.size
      for (from, to) in [(1 << 63, 1), (0, 1 << 63), (1 << 63 - 1, .max)] as [(UInt64, UInt64)] {
        try TestFiles.patch(path + "-lock", at: stripe + Counter.compressedFrom.field.offset, TestFiles.bytes(from))
        try TestFiles.patch(path + "-lock", at: stripe + Counter.compressedTo.field.offset, TestFiles.bytes(to))
        let statistics = try store.statistics()
        #expect(statistics.savedBytes == Int(truncatingIfNeeded: from &- to))
        #expect(statistics.hitRatio >= 0)
      }
    }
  }
}
