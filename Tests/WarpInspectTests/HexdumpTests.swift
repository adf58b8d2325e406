// SPDX-License-Identifier: Apache-2.0
// `hexdump`: every fixture at the place of its finding, the valid ones at their structures, and the meanings against
// SPEC.md.

import Foundation
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct HexdumpTests {
  @Test func validFixtures() throws {
    let text = try printed(Fixture.all.filter { $0.kind == "valid" }) { fixture in
      let places = fixture.name == "one-entry" ? ["header", "state", "key:hello", "offset:0x2000"] : []
      return (places + ["shard:0", "slot:1"]).map { ["hexdump", "--at", $0] }
    }
    expectSnapshot(text, "hexdump-valid")
    #expect(!text.contains("wrong:"))
  }

  /// At the byte that a finding names the field is marked, for all rules that one field breaks by itself.
  @Test func invalidFixtures() throws {
    var text = ""
    for fixture in Fixture.all where fixture.kind == "invalid" {
      let place = fixture.opens ? "offset:\(fixture.findingOffset ?? 0)" : "header"
      let part = try printed([fixture]) { _ in [["hexdump", "--length", "16", "--at", place]] }
      text += fixture.opens ? part : HexdumpTests.marked(part)
      let alone = [
        "B01", "B03", "B04", "C01", "C02", "E01", "E03", "E04", "E05", "E06", "E07", "E08", "M01", "P01",
      ]
      if alone.contains(fixture.rule), fixture.name != "E01-writing" {
        #expect(part.contains("wrong:") && part.contains("-- status 1"), "\(part)")
      }
    }
    expectSnapshot(text, "hexdump-invalid")
  }

  /// Of a whole page what is wrong in it, with the field before.
  private static func marked(_ text: String) -> String {
    let lines = text.split(separator: "\n")
    let kept = lines.indices.filter { index in
      lines[index].contains("wrong:") || lines[index].hasPrefix("==") || lines[index].hasPrefix("--")
        || (index + 1 < lines.count && lines[index + 1].contains("wrong:"))
    }
    return kept.map { lines[$0] + "\n" }.joined()
  }

  @Test func colours() throws {
    let text = try OnTerminal.output(["hexdump", "--at", "slot:1", Fixtures.path("invalid", "E05-flags")])
    #expect(text.contains("\u{1B}[31mflags"))
    expectSnapshot(text, "hexdump-coloured")
  }

  @Test func lockFile() throws {
    let fixture = Fixture(kind: "valid", name: "full-after-evictions")
    let text = try printed([fixture]) { _ in [["hexdump", "--at", "lock"]] }
    expectSnapshot(text, "hexdump-lock")
  }

  /// What is not there is told with what there is.
  @Test func ranges() throws {
    try withTemporaryDirectory { directory in
      let path = Fixtures.path("valid", "several-shards")
      let cases: [(String, Int32, String)] = [
        ("shard:4", 64, "there is no shard 4: say 0 to 3"), ("slot:1/4", 64, "there is no slot 4: say 1 to 3"),
        ("slot:0", 64, "say 1 to 3"), ("bucket:8", 64, "there is no bucket 8: say 0 to 7"),
        ("offset:40960", 64, "say 0 to 40959"), ("key:nobody", 1, "there is no key \"nobody\""),
        ("lock", 1, "there is no lock file"), ("slot:x", 64, "slot:x"), ("key:0x0", 64, "key:0x0"),
      ]
      for (place, code, words) in cases {
        let run = try Inspection(["hexdump", "--at", place, path], in: directory)
        #expect(run.code == code && run.errors.contains(words), "\(place): \(run.code) \(run.errors)")
      }
    }
  }

  /// Every byte of a file is in one piece, and pieces don't overlap.
  @Test func atlasCoversTheFile() throws {
    for name in ["several-shards", "sizes", "large-slots"] {
      let image = try FileImage(path: Fixtures.path("valid", name))
      var at = 0
      for piece in try Atlas(image: image).pieces(in: 0..<image.geometry.fileSize) {
        #expect(piece.offset == at, "\(piece.title)")
        at = piece.range.upperBound
      }
      #expect(at == image.geometry.fileSize)
    }
  }

  /// The meanings are the words of SPEC.md's tables, and the sections those in which the tables stand.
  @Test func meaningsAreThoseOfTheSpecification() throws {
    let root = Fixtures.directory.replacing("/fixtures/v1", with: "")
    let text = String(decoding: try TestFiles.read(root + "/SPEC.md"), as: UTF8.self)
    var section = ""
    var structure: Structure?
    var seen = 0
    for line in text.split(separator: "\n") {
      if let match = line.firstMatch(of: #/^#+ (\d+\.\d+) /#) { section = String(match.output.1) }
      if line.hasPrefix("#") { structure = nil }
      if let match = line.firstMatch(of: /^### Structure: (.+) \(\d+ bytes\)$/) {
        structure = Structure.all.first { $0.name == match.output.1 }
      }
      guard let structure,
        let match = line.firstMatch(of: /^\| \d+ \| \d+ \| `(\w+)` \| [^|]* \| (.*?) \| [^|]* \|$/),
        let field = structure.fields.first(where: { $0.name == match.output.1 })
      else { continue }
      seen += 1
      let wanted = match.output.2.replacing("`", with: "")
      #expect(FieldMeaning.text(field, of: structure) == wanted, "\(structure.name).\(field.name)")
      #expect(FieldMeaning.section(of: structure) == section, "\(structure.name)")
    }
    let shown = Structure.all.filter { !$0.name.hasPrefix("Export") }
    #expect(seen == shown.reduce(0) { $0 + $1.fields.count })
  }
}
