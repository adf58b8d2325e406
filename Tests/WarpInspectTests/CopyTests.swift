// SPDX-License-Identifier: Apache-2.0
// Copies of stores at rest, in use, and with a dead writer; with the same parameters and with others.

import Foundation
import Synchronization
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct CopyTests {
  /// Every valid fixture: the same entries with the same times, and a store without findings.
  @Test(arguments: Fixtures.names("valid"))
  func fixtures(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let (old, new) = (Fixtures.path("valid", name), directory + "/b.warp")
      let before = try TestFiles.read(old)
      let done = try Inspection(["copy", old, new, "--json"], in: directory)
      #expect(done.code == 0, "\(done)")
      #expect(try MovingScene.entries(new) == MovingScene.living(old))
      #expect(try MovingScene.visited(new).count <= MovingScene.visited(old).count)
      #expect(try MovingScene.findings(new) == [])
      #expect(try TestFiles.read(old) == before)
      let header = try FileImage(path: new).header
      let former = try FileImage(path: old).header
      #expect(header.geometry == former.geometry && header.storeID != former.storeID)
      #expect(header.userTag == former.userTag && header.schemaFingerprint == former.schemaFingerprint)
    }
  }

  /// Numbers stay as they are within a boot, and so do marks and the hand.
  @Test func ofThisBoot() throws {
    try withTemporaryDirectory { directory in
      let (old, new) = (directory + "/a.warp", directory + "/b.warp")
      try MovingScene.make(old, capacity: 64, shards: 4, numbered: 300)
      #expect(try Inspection(["copy", old, new], in: directory).code == 0)
      #expect(try MovingScene.entries(new) == MovingScene.living(old))
      #expect(try MovingScene.visited(new) == MovingScene.visited(old))
      let (left, right) = (try FileImage(path: old), try FileImage(path: new))
      for shard in 0..<4 {
        #expect(try left.harvest(shard).handStamp == 0 || right.harvest(shard).handStamp != 0)
      }
      // The same capacity in each shard: it is as full as the old one and goes on.
      let store = try SharedStore.open(path: new, .init(ifDifferent: .useExisting))
      defer { store.close() }
      for number in 0..<200 { try store.set("new\(number)", to: [1]) }
      #expect(try MovingScene.findings(new) == [])
    }
  }

  @Test func otherParameters() throws {
    try withTemporaryDirectory { directory in
      let old = directory + "/a.warp"
      try MovingScene.make(old, capacity: 256, shards: 4, numbered: 150)
      let living = try MovingScene.living(old)
      func copy(_ name: String, _ flags: [String]) throws -> (Inspection, [Shown]) {
        let path = directory + "/\(name).warp"
        let done = try Inspection(["copy", old, path, "--json"] + flags, in: directory)
        #expect(try MovingScene.findings(path) == [])
        return (done, try MovingScene.entries(path))
      }
      func sorted(_ entries: [Shown]) -> [Shown] { entries.sorted { $0.key.lexicographicallyPrecedes($1.key) } }
      let (larger, all) = try copy("larger", ["--capacity", "1000", "--shards", "16"])
      #expect(larger.code == 0 && sorted(all) == sorted(living), "\(larger)")
      let (smaller, some) = try copy("smaller", ["--capacity", "50", "--shards", "1"])
      #expect(smaller.code == 1 && some.count == 50, "\(smaller)")
      let report = try JSONReader.value(Array(smaller.output.utf8))
      #expect(report["copied"]?.asInteger(Int.self) == 50)
      #expect(report["evicted"]?.asInteger(Int.self) == living.count - 50)
      let (narrow, short) = try copy("narrow", ["--max-value-size", "100"])
      #expect(narrow.code == 1 && sorted(short) == sorted(living.filter { $0.value.count <= 100 }), "\(narrow)")
      let (refusing, kept) = try copy("refusing", ["--capacity", "50", "--shards", "1", "--eviction", "none"])
      #expect(refusing.code == 1 && kept.count == 50 && refusing.output.contains("\"refused\": "), "\(refusing)")
    }
  }

  /// What a writer does to two keys of one shard, one after the other, is never seen the other way round.
  @Test func aShardIsOfOneMoment() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 300, maxValueSize: 64, shards: 1))
      for number in 0..<200 { try store.set("key\(number)", to: [UInt8](repeating: 1, count: 64)) }
      let isDone = Flag()
      let writer = Thread {
        var count: UInt64 = 0
        while !isDone.isSet {
          count += 1
          for key in ["first", "second"] { _ = try? store.set(key, to: TestFiles.bytes(count)) }
          usleep(200)
        }
        isDone.acknowledge()
      }
      writer.start()
      let image = try FileImage(path: path)
      var consistent = 0
      for _ in 0..<40 {
        let harvest = try image.harvest(0)
        guard harvest.isConsistent, harvest.damaged.isEmpty else {
          #expect(harvest.damaged.isEmpty)
          continue
        }
        func value(_ key: String) -> UInt64? {
          harvest.entries.first { $0.key == Array(key.utf8) }?.value.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard let first = value("first"), let second = value("second") else { continue }
        consistent += 1
        #expect(first == second || first == second + 1, "\(first), \(second)")
        #expect(Set(harvest.entries.map(\.key)).count == harvest.entries.count)
      }
      isDone.set()
      while !isDone.isAcknowledged { usleep(1000) }
      #expect(consistent > 0)
      store.close()
    }
  }

  /// Whole copies of a store in use have no findings. A store that is written without a pause may change its whole
  /// content while a copy waits for a core; one whose writer rests gives nearly all of it.
  @Test(arguments: [(restMicroseconds: UInt32(0), least: 0), (restMicroseconds: 2000, least: 150)])
  func aStoreInUse(restMicroseconds: UInt32, least: Int) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try MovingScene.make(path, capacity: 200, shards: 4, numbered: 400)
      let store = try SharedStore.open(path: path, .init(ifDifferent: .useExisting))
      let isDone = Flag()
      Thread {
        var number = 0
        while !isDone.isSet {
          number += 1
          _ = try? store.set("key\(number % 500)", to: [UInt8](repeating: 2, count: number % 700))
          if restMicroseconds > 0 { usleep(restMicroseconds) }
        }
        isDone.acknowledge()
      }.start()
      var counts: [Int] = []
      for round in 0..<5 {
        let new = directory + "/copy\(round).warp"
        let done = try Inspection(["copy", path, new, "--json"], in: directory)
        #expect(done.code == 0, "\(done)")
        #expect(try MovingScene.findings(new) == [])
        counts.append(try MovingScene.entries(new).count)
      }
      // One that waits for a core has fewer.
      #expect(counts.sorted()[2] >= least, "\(counts)")
      isDone.set()
      while !isDone.isAcknowledged { usleep(1000) }
      store.close()
    }
  }

  /// A shard whose writer died in the middle: what is whole is copied, and the shard is named.
  @Test func aDeadWriter() throws {
    try withTemporaryDirectory { directory in
      let (old, new) = (directory + "/a.warp", directory + "/b.warp")
      try MovingScene.make(old, shards: 4)
      let lock = try #require(try FileImage(path: old).lock)
      try TestFiles.patch(old + "-lock", at: lock.lineOffset(2), TestFiles.bytes(UInt64(1001)))
      try TestFiles.patch(old + "-lock", at: lock.lineOffset(2) + 128, TestFiles.bytes(UInt64(1 << 32 | 1)))
      let done = try Inspection(["copy", old, new, "--json"], in: directory)
      let report = try JSONReader.value(Array(done.output.utf8))
      #expect(done.code == 0 && report["unstable"]?.isSame(as: .array([.number(2)])) == true, "\(done)")
      #expect(try MovingScene.entries(new) == MovingScene.living(old))
      #expect(try MovingScene.findings(new) == [])
    }
  }
}

private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  private let answer = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  var isAcknowledged: Bool { answer.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
  func acknowledge() { answer.store(true, ordering: .releasing) }
}
