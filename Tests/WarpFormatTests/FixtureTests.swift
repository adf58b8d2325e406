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

  @Test(arguments: Fixtures.names("valid"))
  func nothingIsFoundInAValidFile(_ name: String) throws {
    #expect(try Verifier(path: Fixtures.path("valid", name)).findings() == [])
  }

  @Test(arguments: Fixtures.names("invalid"))
  func theRuleThatNamesAnInvalidFileIsFound(_ name: String) throws {
    let path = Fixtures.path("invalid", name)
    let expected = String(decoding: try Fixtures.bytes(String(path.dropLast(5)) + ".json"), as: UTF8.self)
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
