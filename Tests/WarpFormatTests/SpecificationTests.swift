// SPDX-License-Identifier: Apache-2.0
// The layout is written twice, in SPEC.md and in Fields.swift; here they are compared, field by field.

import Foundation
import Testing

@testable import WarpFormat

/// SPEC.md, read for what a machine can check in it.
private struct Specification {
  struct Row: Equatable, CustomStringConvertible {
    var name: String
    var offset: Int
    var size: Int
    var type: String
    var description: String { "\(offset) | \(size) | \(name) | \(type)" }
  }

  /// Rows of the offset tables by heading, reserved ranges included.
  var tables: [(name: String, size: Int, rows: [Row])] = []
  var text: String

  static var root: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  }

  init() throws {
    text = try String(contentsOf: Specification.root.appending(path: "SPEC.md"), encoding: .utf8)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if let heading = line.wholeMatch(of: /### Structure: (.+) \((\d+) bytes\)/) {
        tables.append((String(heading.1), Int(heading.2)!, []))
      } else if line.hasPrefix("#") {
        tables.append(("", 0, []))
      } else if let row = line.prefixMatch(of: /\| (\d+) \| (\d+) \| `(\w+)` \| ([^|]+) \|/), !tables.isEmpty {
        tables[tables.count - 1].rows.append(
          Row(name: String(row.3), offset: Int(row.1)!, size: Int(row.2)!, type: String(row.4)))
      }
    }
    tables.removeAll { $0.name.isEmpty }
  }
}

/// What column Type says about a field.
private func typeName(_ field: Field, in structure: Structure) -> String {
  let signed = ["Clock record": ["base"], "Export entry": ["age", "expiresIn", "freshFor"]]
  if signed[structure.name]?.contains(field.name) == true { return "i64 ns" }
  switch field.kind {
  case .integer: return "u\(field.size * 8)"
  case .hex: return "u\(field.size * 8) hex"
  case .nanoseconds: return "u\(field.size * 8) ns"
  case .bytes: return "bytes"
  case .text: return "text"
  }
}

@Suite struct SpecificationTests {
  @Test func tablesEqualTheFieldTables() throws {
    let specification = try Specification()
    #expect(specification.tables.map(\.name) == Structure.all.map(\.name))
    for (table, structure) in zip(specification.tables, Structure.all) {
      #expect(table.size == structure.size, "\(structure.name)")
      let written = table.rows.filter { $0.name != "reserved" }
      let coded = structure.fields.map {
        Specification.Row(name: $0.name, offset: $0.offset, size: $0.size, type: typeName($0, in: structure))
      }
      #expect(written == coded, "\(structure.name)")
    }
  }

  @Test func tablesHaveNoGaps() throws {
    for table in try Specification().tables {
      var end = 0
      for row in table.rows {
        #expect(row.offset == end, "\(table.name): \(row)")
        end = row.offset + row.size
      }
      #expect(end == table.size, "\(table.name)")
    }
  }

  /// Each sentence outside rationale and code that says MUST names a rule.
  @Test func everyRequirementHasAnId() throws {
    let text = try Specification().text
    var isCode = false
    var prose = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") { isCode.toggle() }
      if isCode || line.hasPrefix(">") { continue }
      // Table rows and paragraphs are units of their own.
      prose += line.isEmpty || line.hasPrefix("|") ? "\n\(line)\n" : "\(line) "
    }
    for unit in prose.split(separator: "\n") where unit.contains("MUST") {
      if unit.hasPrefix("The words MUST") || unit.contains("are used as in RFC 2119") { continue }
      let requirements = unit.matches(of: /\bMUST\b/).count
      let ids = unit.matches(of: /WKV-[A-Z]\d\d/).count
      #expect(ids > 0, "\(requirements) requirements without an id: \(unit.prefix(120))")
    }
  }

  /// The worked example shows each line of `one-entry.warp` that is not all zero, and nothing else.
  @Test func workedExampleIsTheFixture() throws {
    let text = try Specification().text
    let chapter = try #require(text.firstRange(of: "\n## 21. Worked example\n"))
    let end = try #require(text.firstRange(of: "\nThe lock file that belongs to it"))
    let shown = text[chapter.upperBound..<end.lowerBound].split(separator: "\n").filter {
      $0.prefixMatch(of: /[0-9a-f]{8}  [0-9a-f]{2} [0-9a-f]{2}/) != nil
    }
    let file = try Data(contentsOf: Specification.root.appending(path: "fixtures/v1/valid/one-entry.warp"))
    let bytes = [UInt8](file)
    var lines: [String] = []
    for offset in stride(from: 0, to: bytes.count, by: 16) {
      let line = bytes[offset..<min(offset + 16, bytes.count)]
      guard line.contains(where: { $0 != 0 }) else { continue }
      let digits = line.map { byte in hexadecimal(Int(byte), digits: 2) }
      let characters = line.map { (32..<127).contains($0) ? String(UnicodeScalar($0)) : "." }
      lines.append(
        hexadecimal(offset, digits: 8) + "  " + digits.prefix(8).joined(separator: " ") + "  "
          + digits.dropFirst(8).joined(separator: " ") + "  |" + characters.joined() + "|")
    }
    #expect(shown.map(String.init) == lines)
  }

  /// The dump in the worked example is the fixture's.
  @Test func workedExampleHasTheDump() throws {
    let text = try Specification().text
    let start = try #require(text.firstRange(of: "\n```json\n"))
    let end = try #require(text[start.upperBound...].firstRange(of: "\n```\n"))
    let dump = try String(
      contentsOf: Specification.root.appending(path: "fixtures/v1/valid/one-entry.json"), encoding: .utf8)
    #expect(
      text[start.upperBound..<end.lowerBound] + "\n" == dump || text[start.upperBound..<end.lowerBound] == dump)
  }
}

private func hexadecimal(_ value: Int, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
