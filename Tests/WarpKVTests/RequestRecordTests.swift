// SPDX-License-Identifier: Apache-2.0
// The record of requests (SPEC.md §5.9, §12.1, K5): what is recorded, what is kept, who gives a store a record, and that a
// lock file with one that makes no sense is foreign.

import Testing
import WarpFormat
import WarpTestSupport

@testable import WarpKV

@Suite struct RequestRecordTests {
  private static func shape(
    _ recording: StoreConfiguration.RequestRecording, timeToLive: Duration? = nil
  ) -> StoreConfiguration {
    StoreConfiguration(
      capacity: 100, maxValueSize: 64, timeToLive: timeToLive, shards: 2, ifDifferent: .useExisting,
      requestRecording: recording)
  }

  private static let everything = StoreConfiguration.RequestRecording.on(requests: 1024, oneKeyIn: 1)

  private static func log(_ path: String) throws -> RequestLog {
    let image = try FileImage(path: path)
    defer { withExtendedLifetime(image) {} }
    return try #require(try image.lock?.requestLog())
  }

  /// Without tallies.
  private static func requests(_ path: String) throws -> [RecordedRequest] {
    try log(path).requests.filter { $0.kind != .tally }
  }

  private static func hash(_ key: String, _ store: SharedStore) -> UInt64 {
    let store = store.attachment
    return Array(key.utf8).withUnsafeBytes { store.hash($0) }
  }

  @Test func nothingIsRecordedUnlessAskedFor() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(.asFound))
      try store.set("k", to: [1])
      #expect(store.requestRecord == nil)
      let image = try FileImage(path: path)
      #expect(try image.lock?.requestLog() == nil)
      #expect(image.lock?.geometry == LockGeometry(store.attachment.header.geometry))
    }
  }

  @Test func eachKindOfRequest() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      var shape = Self.shape(Self.everything)
      shape.clock = ManualClock().clock
      let store = try SharedStore.open(path: path, shape)
      #expect(try store.get("a") == nil)
      try store.set("a", to: [1, 2, 3], timeToLive: .milliseconds(1500))
      #expect(try store.get("a") == [1, 2, 3])
      try store.set("a", to: [1])
      #expect(try store.touch(Array("a".utf8), timeToLive: .seconds(10)))
      #expect(try store.remove("a"))
      #expect(try store.remove("a") == false)
      // Too large: the older value goes, and nothing was set.
      try store.set("b", to: [1])
      #expect(try store.set("b", to: [UInt8](repeating: 1, count: 65)) == .skipped)
      #expect(try store.add(Array("c".utf8), value: [9]))
      #expect(try store.add(Array("c".utf8), value: [8]) == false)
      #expect(try store.contains(Array("c".utf8)))
      try store.removeAll()

      let log = try Self.log(path)
      let (a, b, c) = (Self.hash("a", store), Self.hash("b", store), Self.hash("c", store))
      let expected: [(RequestKind, UInt64, UInt32, UInt32)] = [
        (.miss, a, 0, 0), (.set, a, 3, 2), (.hit, a, 3, 2), (.set, a, 1, 0), (.set, a, 1, 10), (.removal, a, 0, 0),
        (.set, b, 1, 0), (.removal, b, 0, 0), (.set, c, 1, 0), (.removeAll, 0, 0, 0),
      ]
      let seen = try Self.requests(path).map { ($0.kind, $0.hash, $0.size, $0.lifetime) }
      #expect(seen.count == expected.count, "\(seen)")
      for (seen, expected) in zip(seen, expected) { #expect(seen == expected) }
      #expect(log.lost == 0 && log.position == UInt64(expected.count) + 1)
      #expect(zip(log.requests, log.requests.dropFirst()).allSatisfy { $0.time <= $1.time })
      #expect(try Verifier(path: path).findings().isEmpty)
    }
  }

  /// A tally follows each request whose number is a multiple of 64, and takes a number itself.
  private func tallies(_ requests: Int) -> Int {
    var (number, left, tallies) = (0, requests, 0)
    while left > 0 {
      if number % 64 == 0 {
        tallies += 1
        number += 1
      }
      number += 1
      left -= 1
    }
    return tallies
  }

  /// So many keys that are recorded, and so many that are not.
  private static func keys(
    _ some: Int, _ others: Int, oneIn part: UInt64, _ store: SharedStore
  ) -> (recorded: [String], others: [String]) {
    let keys = (0..<20 * (some + others)).map(String.init)
    let recorded = keys.filter { hash($0, store) <= .max / part }.prefix(some)
    let rest = keys.filter { hash($0, store) > .max / part }.prefix(others)
    return (Array(recorded), Array(rest))
  }

  /// What tallies say is what the store has counted, less what is under way.
  @Test func talliesCountAllKeys() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(.on(requests: 1024, oneKeyIn: 4)))
      // The store's seed decides which keys are recorded: here 20 of 80, whatever it is.
      let (recorded, others) = Self.keys(20, 60, oneIn: 4, store)
      let present = recorded.prefix(12) + others.prefix(38)
      for key in present { try store.set(key, to: [1]) }
      for _ in 0..<45 { for key in recorded + others { _ = try store.get(key) } }
      let tallies = try Self.log(path).requests.compactMap(\.tally)
      #expect(tallies.count == self.tallies(12 + 45 * 20))
      #expect(zip(tallies, tallies.dropFirst()).allSatisfy { $0.hits <= $1.hits && $0.misses <= $1.misses })
      let (first, last) = (try #require(tallies.first), try #require(tallies.last))
      let (hits, misses) = (Double(last.hits - first.hits), Double(last.misses - first.misses))
      #expect(abs(hits / (hits + misses) - 50.0 / 80) < 0.02)
      #expect(last.hits + last.misses <= 45 * 80)
    }
  }

  @Test func theLastAreKept() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(Self.everything))
      for number in 0..<3000 { try store.set("\(number % 7)", to: [UInt8](repeating: 0, count: number % 60)) }
      let log = try Self.log(path)
      #expect(log.position == UInt64(3000 + tallies(3000)) && log.lost == 0)
      let kept = try Self.requests(path)
      #expect((950..<1024).contains(kept.count) && log.requests.count == 1024)
      #expect(kept.map { Int($0.size) } == (3000 - kept.count..<3000).map { $0 % 60 })
    }
  }

  /// Keys are recorded or not, by hash, and about as many as asked for.
  @Test func aPartOfTheKeys() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(.on(requests: 4096, oneKeyIn: 8)))
      var recorded = 0
      for number in 0..<4000 {
        _ = try store.get("key\(number)")
        if Self.hash("key\(number)", store) <= .max >> 3 { recorded += 1 }
      }
      let requests = try Self.requests(path)
      #expect(requests.count == recorded && (350...650).contains(recorded))
      #expect(requests.allSatisfy { $0.hash <= .max >> 3 && $0.kind == .miss })
      #expect(RequestRecord.usualShift(capacity: 1) == 0)
      #expect(RequestRecord.usualShift(capacity: 8191) == 0)
      #expect(RequestRecord.usualShift(capacity: 8192) == 1)
      #expect(RequestRecord.usualShift(capacity: 1 << 31) == 19)
    }
  }

  /// Handles of several threads take numbers and fill cells at once; each cell is whole or left out.
  @Test func manyAtOnce() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let handles = try (0..<4).map { _ in try SharedStore.open(path: path, Self.shape(Self.everything)) }
      let errors = TestThreads.run(4) { thread in
        for number in 0..<5000 { _ = try handles[thread].get("\(thread) \(number)") }
      }
      #expect(errors.isEmpty)
      let log = try Self.log(path)
      #expect(log.position > 20_000)
      // Whoever was stopped between its number and its cell for a whole round may have left another's half.
      #expect(log.requests.count + log.lost == 1024 && log.lost <= 4)
      let known = Set((0..<4).flatMap { thread in (0..<5000).map { Self.hash("\(thread) \($0)", handles[0]) } })
      #expect(try Self.requests(path).allSatisfy { known.contains($0.hash) && $0.kind == .miss })
    }
  }

  @Test func whatIsNotWholeIsLeftOut() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(Self.everything))
      for number in 0..<10 { _ = try store.get("\(number)") }
      let start = store.attachment.lockGeometry.recordOffset
      let cells = start + RecordFields.structure.size
      for byte in [0, 9, 17, 21, 24, 31] {
        let at = cells + 3 * RequestFields.structure.size + byte
        let old = try TestFiles.read(path + "-lock")[at]
        try TestFiles.patch(path + "-lock", at: at, [old ^ 1])
        #expect(try Self.log(path).requests.count == 10, "byte \(byte)")
        #expect(try Self.log(path).lost == 1)
        try TestFiles.patch(path + "-lock", at: at, [old])
      }
      #expect(try Self.log(path).lost == 0)
      // A position that cannot be: nothing holds its number any more.
      try TestFiles.patch(path + "-lock", at: start, [UInt8](repeating: 0xFF, count: 8))
      #expect(try Self.log(path).requests.isEmpty)
      #expect(try Self.log(path).lost == 1024)
      #expect(try Verifier(path: path).findings().isEmpty)
      // Whoever records goes on from there.
      _ = try store.get("more")
      _ = try store.get("more")
      #expect(try Self.log(path).requests.count <= 2)
    }
  }

  // MARK: Who gives a store a record

  /// Turned on and off while nobody else has the store open; all else that the lock file knows stays.
  @Test func onAndOff() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      var store = try SharedStore.open(path: path, Self.shape(.asFound))
      try store.set("k", to: [1])
      #expect(try store.get("k") == [1])
      let plain = try TestFiles.read(path + "-lock").count
      store.close()

      store = try SharedStore.open(path: path, Self.shape(Self.everything))
      #expect(store.requestRecord == RequestRecord(cells: 1024, shift: 0))
      #expect(try TestFiles.read(path + "-lock").count == plain + 36_864)
      #expect(try store.statistics().hits == 1 && store.statistics().insertions == 1)
      let image = try FileImage(path: path)
      #expect(try image.lock?.visitedSlots(store.shard(of: Array("k".utf8))) == [1])
      #expect(try store.get("k") == [1])
      #expect(try Self.requests(path).map(\.kind) == [.hit])
      #expect(try Verifier(path: path).findings().isEmpty)
      store.close()

      // As it was found.
      store = try SharedStore.open(path: path, Self.shape(.asFound))
      #expect(store.requestRecord != nil)
      #expect(try Self.requests(path).count == 1)
      store.close()

      store = try SharedStore.open(path: path, Self.shape(.off))
      #expect(store.requestRecord == nil)
      #expect(try TestFiles.read(path + "-lock").count == plain)
      #expect(try store.statistics().hits == 2)
      #expect(try store.get("k") == [1])
      #expect(try Verifier(path: path).findings().isEmpty)
    }
  }

  @Test func aStoreInUseStaysAsItIs() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let first = try SharedStore.open(path: path, Self.shape(.asFound))
      let second = try SharedStore.open(path: path, Self.shape(Self.everything))
      #expect(second.requestRecord == nil)
      try second.set("k", to: [1])
      #expect(try first.get("k") == [1])
      first.close()
      second.close()
      let third = try SharedStore.open(path: path, Self.shape(Self.everything))
      #expect(third.requestRecord != nil)
      // One that never heard of records uses what is there.
      let fourth = try SharedStore.open(path: path, Self.shape(.off))
      #expect(fourth.requestRecord == third.requestRecord)
      _ = try fourth.get("k")
      #expect(try Self.requests(path).map(\.kind) == [.hit])
    }
  }

  /// Handles come and go, each with its own wish, and write; nothing that was stored is lost, whoever was alone when.
  @Test func manyWishesAtOnce() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      @Sendable func shape(_ recording: StoreConfiguration.RequestRecording) -> StoreConfiguration {
        StoreConfiguration(
          capacity: 4000, maxValueSize: 8, shards: 4, ifDifferent: .useExisting, writerWait: .seconds(30),
          requestRecording: recording)
      }
      let wishes: [StoreConfiguration.RequestRecording] = [
        Self.everything, .off, .asFound, .on(requests: 2048, oneKeyIn: 2),
      ]
      let errors = TestThreads.run(4) { thread in
        for round in 0..<50 {
          let store = try SharedStore.open(path: path, shape(wishes[(thread + round) % 4]))
          for number in 0..<4 {
            let key = Array("\(thread) \(round) \(number)".utf8)
            try store.set(key, to: [UInt8(round)])
            if try store.get(key) != [UInt8(round)] { throw Lost() }
          }
          store.close()
        }
      }
      #expect(errors.isEmpty, "\(errors)")
      let store = try SharedStore.open(path: path, shape(.asFound))
      #expect(try store.count == 800)
      #expect(try store.statistics().insertions == 800)
      #expect(try Verifier(path: path).findings().isEmpty)
    }
  }

  private struct Lost: Error {}

  @Test func aReplacedStoreKeepsItsRecord() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let first = try SharedStore.open(path: path, Self.shape(Self.everything))
      try first.set("k", to: [1])
      let larger = StoreConfiguration(capacity: 200, maxValueSize: 64, shards: 2)
      let second = try SharedStore.open(path: path, larger)
      #expect(second.capacity == 200 && second.requestRecord == RequestRecord(cells: 1024, shift: 0))
      #expect(try first.get("k") == [1])
      #expect(first.requestRecord == second.requestRecord)
      #expect(try Self.requests(path).map(\.kind) == [.hit])
    }
  }

  /// A lock file made anew (K2) has a record if its maker wants one.
  @Test func aLostLockFile() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(Self.everything))
      try store.set("k", to: [1])
      store.close()
      try System.remove(path + "-lock")
      let again = try SharedStore.open(path: path, Self.shape(Self.everything))
      #expect(again.requestRecord != nil)
      #expect(try again.get("k") == [1])
    }
  }

  @Test(arguments: [(0, 1), (1023, 1), (1 << 23, 1), (3000, 1), (1024, 0), (1024, 3), (1024, 1 << 25), (1024, -4)])
  func wrongArguments(_ requests: Int, _ keys: Int) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      expectCode(.invalidArgument) {
        _ = try SharedStore.open(path: path, Self.shape(.on(requests: requests, oneKeyIn: keys)))
      }
      let isMade = try TestFiles.exists(path)
      #expect(isMade == false)
    }
  }

  // MARK: Foreign lock files

  /// Numbers of a record that can't be: the lock file is foreign, and is made anew; the entries stay.
  @Test(arguments: [
    (LockHeaderFields.recordCells, 0), (LockHeaderFields.recordCells, 1000),
    (LockHeaderFields.recordCells, 1 << 30),
    (LockHeaderFields.recordCells, 2048), (LockHeaderFields.recordShift, 25),
    (LockHeaderFields.recordOffset, 0), (LockHeaderFields.compatFeatures, 0),
  ])
  func aRecordThatMakesNoSense(_ field: Field, _ value: Int) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(Self.everything))
      try store.set("k", to: [1])
      store.close()
      let bytes = (0..<field.size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      try TestFiles.patchHeader(path + "-lock", at: field.offset, bytes)
      #expect(try FileImage(path: path).lockProblem?.rule == "WKV-L03", "\(field.name) \(value)")
      let again = try SharedStore.open(path: path, Self.shape(.asFound))
      #expect(try again.get("k") == [1])
      #expect(try Verifier(path: path).findings().isEmpty)
    }
  }

  /// WKV-V01: what a newer version adds to the lock file is left alone.
  @Test func aNewerVersionsPart() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, Self.shape(Self.everything))
      try store.set("k", to: [1])
      let size = store.attachment.lockGeometry.fileSize
      store.close()
      var lock = try TestFiles.read(path + "-lock")
      lock += [UInt8](repeating: 7, count: 4096)
      try TestFiles.write(path + "-lock", lock)
      let length = (0..<8).map { UInt8(truncatingIfNeeded: (size + 4096) >> (8 * $0)) }
      try TestFiles.patchHeader(path + "-lock", at: LockHeaderFields.fileSize.offset, length)
      // Longer without a feature that says why.
      #expect(try FileImage(path: path).lockProblem?.rule == "WKV-L03")
      try TestFiles.patchHeader(path + "-lock", at: LockHeaderFields.compatFeatures.offset, [3])
      try TestFiles.patchHeader(path + "-lock", at: 200, [1])
      #expect(try Verifier(path: path).findings().isEmpty)
      let inode = try System.status(path: path + "-lock")?.inode
      let again = try SharedStore.open(path: path, Self.shape(.asFound))
      #expect(try again.get("k") == [1])
      #expect(again.requestRecord != nil)
      #expect(try Self.requests(path).map(\.kind) == [.set, .hit])
      #expect(try System.status(path: path + "-lock")?.inode == inode)
      #expect(try TestFiles.read(path + "-lock").suffix(4096).allSatisfy { $0 == 7 })
    }
  }
}
