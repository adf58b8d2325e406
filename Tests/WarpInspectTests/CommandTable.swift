// SPDX-License-Identifier: Apache-2.0
// The commands of warp-inspect as they are run on hostile files: the lines of Scripts/inspect-commands.

import ArgumentParser
import Testing
import WarpFormat
import WarpTestSupport

@testable import warp_inspect

/// One line of the table.
struct TableLine: CustomTestStringConvertible, Sendable {
  let words: [String]
  /// It waits, or needs a terminal: only as a process of its own.
  let isSlow: Bool

  var wantsJSON: Bool { words.contains("--json") }
  var testDescription: String { words.joined(separator: " ") }

  func arguments(store: String, out: String, directory: String) -> [String] {
    let values = ["STORE": store, "OUT": out, "DIRECTORY": directory]
    return words.map { values[$0] ?? $0 }
  }

  /// All of the table whose command this build has.
  static let all: [TableLine] = {
    let known = Set(WarpInspect.configuration.subcommands.map { $0._commandName })
    return lines.filter { !$0.hasPrefix("!") }.compactMap { line in
      let words = line.drop { $0 == "~" }.split(separator: " ").map(String.init)
      return known.contains(words[0]) ? TableLine(words: words, isSlow: line.hasPrefix("~")) : nil
    }
  }()

  static let quick = all.filter { !$0.isSlow }

  static let lines: [Substring] = {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let bytes = (try? TestFiles.read(root + "/Scripts/inspect-commands")) ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
  }()
}

@Suite struct CommandTableTests {
  @Test func everyCommandIsInTheTable() {
    let listed = Set(
      TableLine.lines.map {
        $0.drop { $0 == "~" || $0 == "!" }.split(separator: " ").first.map(String.init) ?? ""
      })
    let missing = WarpInspect.configuration.subcommands.map { $0._commandName }.filter { !listed.contains($0) }
    #expect(missing == [], "add lines to Scripts/inspect-commands")
    #expect(TableLine.quick.count >= 10)
  }

  @Test func theJudgeKnowsJSON() {
    for text in ["{}", "[1, null, -0.5e+7, true]\n", "[\"\\u00fF\\n\"]", "{\"a\": 1}\n{\"b\": []}\n"] {
      #expect(HostileRun.isJSON(Array(text.utf8)), "\(text)")
    }
    for text in [
      "", "\n", "{", "{\"a\": nan}", "{} x", "{\"a\": 1}\n{", "{\"a\": 1,}", "{'a': 1}", "[01]", "[1.]",
      "[\"\\x\"]", "[\"\u{1}\"]",
    ] {
      #expect(!HostileRun.isJSON(Array(text.utf8)), "\(text)")
    }
  }
}
