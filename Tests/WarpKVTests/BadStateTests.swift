// SPDX-License-Identifier: Apache-2.0
// Good files at a bad moment: the wrong file system, parameters, boot, lock file or handle.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct BadStateTests {
  private let world = TestWorld()

  private func open(
    _ path: String, _ configuration: StoreConfiguration = .init(capacity: 10, maxValueSize: 100)
  ) throws -> SharedStore {
    try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
  }

  /// WKV-X04, as far as file systems go.
  @Test func networkFileSystems() throws {
    try withTemporaryDirectory { directory in
      for (number, name) in [(0x6969, "NFS"), (0x6573_5546, "FUSE"), (0xFF53_4D42, "CIFS")] as [(Int64, String)] {
        let path = directory + "/\(number).warp"
        world.setFileSystem(number)
        let error = expectCode(.unsupportedFileSystem) { _ = try open(path) }
        #expect(error?.message.contains(name) == true)
        #expect(try TestFiles.snapshot(directory).isEmpty)
        world.setFileSystem(0)
        try open(path).set("k", to: [1])
        let before = try TestFiles.snapshot(directory)
        world.setFileSystem(number)
        expectCode(.unsupportedFileSystem) { _ = try open(path) }
        #expect(try TestFiles.snapshot(directory) == before)
        world.setFileSystem(0)
        try SharedStore.delete(path: path)
      }
    }
  }

  @Test func otherParameters() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try open(path).set("k", to: [1])
      let before = try TestFiles.snapshot(directory)
      let others: [(String, StoreConfiguration)] = [
        ("capacity", .init(capacity: 11, maxValueSize: 100)),
        ("shards", .init(capacity: 10, maxValueSize: 100, shards: 2)),
        ("maxKeySize", .init(capacity: 10, maxKeySize: 5, maxValueSize: 100)),
        ("maxValueSize", .init(capacity: 10, maxValueSize: 101)),
        ("maxRawSize", .init(capacity: 10, maxValueSize: 100, maxRawSize: 200)),
        ("eviction", .init(capacity: 10, maxValueSize: 100, eviction: .none)),
        ("schemaFingerprint", .init(capacity: 10, maxValueSize: 100, schemaFingerprint: .max)),
      ]
      for (field, configuration) in others {
        var refusing = configuration
        refusing.ifDifferent = .fail
        #expect(expectCode(.parametersDiffer) { _ = try open(path, refusing) }?.field == field)
        var accepting = configuration
        accepting.ifDifferent = .useExisting
        let store = try open(path, accepting)
        #expect(store.capacity == 10 && store.maxValueSize == 100)
        #expect(try store.get("k") == [1])
        store.close()
      }
      // Of this handle alone, so no difference.
      try open(path, .init(capacity: 10, maxValueSize: 100, timeToLive: .seconds(1), verifyReads: true)).close()
      // Registering leaves its traces in the lock file only.
      #expect(try TestFiles.snapshot(directory).first == before.first)
    }
  }

  /// WKV-F02: also a foreign one is not used.
  @Test func aLostLockFileIsRebuiltByWhoeverIsAlone() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let other = try open(directory + "/b.warp")
      other.close()
      for damage in 0..<5 {
        let first = try open(path)
        try first.set("k", to: [1])
        first.close()
        switch damage {
        case 0: try System.remove(path + "-lock")
        case 1: try TestFiles.write(path + "-lock", [])
        case 2: try TestFiles.write(path + "-lock", Array("not a lock file".utf8))
        case 3: try TestFiles.write(path + "-lock", TestFiles.read(directory + "/b.warp-lock"))
        default: try TestFiles.patchHeader(path + "-lock", at: LockHeaderFields.bootID.offset, [UInt8](1...16))
        }
        let store = try open(path)
        #expect(try store.get("k") == [1], "damage \(damage)")
        try store.set("k", to: [2])
        #expect(try store.get("k") == [2], "damage \(damage)")
        store.close()
        #expect(try Verifier(path: path).findings() == [], "damage \(damage)")
      }
    }
  }

  /// WKV-F02: who copies a store by hand copies a lock file that is about another data file.
  @Test func aCopyDoesNotShareTheLocksOfItsOriginal() throws {
    try withTemporaryDirectory { directory in
      let (path, copy) = (directory + "/a.warp", directory + "/b.warp")
      let first = try open(path)
      try first.set("k", to: [1])
      for suffix in ["", "-lock"] { try TestFiles.write(copy + suffix, TestFiles.read(path + suffix)) }
      let store = try open(copy)
      #expect(try store.get("k") == [1])
      try store.set("k", to: [2])
      #expect(try first.get("k") == [1])
      let inode = try TestFiles.read(copy + "-lock").integer(LockHeaderFields.dataInode)
      #expect(try inode == System.status(path: copy)?.inode)
      #expect(try Verifier(path: copy).findings() == [])
    }
  }

  /// WKV-O01.
  @Test func aLostLockFileIsAnErrorWhileOthersAreAttached() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let first = try open(path)
      try first.set("k", to: [1])
      try System.remove(path + "-lock")
      expectCode(.lockFileMissing) { _ = try open(path) }
      #expect(try !TestFiles.exists(path + "-lock"))
      #expect(try first.get("k") == [1])
      try first.set("k", to: [2])
      first.close()
      #expect(try open(path).get("k") == [2])
    }
  }

  /// WKV-O02.
  @Test func anotherBootStartsEmpty() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let first = try open(path)
      try first.set("k", to: [1])
      let read = StoreConfiguration(access: .readOnly)
      world.reboot()
      // The first handle is still attached: two hosts, as far as anyone can tell.
      let before = try TestFiles.snapshot(directory)
      expectCode(.clockDomainMismatch) { _ = try open(path) }
      expectCode(.clockDomainMismatch) { _ = try open(path, read) }
      #expect(try TestFiles.snapshot(directory) == before)
      #expect(try first.get("k") == [1])
      // It leaves no record of a clean leave.
      world.setFileSystem(FileSystems.tmpfs)
      first.close()
      let id = first.attachment.header.storeID
      let second = try open(path)
      #expect(try second.get("k") == nil)
      #expect(second.attachment.header.storeID != id)
      try second.set("k", to: [2])
      #expect(try open(path, read).get("k") == [2])
    }
  }

  @Test func closedAndDeleted() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path)
      let other = try open(path)
      try store.set("k", to: [1])
      store.close()
      store.close()
      try refusesEverything(store, .closed)
      #expect(try other.get("k") == [1])
      #expect(try SharedStore.delete(path: path))
      #expect(try SharedStore.delete(path: path) == false)
      try refusesEverything(other, .superseded)
      #expect(try TestFiles.snapshot(directory) == [])
      // A handle makes nothing anew, but it goes on with what somebody else has made.
      let fresh = try open(path)
      #expect(try other.get("k") == nil)
      try fresh.set("k", to: [2])
      #expect(try other.get("k") == [2])
      #expect(try SharedStore.delete(path: path))
      try refusesEverything(other, .superseded)
      other.close()
      try refusesEverything(other, .closed)
    }
  }

  private func refusesEverything(_ store: SharedStore, _ code: FormatError.Code) throws {
    expectCode(code, "get") { _ = try store.get("k") }
    expectCode(code, "set") { try store.set("k", to: [1]) }
    expectCode(code, "remove") { try store.remove("k") }
    expectCode(code, "contains") { _ = try store.contains([1]) }
    expectCode(code, "count") { _ = try store.count }
    expectCode(code, "statistics") { _ = try store.statistics() }
    expectCode(code, "removeAll") { try store.removeAll() }
    expectCode(code, "iteration") { try store.forEachEntry { _ in } }
    expectCode(code, "sync") { try store.sync() }
  }

  /// Killed between marking the file and unlinking it.
  @Test func aDeleterThatDiedDoesNotLockTheStore() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try open(path).set("k", to: [1])
      for word in [1, 2, 0x1234_5678_9ABC] as [UInt64] {
        try TestFiles.patch(path, at: Format.stateOffset, TestFiles.bytes(word))
        let store = try open(path)
        #expect(try store.get("k") == [1])
        store.close()
      }
    }
  }

  @Test func readOnlyHandles() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let read = StoreConfiguration(access: .readOnly)
      expectCode(.notFound) { _ = try open(path, read) }
      #expect(try TestFiles.names(directory).isEmpty)
      let writer = try open(path)
      for key in 0..<10 as Range<UInt8> { try writer.set([key], to: [key, key]) }
      for hasLockFile in [true, false] {
        if !hasLockFile {
          writer.close()
          try System.remove(path + "-lock")
        }
        let before = try TestFiles.snapshot(directory)
        let reader = try open(path, read)
        var buffer = [UInt8](repeating: 0, count: 100)
        for key in 0..<10 as Range<UInt8> { #expect(try reader.get([key]) == [key, key]) }
        #expect(try reader.get([77], into: &buffer) == (hasLockFile ? .miss : .busy))
        if hasLockFile {
          #expect(try reader.keys().count == 10)
        } else {
          // Nothing proves that a list made without the sequences is whole.
          #expect(throws: WarpError.self) { _ = try reader.keys() }
        }
        expectCode(.readOnly) { try reader.set("k", to: [1]) }
        expectCode(.readOnly) { try reader.set("k", to: [UInt8](repeating: 1, count: 101)) }
        expectCode(.readOnly) { try reader.remove("k") }
        expectCode(.readOnly) { try reader.removeAll() }
        reader.close()
        expectCode(.closed) { _ = try reader.get("k") }
        #expect(try TestFiles.snapshot(directory) == before)
      }
    }
  }

  /// Found by fuzzing: each get opened the store again and again, for a third of a second.
  @Test func aForeignLockFileDoesNotHoldReadersUp() throws {
    try withTemporaryDirectory { directory in
      let (path, other) = (directory + "/a.warp", directory + "/b.warp")
      for path in [path, other] {
        let store = try open(path)
        try store.set("k", to: [1])
        store.close()
      }
      let own = try TestFiles.read(path + "-lock")
      try TestFiles.write(path + "-lock", TestFiles.read(other + "-lock"))
      let reader = try open(path, StoreConfiguration(access: .readOnly))
      var buffer = [UInt8](repeating: 0, count: 100)
      var fastest = Duration.seconds(100)
      for _ in 0..<100 {
        let began = ContinuousClock.now
        #expect(try reader.get("k") == [1])
        #expect(try reader.get(Array("absent".utf8), into: &buffer) == .busy)
        fastest = min(fastest, ContinuousClock.now - began)
      }
      #expect(fastest < .milliseconds(100))
      try TestFiles.write(path + "-lock", own)
      #expect(try reader.get(Array("absent".utf8), into: &buffer) == .miss)
      reader.close()
    }
  }

  @Test func noMoreHandlesThanPlaces() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let first = try open(path)
      // Another open file description takes all places but the first handle's, as 1,023 handles would.
      let file = try System.open(path, .readWrite)
      defer { System.close(file) }
      let rest = Int64(Format.registryEntries - 1)
      try #require(try System.lockByte(file, .write, at: Format.registryLockOffset + 1, count: rest, path))
      expectCode(.tooManyProcesses) { _ = try open(path) }
      try first.set("k", to: [1])
      #expect(try open(path, .init(access: .readOnly)).get("k") == [1])
      first.close()
      #expect(try open(path).get("k") == [1])
    }
  }
}
