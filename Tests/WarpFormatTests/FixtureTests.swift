// SPDX-License-Identifier: Apache-2.0
// The golden files keep their verdicts: nothing is found in the valid ones, and in each invalid one at least the
// finding that names it, at the offset that its .json gives.

import Testing
import WarpFormat
import WarpTestSupport

@Suite struct FixtureTests {
  @Test func thereAreFixtures() {
    #expect(Fixtures.names("valid").count >= 12)
    #expect(Fixtures.names("invalid").count >= 80)
  }

  /// fixtures/README.md lists each file, and of an invalid one what its .json says.
  @Test func theListIsComplete() throws {
    let list = String(decoding: try TestFiles.read(Fixtures.directory + "/../README.md"), as: UTF8.self)
    let rows = Set(list.split(separator: "\n").map(String.init))
    for name in Fixtures.names("valid") { #expect(rows.contains { $0.hasPrefix("| `\(name)` | ") }, "\(name)") }
    for name in Fixtures.names("invalid") {
      let path = Fixtures.directory + "/invalid/\(name).json"
      let finding = String(decoding: try TestFiles.read(path), as: UTF8.self)
      let words = finding.split { " ,}\"".contains($0) }
      let row = "| `\(name)` | \(words[3]) | \(words[words.count - 2]) |"
      #expect(rows.contains(row), "\(row)")
    }
  }

  @Test(arguments: Fixtures.names("valid"))
  func nothingIsFoundInAValidFile(_ name: String) throws {
    #expect(try Verifier(path: Fixtures.path("valid", name)).findings() == [])
  }

  @Test(arguments: Fixtures.names("invalid"))
  func theRuleThatNamesAnInvalidFileIsFound(_ name: String) throws {
    let path = Fixtures.path("invalid", name)
    let expected = String(decoding: try TestFiles.read(String(path.dropLast(5)) + ".json"), as: UTF8.self)
    let found: [(String, Int)]
    do throws(FormatError) {
      found = try Verifier(path: path).findings().map { ($0.rule, $0.offset) }
    } catch {
      found = [(error.rule ?? error.code.rawValue, error.offset ?? -1)]
    }
    let lines = found.map { "{\"rule\": \"\($0.0)\", \"offset\": \($0.1)}\n" }
    #expect(lines.contains(expected), "expected \(expected), found \(lines)")
  }
}
