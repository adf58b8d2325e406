// SPDX-License-Identifier: Apache-2.0
// `warp-inspect dump --lock`: the lock file as SPEC.md, chapter 20 has it.

import Testing
import WarpFormat
import WarpTestSupport

@Suite struct DumpLockTests {
  @Test(arguments: ["attached", "full-after-evictions"])
  func isTheGoldenDump(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let path = Fixtures.path("valid", name)
      let dump = try Inspection(["dump", "--lock", "--json", path], in: directory)
      let golden = try TestFiles.read(String(path.dropLast(5)) + ".lock.json")
      #expect(dump.code == 0 && dump.errors == "")
      #expect(dump.output == String(decoding: golden, as: UTF8.self))
    }
  }

  @Test func textNamesEachPart() throws {
    try withTemporaryDirectory { directory in
      let dump = try Inspection(["dump", "--lock", Fixtures.path("valid", "attached")], in: directory)
      #expect(dump.code == 0)
      for part in [
        "shard line 1", "registry entry 0", "counter stripe 1", "lease cell 1 of shard 1", "visited slots: ",
      ] {
        #expect(dump.output.contains(part), "\(part)")
      }
      #expect(dump.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
  }

  /// No lock file, and one whose header is broken: a sentence.
  @Test(arguments: [("valid", "empty", "no lock file"), ("invalid", "L02-other-store", "WKV-L02")])
  func withoutASoundLockFile(_ kind: String, _ name: String, _ part: String) throws {
    try withTemporaryDirectory { directory in
      for flags in [["--lock"], ["--lock", "--json"]] {
        let dump = try Inspection(["dump"] + flags + [Fixtures.path(kind, name)], in: directory)
        #expect(dump.code == 2 && dump.output == "")
        #expect(dump.errors.contains(part), "\(dump.errors)")
      }
    }
  }

  /// What breaks a rule behind the header is shown as it is.
  @Test func brokenWordsAreShown() throws {
    try withTemporaryDirectory { directory in
      let dump = try Inspection(
        ["dump", "--lock", "--json", Fixtures.path("invalid", "L05-no-such-entry")], in: directory)
      #expect(dump.code == 0)
      #expect(dump.output.contains("\"owner\": \"0x0000000100000401\""))
    }
  }
}
