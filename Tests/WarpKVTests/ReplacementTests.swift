// SPDX-License-Identifier: Apache-2.0
// Replacing a store by one with other parameters while it is in use (SPEC.md 23.4), step by step. `warp-torture replace`
// does it under load, `warp-torture kill --target replacer` kills it at random moments.

import Dispatch
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct ReplacementTests {
  private let world = TestWorld()

  private func open(_ path: String, _ configuration: StoreConfiguration) throws -> SharedStore {
    try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
  }

  /// Whoever asks for a lock file waits a second for those who are attached; on a busy machine they may come later.
  private func openPatiently(_ path: String) -> SharedStore? {
    for _ in 0..<10 {
      if let store = try? open(path, .init(capacity: 16, writerWait: .seconds(30))) { return store }
    }
    Issue.record("nobody made a lock file")
    return nil
  }

  private func key(_ number: Int) -> [UInt8] { Array("key \(number)".utf8) }

  /// WKV-O11: an opening that has replaced the store takes what another made of it meanwhile.
  @Test func anOpeningReplacesOnce() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try open(path, .init(capacity: 16)).close()
      let plain = world.environment
      var environment = plain
      let intrusions = FlightTally()
      // An opener asks for this at each look at the files; the other one comes right after the first replacement.
      environment.fileSystem = { file in
        if intrusions.value == 0, (try? capacity(of: path)) == 32 {
          intrusions.add()
          let other = try? SharedStore.open(StoreFiles(path: path), .init(capacity: 64), plain)
          other?.close()
        }
        return plain.fileSystem(file)
      }
      let store = try SharedStore.open(StoreFiles(path: path), .init(capacity: 32), environment)
      #expect(intrusions.value == 1)
      #expect(store.capacity == 64)
      #expect(try capacity(of: path) == 64)
    }
  }

  @Test func entriesOrderAndDeadlinesAreCarriedOver() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16, maxKeySize: 32, maxValueSize: 32))
      for number in 0..<12 {
        try store.set(key(number), to: [UInt8(number)], timeToLive: number % 3 == 0 ? .seconds(10) : nil)
      }
      _ = try store.get(key(1))
      try store.set(key(2), to: [99])
      try store.set("gone", to: [1], timeToLive: .seconds(1))
      world.advance(nanoseconds: 2_000_000_000)
      let before = try store.statistics()
      let larger = try open(path, .init(capacity: 1024, maxKeySize: 64, maxValueSize: 4096, shards: 1))
      #expect(larger.capacity == 1024 && larger.maxValueSize == 4096)
      // The first handle follows at its next call.
      #expect(try store.get(key(5)) == [5])
      #expect(store.capacity == 1024 && store.path == path)
      #expect(try larger.keys() == (0..<12).map { key($0) })
      #expect(try larger.get(key(2)) == [99])
      let statistics = try larger.statistics()
      #expect(statistics.insertions == before.insertions && statistics.hits >= before.hits)
      #expect(statistics.expirations == 1)
      #expect(
        statistics.count
          == statistics.insertions - statistics.evictions - statistics.expirations - statistics.removals)
      var left: [Int: Duration] = [:]
      try larger.forEachEntry { entry in
        if let remaining = entry.remaining { left[Int(entry.value[0])] = remaining }
      }
      #expect(left == [0: .seconds(8), 3: .seconds(8), 6: .seconds(8), 9: .seconds(8)])
      #expect(try TestFiles.names(directory) == ["a.warp", "a.warp-lock"])
      #expect(try Verifier(path: path).findings() == [])
      try store.set("new", to: [7])
      #expect(try larger.get("new") == [7])
    }
  }

  /// The hand and the marks go along, so the next victim is the one that it would have been.
  @Test func theNextVictimStaysTheSame() throws {
    try withTemporaryDirectory { directory in
      func fill(_ path: String) throws -> SharedStore {
        let store = try open(path, .init(capacity: 6, maxKeySize: 32, maxValueSize: 32))
        for number in 0..<6 { try store.set(key(number), to: [1]) }
        for number in [0, 1, 3] { _ = try store.get(key(number)) }
        try store.set(key(6), to: [1])
        _ = try store.get(key(4))
        return store
      }
      let kept = try fill(directory + "/kept.warp")
      let replaced = try fill(directory + "/replaced.warp")
      let wider = try open(replaced.path, .init(capacity: 6, maxKeySize: 40, maxValueSize: 99))
      #expect(try wider.keys() == kept.keys())
      for number in 7..<15 {
        try kept.set(key(number), to: [1])
        try wider.set(key(number), to: [1])
        #expect(try wider.keys() == kept.keys(), "after \(number)")
      }
    }
  }

  @Test func whatDoesNotFitIsGivenUp() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 1024, maxKeySize: 64, maxValueSize: 512, shards: 4))
      for number in 0..<500 { try store.set(key(number), to: [UInt8](repeating: 1, count: number)) }
      let smaller = try open(path, .init(capacity: 16, maxKeySize: 64, maxValueSize: 100))
      #expect(try smaller.count == 16)
      #expect(try store.count == 16)
      try smaller.forEachEntry { #expect($0.value.count <= 100 && $0.key == key($0.value.count)) }
      let statistics = try smaller.statistics()
      #expect(statistics.insertions == 500 && statistics.evictions == 484)
      #expect(try Verifier(path: path).findings() == [])
      let shortKeys = try open(path, .init(capacity: 16, maxKeySize: 6, maxValueSize: 100))
      #expect(try shortKeys.keys().allSatisfy { $0.count <= 6 })
      #expect(throws: WarpError.self) { try store.set("seven b", to: [1]) }
      #expect(try store.get("seven b") == nil)
    }
  }

  @Test func anotherSchemaStartsEmptyAndIsNotFollowed() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16, schemaFingerprint: 1))
      try store.set("k", to: [1])
      let other = try open(path, .init(capacity: 16, schemaFingerprint: 2))
      #expect(try other.count == 0)
      try other.set("k", to: [2])
      // What the bytes mean has changed: the old handle must not read them.
      expectCode(.superseded) { _ = try store.get("k") }
      expectCode(.superseded) { try store.set("k", to: [3]) }
      #expect(try other.get("k") == [2])
    }
  }

  @Test func readOnlyHandlesFollow() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16))
      try store.set("k", to: [1])
      let reader = try open(path, .init(access: .readOnly))
      #expect(try reader.get("k") == [1])
      _ = try open(path, .init(capacity: 99))
      #expect(try reader.get("k") == [1])
      #expect(reader.capacity == 99)
      try store.set("k", to: [2])
      #expect(try reader.get("k") == [2])
    }
  }

  /// Iteration goes on in the files that it began with: what the store was at that moment.
  @Test func iterationDuringAReplacement() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 64, shards: 4))
      for number in 0..<40 { try store.set(key(number), to: [UInt8(number)]) }
      var seen: [Int] = []
      try store.forEachEntry { entry in
        seen.append(Int(entry.value[0]))
        if seen.count == 5 {
          _ = try open(path, .init(capacity: 128, shards: 1))
          #expect(try store.get(key(1)) == [1])
          #expect(store.capacity == 128)
        }
      }
      #expect(seen.sorted() == Array(0..<40))
    }
  }

  /// The files are replaced while an iteration waits for a shard that is being changed: it goes on in the old ones.
  @Test func iterationWaitsDuringAReplacement() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16, shards: 1))
      try store.set("k", to: [1])
      let writer = try open(path, .init(ifDifferent: .useExisting))
      let (file, other) = (store.attachment, writer.attachment)
      let ticket = try #require(try file.tickets(file.shard(0), limit: 1_000_000_000).first)
      let owner = try #require(other.registration).owner
      _ = try other.shard(0).acquire(owner, Waiter(limit: 1_000_000_000, mayGoOn: true), isDead: { _ in false })
      other.shard(0).beginWrite()
      let found = FlightTally()
      let errors = TestThreads.run(2) { thread in
        if thread == 0 {
          if try file.entry(ticket, in: file.shard(0), limit: 600_000_000_000)?.stored == [1] { found.set(1) }
        } else {
          // By now it waits for the lock, as the shard has been changing for longer than a look waits.
          System.sleep(20 * Format.readerWait)
          file.mark(Format.supersededLockLost)
          other.shard(0).endWrite()
          other.shard(0).release()
        }
      }
      #expect(errors.isEmpty && found.value == 1, "\(errors)")
    }
  }

  /// A living writer that keeps a shard: nobody takes it, and the store stays as it is.
  @Test func aReplacementThatFailsChangesNothing() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16))
      try store.set("k", to: [1])
      let file = store.attachment
      let owner = try #require(file.registration).owner
      #expect(
        try file.shard(0).acquire(owner, Waiter(limit: 1_000_000, mayGoOn: true), isDead: { _ in false }) == false)
      expectCode(.busy) { _ = try open(path, .init(capacity: 99)) }
      #expect(try TestFiles.names(directory) == ["a.warp", "a.warp-lock"])
      #expect(try store.get("k") == [1])
      file.shard(0).release()
      try store.set("k", to: [2])
      #expect(try open(path, .init(capacity: 99)).get("k") == [2])
    }
  }

  /// P6 done and P7 not: the mark is there and the name still leads to the old file.
  @Test(arguments: [true, false]) func aReplacerThatDied(_ readsFirst: Bool) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16, writerWait: .seconds(120)))
      try store.set("k", to: [1])
      do {
        // The creation lock is held: it is still at work, and the old file is the store.
        let creation = try CreationLock(StoreFiles(path: path))
        try creation.mark(store.attachment.mapping.file.descriptor, 0x1234_5678)
        let began = System.bootTime()
        #expect(try store.get("k") == [1])
        #expect(try store.get("absent") == nil)
        #expect(System.bootTime() - began < 60_000_000_000)
      }
      if readsFirst { #expect(try store.get("k") == [1]) }
      try store.set("k", to: [2])
      #expect(store.attachment.supersededWord == 0)
      #expect(try open(path, .init(capacity: 16)).get("k") == [2])
    }
  }

  @Test func theCreationLockIsHeldForAllOfTheBody() throws {
    try withTemporaryDirectory { directory in
      let files = StoreFiles(path: directory + "/a.warp")
      try CreationLock(files).hold { () throws(FormatError) in
        expectCode(.busy) { _ = try CreationLock(files, waiting: 0) }
        expectCode(.busy) { _ = try CreationLock(files, waiting: 0) }
      }
      _ = try CreationLock(files, waiting: 0)
    }
  }

  /// A lock file that is gone while others are attached: those make a new pair of files at their next call.
  @Test func aLostLockFileIsMadeAnewByWhoIsAttached() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16, writerWait: .seconds(30)))
      try store.set("k", to: [1])
      try System.remove(path + "-lock")
      let isOpen = FlightTally()
      let version = FlightTally(1)
      let errors = TestThreads.run(2) { thread in
        if thread == 0 {
          defer { isOpen.set(1) }
          try openPatiently(path)?.set("other", to: [77])
        } else {
          while isOpen.value == 0 {
            guard try store.get("k") == [UInt8(truncatingIfNeeded: version.value)] else {
              throw WarpError(.busy, "another version than \(version.value)")
            }
            try store.set("k", to: [UInt8(truncatingIfNeeded: version.add())])
          }
        }
      }
      #expect(errors.isEmpty, "\(errors)")
      #expect(try store.get("k") == [UInt8(truncatingIfNeeded: version.value)])
      #expect(try store.get("other") == [77])
      #expect(try TestFiles.names(directory) == ["a.warp", "a.warp-lock"])
    }
  }

  /// The handle that copies the entries is closed by another thread meanwhile: all are there, or nothing was replaced.
  @Test(arguments: [1, 10, 40]) func closedWhileItReplaces(_ milliseconds: Int64) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let configuration = StoreConfiguration(capacity: 20_000, maxKeySize: 16, maxValueSize: 16, shards: 1)
      let store = try open(path, configuration)
      for number in 0..<20_000 { try store.set(key(number), to: [1]) }
      try System.remove(path + "-lock")
      store.attachment.mark(Format.supersededLockLost)
      let reader = DispatchGroup()
      DispatchQueue.global().async(group: reader) {
        // Whatever it ends with, it ends.
        _ = try? store.get("key 1")
      }
      System.sleep(milliseconds * 1_000_000)
      store.close()
      reader.wait()
      #expect(try open(path, configuration).keys().count == 20_000)
      #expect(try TestFiles.names(directory) == ["a.warp", "a.warp-lock"])
    }
  }

  /// Nobody has the lock file any more but a reader, which can't make another: it must not keep others from it.
  @Test func aReaderDoesNotKeepALockFileFromBeingMade() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16))
      try store.set("k", to: [1])
      let reader = try open(path, .init(access: .readOnly))
      #expect(try reader.get("k") == [1])
      store.close()
      try System.remove(path + "-lock")
      let isOpen = FlightTally()
      let errors = TestThreads.run(2) { thread in
        if thread == 0 {
          defer { isOpen.set(1) }
          let next = openPatiently(path)
          try next?.set("k", to: [2])
          try next?.set("l", to: [3])
        } else {
          while isOpen.value == 0 {
            _ = try reader.get("k")
            System.sleep(1_000_000)
          }
        }
      }
      #expect(errors.isEmpty, "\(errors)")
      #expect(try reader.get("k") == [2])
      var buffer = [UInt8](repeating: 0, count: 100)
      #expect(try reader.get(key(7), into: &buffer) == .miss)
      #expect(try reader.get("l") == [3])
    }
  }

  /// Removed by hand: a handle goes on with its files, and can tell.
  @Test func orphans() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try open(path, .init(capacity: 16))
      try store.set("k", to: [1])
      #expect(try store.statistics().isOrphaned == false)
      try System.remove(path)
      try System.remove(path + "-lock")
      #expect(try store.get("k") == [1])
      #expect(try store.statistics().isOrphaned)
      let other = try open(path, .init(capacity: 16))
      #expect(try other.get("k") == nil)
      try store.set("k", to: [2])
      #expect(try other.get("k") == nil)
    }
  }
}

/// What the header on the disk says.
private func capacity(of path: String) throws -> UInt64 {
  try TestFiles.read(path).integer(HeaderFields.capacity)
}
