// SPDX-License-Identifier: Apache-2.0
// Imports into stores that are there, and what they refuse: each entry ends in one of the counts, and nothing that was there is
// lost unasked.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct ImportTests {
  /// Runs `body` with an export of a store of 47 living entries.
  private func withExport(_ body: (_ directory: String, _ file: String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      try MovingScene.make(directory + "/a.warp")
      let file = directory + "/a.jsonl"
      #expect(try Inspection(["export", directory + "/a.warp", "-o", file], in: directory).code == 0)
      try body(directory, file)
    }
  }

  private func counts(_ run: Inspection) throws -> [String: Int] {
    guard case .object(let members) = try JSONReader.value(Array(run.output.utf8)) else { return [:] }
    var counts: [String: Int] = [:]
    for (name, value) in members { counts[name] = value.asInteger(Int.self) }
    return counts
  }

  @Test func keysThatAreThere() throws {
    try withExport { directory, file in
      let path = directory + "/b.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 500, maxKeySize: 64, maxValueSize: 1024))
      defer { store.close() }
      for number in 0..<10 { try store.set("key\(number)", to: [7]) }
      let kept = try counts(Inspection(["import", file, path, "--json"], in: directory))
      #expect(
        kept == ["read": 47, "imported": 37, "kept": 10, "expired": 0, "tooLarge": 0, "refused": 0, "evicted": 0])
      #expect(try store.get("key3") == [7] && store.get("key13") == Array("value 13".utf8))
      let replaced = try counts(Inspection(["import", file, path, "--json", "--replace"], in: directory))
      #expect(replaced["imported"] == 47 && replaced["kept"] == 0)
      #expect(try store.get("key3") == Array("value 3".utf8))
      #expect(try MovingScene.findings(path) == [])
      #expect(try store.statistics().insertions == 47)
    }
  }

  /// A full store refuses, and with --evict its SIEVE makes room; never more than it holds.
  @Test(arguments: [StoreConfiguration.Eviction.sieve, .none])
  func aStoreThatIsTooSmall(_ eviction: StoreConfiguration.Eviction) throws {
    try withExport { directory, file in
      let path = directory + "/b.warp"
      try SharedStore.open(
        path: path, .init(capacity: 8, maxKeySize: 64, maxValueSize: 1024, eviction: eviction)
      ).close()
      let refused = try Inspection(["import", file, path, "--json"], in: directory)
      #expect(refused.code == 1 && refused.errors.contains("39 entries were refused"), "\(refused)")
      #expect(try counts(refused)["imported"] == 8)
      let before = try MovingScene.entries(path).map(\.key)
      let evicting = try Inspection(["import", file, path, "--json", "--evict"], in: directory)
      #expect(try MovingScene.entries(path).count == 8)
      if eviction == .sieve {
        #expect(try evicting.code == 0 && counts(evicting)["evicted"] ?? 0 > 30, "\(evicting)")
      } else {
        #expect(evicting.code == 1)
        #expect(try MovingScene.entries(path).map(\.key) == before)
      }
      #expect(try MovingScene.findings(path) == [])
    }
  }

  @Test func whatIsTooLarge() throws {
    try withExport { directory, file in
      let path = directory + "/b.warp"
      try SharedStore.open(path: path, .init(capacity: 100, maxKeySize: 8, maxValueSize: 300)).close()
      let done = try Inspection(["import", file, path, "--json"], in: directory)
      // Two keys over 8 bytes, one value over 300.
      #expect(try done.code == 1 && counts(done)["tooLarge"] == 3, "\(done)")
    }
  }

  @Test func whatHasExpiredMeanwhile() throws {
    try withTemporaryDirectory { directory in
      let (path, file) = (directory + "/a.warp", directory + "/x")
      let store = try SharedStore.open(path: path, .init(capacity: 8))
      try store.set("short", to: [1], timeToLive: .seconds(1))
      try store.set("long", to: [2], timeToLive: .seconds(1000))
      store.close()
      #expect(try Inspection(["export", path, "-o", file, "--expired"], in: directory).code == 0)
      System.sleep(1_100_000_000)
      let done = try Inspection(["import", file, directory + "/b.warp", "--create", "--json"], in: directory)
      #expect(try done.code == 0 && counts(done)["expired"] == 1 && counts(done)["imported"] == 1, "\(done)")
    }
  }

  @Test func aDryRunChangesNothing() throws {
    try withExport { directory, file in
      let (there, new) = (directory + "/b.warp", directory + "/c.warp")
      try SharedStore.open(path: there, .init(capacity: 8)).close()
      let before = try TestFiles.snapshot(directory).filter { !$0.contains("output") && !$0.contains("errors") }
      for arguments in [[there, "--replace"], [new, "--create"]] {
        let done = try Inspection(["import", file] + arguments + ["--dry-run"], in: directory)
        #expect(done.code == 0 && done.output.contains("47 of 47 entries could be imported"), "\(done)")
      }
      #expect(
        try TestFiles.snapshot(directory).filter { !$0.contains("output") && !$0.contains("errors") } == before)
    }
  }

  @Test func newStoresTakeParameters() throws {
    try withExport { directory, file in
      let path = directory + "/b.warp"
      let done = try Inspection(
        ["import", file, path, "--create", "--capacity", "1000", "--shards", "8", "--eviction", "none"],
        in: directory)
      #expect(done.code == 0, "\(done)")
      let header = try FileImage(path: path).header
      #expect(header.geometry.capacity == 1000 && header.geometry.shardCount == 8 && header.evictionID == 0)
      #expect(try MovingScene.living(path).count == 47)
      #expect(try MovingScene.findings(path) == [])
    }
  }

  /// A full store fits a new one with the same parameters to the last entry.
  @Test func aFullStoreFits() throws {
    try withTemporaryDirectory { directory in
      let (old, new) = (directory + "/a.warp", directory + "/b.warp")
      try MovingScene.make(old, capacity: 64, shards: 16, numbered: 500)
      let count = try MovingScene.living(old).count
      #expect(count > 55)
      let done = try Inspection(
        script: "\"$0\" export \(old) | \"$0\" import - \(new) --create --json", in: directory)
      #expect(done.code == 0, "\(done)")
      try ExportTests.expectSame(new, as: old)
    }
  }
}
