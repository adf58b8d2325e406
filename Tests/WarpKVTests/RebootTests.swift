// SPDX-License-Identifier: Apache-2.0
// Another boot, as far as the stores can tell (SPEC.md 23.6): with a clean-detach record everything is there, without one
// nothing.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct RebootTests {
  private let world = TestWorld()
  private let configuration = StoreConfiguration(capacity: 64, maxValueSize: 100, shards: 4)

  private func open(_ path: String, access: StoreConfiguration.Access = .readWrite) throws -> SharedStore {
    var configuration = configuration
    configuration.access = access
    return try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
  }

  private func key(_ number: Int) -> [UInt8] { Array("key \(number)".utf8) }

  private func fill(_ store: SharedStore) throws {
    for number in 0..<40 {
      try store.set(key(number), to: [UInt8(number)], timeToLive: number % 2 == 0 ? .seconds(3600) : nil)
    }
    try store.set("short", to: [1], timeToLive: .seconds(5))
    try store.remove(key(7))
  }

  @Test func aStoreThatWasLeftCleanGoesOn() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path)
      let second = try open(path)
      try fill(store)
      let before = store.attachment.storeTime()
      store.close()
      #expect(DetachRecord(try state(path)) == nil, "somebody is still attached")
      second.close()
      #expect(DetachRecord(try state(path)) != nil)
      #expect(try Verifier(path: path).findings() == [])
      expectNoChange(path) { _ = try SharedStore.open(path: path, .init(access: .readOnly)) }
      for _ in 0..<2 {
        // The boot clock begins anew, and the machine was off for ten seconds of real time.
        world.reboot(off: 10_000_000_000)
        expectCode(.clockDomainMismatch) { _ = try open(path, access: .readOnly) }
        let again = try open(path)
        #expect(try again.keys().count == 39)
        for number in 0..<40 where number != 7 { #expect(try again.get(key(number)) == [UInt8(number)]) }
        #expect(try again.get("short") == nil)
        #expect(again.attachment.storeTime() >= before + 10_000_000_000)
        try again.forEachEntry { entry in
          #expect((entry.remaining == nil) == (entry.value[0] % 2 == 1))
          if let remaining = entry.remaining { #expect(remaining <= .seconds(3590) && remaining > .seconds(3500)) }
        }
        #expect(DetachRecord(try state(path)) == nil)
        try again.set(key(0), to: [0], timeToLive: .seconds(3600 - 15))
        again.close()
        #expect(try Verifier(path: path).findings() == [])
      }
      #expect(try TestFiles.names(directory) == ["a.warp", "a.warp-lock"])
    }
  }

  /// WKV-O13: somebody was still attached when the machine went down, or came after the record was written.
  @Test(arguments: [false, true]) func aStoreThatWasNotLeftCleanIsEmpty(_ comesBack: Bool) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      var store: SharedStore? = try open(path)
      try fill(store!)
      if comesBack {
        store!.close()
        store = try open(path)
      }
      // What the disk had when the power went.
      let (data, lock) = (try TestFiles.read(path), try TestFiles.read(path + "-lock"))
      store!.close()
      try TestFiles.write(path, data)
      try TestFiles.write(path + "-lock", lock)
      world.reboot(off: 1)
      let again = try open(path)
      #expect(try again.count == 0)
      try again.set("k", to: [1])
      #expect(try again.get("k") == [1])
    }
  }

  /// WKV-O02: the record does not make anyone believe a damaged entry, in its value, or in bytes that no checksum covers.
  @Test(arguments: ["value", "padding", "reserved"]) func damagedEntriesAreLeftOut(_ place: String) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path)
      try fill(store)
      let file = store.attachment
      let hash = key(3).withUnsafeBytes { file.hash($0) }
      let shard = file.shard(of: hash)
      let found = try #require(key(3).withUnsafeBytes { shard.find($0, HashParts(hash: hash)) })
      let at =
        switch place {
        case "value": shard.valueOffset(found.slot, keySize: key(3).count)
        case "padding": shard.keyOffset(found.slot) + key(3).count + 1
        default: shard.slotOffset(found.slot) + 31
        }
      store.close()
      try TestFiles.patch(path, at: at, [0xEE])
      world.reboot(off: 1)
      let again = try open(path)
      #expect(try again.get(key(3)) == nil)
      #expect(try again.count == 39)
      #expect(try Verifier(path: path).findings() == [])
    }
  }

  /// The golden file, in a boot of its own, a day later.
  @Test func theFixtureThatWasLeftClean() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try TestFiles.write(path, TestFiles.read(Fixtures.path("valid", "left-clean")))
      var later = Fixtures.environment
      later.bootID = { [UInt8](repeating: 9, count: 16) }
      later.fileSystem = { _ in 0 }
      let made: Int64 = 1_767_225_600_000_000_000
      for (delay, count) in [(60, 2), (86_400, 1)] as [(Int64, Int)] {
        later.realTime = { made + delay * 1_000_000_000 }
        later.bootID = { [UInt8](repeating: UInt8(truncatingIfNeeded: delay / 60), count: 16) }
        let configuration = StoreConfiguration(ifDifferent: .useExisting, createIfMissing: false)
        let store = try SharedStore.open(StoreFiles(path: path), configuration, later)
        #expect(try store.get("forever") == Array("no deadline".utf8))
        #expect(try store.keys().count == count, "after \(delay) s")
        store.close()
      }
    }
  }

  /// A record of another boot than the clock's says nothing about what came after it.
  @Test func aRecordOfAnotherBoot() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path)
      try fill(store)
      store.close()
      let record = DetachRecord(bootID: [UInt8](repeating: 0x55, count: 16), detached: 1)
      try TestFiles.patch(path, at: Format.stateOffset + StateFields.detach.offset, record.encoded())
      world.reboot(off: 1)
      #expect(try open(path).count == 0)
    }
  }

  /// Killed after B3: the clock is of this boot and the lock file is not.
  @Test func whoeverWokeItDied() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path)
      try fill(store)
      store.close()
      let lock = try TestFiles.read(path + "-lock")
      world.reboot(off: 1)
      try open(path).close()
      try TestFiles.write(path + "-lock", lock)
      let again = try open(path)
      #expect(try again.keys().count == 40)
      #expect(try Verifier(path: path).findings() == [])
    }
  }

  /// Killed by a loss of power before the directory was written, a deleted store's name may come back.
  @Test func aDeletedStoreDoesNotComeBack() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path)
      try fill(store)
      store.close()
      let file = try System.open(path, .readOnly)
      defer { System.close(file) }
      try SharedStore.delete(path: path)
      let size = try System.status(file, path).size
      try TestFiles.write(path, System.read(file, at: 0, count: size, path))
      world.reboot(off: 1)
      #expect(try open(path).count == 0)
    }
  }

  /// A system that tells no boot id: stores of another boot could not be told from those of this one.
  @Test func withoutABootIDThereIsNoStore() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      var blind = world.environment
      blind.bootID = { [UInt8](repeating: 0, count: 16) }
      expectCode(.unsupportedPlatform) { _ = try SharedStore.open(StoreFiles(path: path), configuration, blind) }
      let names = try TestFiles.names(directory)
      #expect(names == [])
    }
  }

  /// On tmpfs nothing outlives a reboot, and closing costs nothing.
  @Test func noRecordWhereARebootEmptiesTheFileSystem() throws {
    try withTemporaryDirectory { directory in
      world.setFileSystem(FileSystems.tmpfs)
      let path = directory + "/a.warp"
      let store = try open(path)
      try fill(store)
      store.close()
      #expect(DetachRecord(try state(path)) == nil)
      #expect(try !TestFiles.exists(path + "-new"))
    }
  }

  private func state(_ path: String) throws -> [UInt8] {
    [UInt8](try TestFiles.read(path)[Format.stateOffset..<(Format.stateOffset + Format.pageSize)])
  }

  private func expectNoChange(_ path: String, _ body: () throws -> Void) {
    let before = try? TestFiles.read(path)
    try? body()
    #expect(before != nil && (try? TestFiles.read(path)) == before)
  }
}
