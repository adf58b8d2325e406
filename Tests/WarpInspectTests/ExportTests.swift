// SPDX-License-Identifier: Apache-2.0
// Exports and imports that go well: what comes out is what went in, by way of a file, a pipe, both forms.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct ExportTests {
  /// Times may move by what passes between two readings of two clocks.
  static let tolerance: UInt64 = 60_000_000_000

  static func expectSame(_ new: String, as old: String) throws {
    let (left, right) = (try MovingScene.living(old), try MovingScene.living(new))
    #expect(left.map(\.key) == right.map(\.key))
    #expect(left.map(\.value) == right.map(\.value))
    for (before, after) in zip(left, right) {
      for (one, other) in [
        (before.deadline, after.deadline), (before.freshUntil, after.freshUntil), (before.written, after.written),
      ] {
        #expect((one == 0) == (other == 0))
        #expect(max(one, other) - min(one, other) < tolerance, "\(before) and \(after)")
      }
    }
    #expect(try MovingScene.visited(old) == MovingScene.visited(new))
    #expect(try MovingScene.findings(new) == [])
  }

  @Test(arguments: ["jsonl", "binary"])
  func thereAndBack(_ form: String) throws {
    try withTemporaryDirectory { directory in
      let (old, new, file) = (directory + "/a.warp", directory + "/b.warp", directory + "/export")
      try MovingScene.make(old)
      let before = try TestFiles.read(old)
      let export = try Inspection(["export", old, "-o", file, "--format", form], in: directory)
      #expect(export.code == 0 && export.output == "" && export.errors == "", "\(export)")
      #expect(try TestFiles.read(old) == before)
      let done = try Inspection(["import", file, new, "--create", "--json"], in: directory)
      #expect(done.code == 0, "\(done)")
      let report = try JSONReader.value(Array(done.output.utf8))
      let living = try MovingScene.living(old).count
      #expect(report["imported"]?.asInteger(Int.self) == living && report["expired"]?.asInteger(Int.self) == 0)
      try ExportTests.expectSame(new, as: old)
    }
  }

  @Test func throughAPipe() throws {
    try withTemporaryDirectory { directory in
      let (old, new) = (directory + "/a.warp", directory + "/b.warp")
      try MovingScene.make(old)
      let done = try Inspection(
        script: "\"$0\" export \(old) --format binary | \"$0\" import - \(new) --create", in: directory)
      #expect(done.code == 0, "\(done)")
      try ExportTests.expectSame(new, as: old)
      let names = ["a.warp", "a.warp-lock", "b.warp", "b.warp-lock"]
      #expect(try MovingScene.names(directory) == names)
    }
  }

  /// A reader that goes away: no sentence, and the status of a broken pipe.
  @Test func aPipeThatBreaks() throws {
    try withTemporaryDirectory { directory in
      try MovingScene.make(directory + "/a.warp", capacity: 5000, numbered: 3000)
      let done = try Inspection(
        script: "(\"$0\" export \(directory)/a.warp; echo $? >&2) | head -c 100 >/dev/null", in: directory)
      #expect(done.errors == "141\n" || done.errors == "0\n", "\(done)")
    }
  }

  @Test func linesSayWhatTheSpecificationSays() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try MovingScene.make(path)
      let export = try Inspection(["export", path, "--json"], in: directory)
      let lines = try export.output.split(separator: "\n").map { try JSONReader.value(Array($0.utf8)) }
      #expect(lines.first?["warpkv"]?.asString == "export" && lines.first?["clock"]?.asInteger(Int.self) == 1)
      #expect(lines.last?["end"]?["entries"]?.asInteger(Int.self) == lines.count - 2)
      #expect(lines.last?["end"]?["expired"]?.asInteger(Int.self) == 1)
      // Text as text, all else as base64; one of both.
      let keys = lines.dropFirst().dropLast()
      #expect(keys.contains { $0["key"]?.asString == "grüße \"世界\" \\ /" && $0["keyBase64"] == nil })
      #expect(keys.contains { $0["keyBase64"]?.asString == "/wCA" && $0["key"] == nil })
      #expect(keys.contains { $0["key"]?.asString == "c1" && $0["valueBase64"]?.asString == "woU=" })
      #expect(keys.contains { $0["key"]?.asString == "the empty value" && $0["value"]?.asString == "" })
      let timed = try #require(keys.first { $0["key"]?.asString == "key0" })
      let left = try #require(timed["expiresIn"]?.asInteger(Int64.self))
      let real = try #require(lines.first?["realTime"]?.asInteger(Int64.self))
      #expect(timed["expiresAt"]?.asInteger(Int64.self) == real + left)
      #expect((1...3_600_000_000_000).contains(left))
      #expect(timed["freshFor"] != nil && timed["visited"]?.asBool == true)
      // Nothing that a terminal would obey.
      #expect(export.output.utf8.allSatisfy { $0 == 0x0A || (0x20..<0x7F).contains($0) })
    }
  }

  @Test func prefixAndExpired() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try MovingScene.make(path)
      func keys(_ flags: [String]) throws -> [String] {
        try Inspection(["export", path] + flags, in: directory).output.split(separator: "\n")
          .compactMap { try JSONReader.value(Array($0.utf8))["key"]?.asString }
      }
      #expect(try keys(["--prefix", "key1"]).allSatisfy { $0.hasPrefix("key1") })
      #expect(try keys(["--prefix", "key1"]).count == 11)
      #expect(try keys(["--expired"]).contains("over"))
      #expect(try !keys([]).contains("over"))
    }
  }

  /// A compressed value is exported decoded, or as it is, and both come back the same.
  @Test(.enabled(if: Compression.isAvailable)) func compressedValues() throws {
    try withTemporaryDirectory { directory in
      let path = Fixtures.path("valid", "zstd")
      for flags in [[], ["--stored"], ["--raw", "--format", "binary"]] {
        let (file, new, plain) = (directory + "/x", directory + "/b.warp", directory + "/c.warp")
        let export = try Inspection(["export", path, "-o", file] + flags, in: directory)
        #expect(export.code == 0 && export.errors.contains("another boot"), "\(export)")
        #expect(try Inspection(["import", file, new, "--create"], in: directory).code == 0)
        #expect(try MovingScene.findings(new) == [])
        let store = try SharedStore.open(path: new, .init(ifDifferent: .useExisting))
        #expect(try store.get("zstd") == [UInt8](repeating: UInt8(ascii: "z"), count: 700))
        store.close()
        // Into a store without zstd, where it is too large in any form.
        try SharedStore.open(path: plain, .init(capacity: 4, maxKeySize: 8, maxValueSize: 64)).close()
        let done = try Inspection(["import", file, plain, "--json"], in: directory)
        #expect(done.code == 1 && done.output.contains("\"tooLarge\": 1"), "\(done)")
        for name in [new, new + "-lock", plain, plain + "-lock"] { try System.remove(name) }
      }
    }
  }

  /// `expiresIn` counts from the export, on the world's clock.
  @Test func timeGoesOnInTheFile() {
    let entry = ExportedEntry(
      key: [1], value: [2], rawSize: 1, codec: 0, isVisited: false, revision: 1, age: 5, expiresIn: 10, freshFor: 4)
    let moved = entry.carried(now: 1000, elapsed: 6)
    #expect(moved?.deadline == 1004 && moved?.written == 989 && moved?.freshUntil == 998)
    #expect(entry.carried(now: 1000, elapsed: 9) != nil)
    #expect(entry.carried(now: 1000, elapsed: 10) == nil)
    // 0 would mean that there is none.
    #expect(entry.carried(now: 2, elapsed: 8)?.freshUntil == 1)
  }

  /// A clock that was set back gives nothing.
  @Test func elapsedIsNeverNegative() throws {
    let header = ExportHeader(
      storeID: [UInt8](repeating: 1, count: 16), storeTime: 5, realTime: 1_000, isExact: true,
      parameters: Parameters(), hashSeed: 0, writerName: "")
    #expect(header.elapsed(999) == 0 && header.elapsed(1_007) == 7 && header.elapsed(-4) == 0)
  }
}
