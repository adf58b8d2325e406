// SPDX-License-Identifier: Apache-2.0
// `warp-inspect validate` on the golden files, which are right, and on files that are wrong in one thing each.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct ValidateTests {
  private func copy(_ names: [String], to directory: String) throws {
    for name in names {
      try TestFiles.write("\(directory)/\(name)", TestFiles.read("\(Fixtures.directory)/valid/\(name)"))
    }
  }

  private func run(_ directory: String, _ flags: [String] = []) throws -> (
    code: Int32, verdicts: [String: (Bool, String)]
  ) {
    try withTemporaryDirectory { place in
      let done = try Inspection(["validate", directory, "--json"] + flags, in: place)
      var verdicts: [String: (Bool, String)] = [:]
      if case .array(let files)? = try JSONReader.value(Array(done.output.utf8))["files"] {
        for file in files {
          verdicts[file["name"]?.asString ?? ""] = (file["right"]?.asBool ?? false, file["detail"]?.asString ?? "")
        }
      }
      return (done.code, verdicts)
    }
  }

  @Test(arguments: ["valid", "invalid"])
  func theGoldenFilesAreRight(_ kind: String) throws {
    let (code, verdicts) = try run("\(Fixtures.directory)/\(kind)")
    #expect(code == 0 && verdicts.count == Fixtures.names(kind).count)
    #expect(verdicts.filter { !$0.value.0 }.isEmpty)
    if kind == "valid" {
      #expect(verdicts["attached"]?.1.contains("attached.lock.json") == true)
      #expect(try run("\(Fixtures.directory)/valid", ["--golden", "\(Fixtures.directory)/valid"]).code == 0)
    }
  }

  @Test func whatIsWrongIsNamed() throws {
    try withTemporaryDirectory { directory in
      let mine = directory + "/mine"
      try System.makeDirectory(mine)
      try copy(["one-entry.warp", "one-entry.json", "sizes.warp", "sizes.json", "empty.warp"], to: mine)
      try copy(["attached.warp", "attached.json", "attached.warp-lock", "attached.lock.json"], to: mine)
      // Another number in a dump, a changed value, a visited byte, an expectation that nothing meets, rubbish.
      let dump = String(decoding: try TestFiles.read(mine + "/one-entry.json"), as: UTF8.self)
      try TestFiles.write(
        mine + "/one-entry.json", Array(dump.replacing("\"oldest\": 1", with: "\"oldest\": 2").utf8))
      let offset = try FileImage(path: mine + "/sizes.warp").slotOffset(shard: 0, slot: 1) + 32
      try TestFiles.patch(mine + "/sizes.warp", at: offset, [0xAA])
      try TestFiles.write(mine + "/empty.json", Array("{\"rule\": \"WKV-B04\", \"offset\": 8448}\n".utf8))
      let lock = try #require(try FileImage(path: mine + "/attached.warp").lock)
      try TestFiles.patch(mine + "/attached.warp-lock", at: lock.geometry.visitedOffset, [1])
      try TestFiles.patch(mine + "/attached.warp-lock", at: lock.geometry.visitedOffset + 1, [1])
      try TestFiles.write(mine + "/rubbish.warp", [1, 2, 3])
      try TestFiles.write(mine + "/broken.warp", try TestFiles.read(mine + "/empty.warp"))
      try TestFiles.write(mine + "/broken.json", Array("{".utf8))
      let (code, verdicts) = try run(mine)
      #expect(code == 1 && verdicts.values.allSatisfy { !$0.0 }, "\(verdicts)")
      #expect(verdicts["one-entry"]?.1 == "one-entry.json differs at shards[0].control.oldest")
      #expect(verdicts["sizes"]?.1.contains("WKV-E06") == true)
      #expect(verdicts["empty"]?.1 == "expected WKV-B04 at 8448, found nothing")
      #expect(verdicts["attached"]?.1.contains("attached.lock.json differs at visited[0]") == true, "\(verdicts)")
      #expect(verdicts["rubbish"]?.1 == "WKV-H02 at 0")
      #expect(verdicts["broken"]?.1.contains("no JSON") == true)
    }
  }

  /// Against golden files: the same bytes, the same dump by another writer, another value, one that is missing.
  @Test func golden() throws {
    try withTemporaryDirectory { directory in
      let (mine, theirs) = (directory + "/mine", directory + "/golden")
      for path in [mine, theirs] {
        try System.makeDirectory(path)
        try copy(["one-entry.warp", "empty.warp", "sizes.warp", "zstd.warp"], to: path)
      }
      try TestFiles.patchHeader(mine + "/empty.warp", at: HeaderFields.writerName.offset, Array("Another".utf8))
      try TestFiles.patchHeader(mine + "/sizes.warp", at: HeaderFields.userTag.offset, [9])
      try System.remove(mine + "/zstd.warp")
      let (code, verdicts) = try run(mine, ["--golden", theirs])
      #expect(code == 1)
      #expect(verdicts["one-entry"]?.0 == true && verdicts["one-entry"]?.1.contains("the bytes are") == true)
      #expect(verdicts["empty"]?.0 == true && verdicts["empty"]?.1.contains("the dump is") == true)
      #expect(verdicts["sizes"]?.0 == false && verdicts["sizes"]?.1.contains("header.userTag") == true)
      #expect(verdicts["zstd"]?.0 == false && verdicts["zstd"]?.1.contains("missing") == true)
    }
  }

  @Test func directoriesThatAreNoUse() throws {
    try withTemporaryDirectory { directory in
      for path in [directory, directory + "/nothing", Fixtures.path("valid", "empty")] {
        let done = try Inspection(["validate", path], in: directory)
        #expect(done.code == 2 && done.errors.hasPrefix("warp-inspect: "), "\(done)")
      }
    }
  }

  @Test(arguments: [20, 80])
  func aTable(_ width: Int) throws {
    try withTemporaryDirectory { directory in
      let done = try Inspection(
        script: "COLUMNS=\(width) \"$0\" validate \(Fixtures.directory)/valid", in: directory)
      #expect(done.code == 0 && done.output.contains("15 of 15 files are right"), "\(done)")
      if width == 80 { #expect(done.output.split(separator: "\n").allSatisfy { $0.count <= 80 }) }
    }
  }
}
