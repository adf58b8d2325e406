// SPDX-License-Identifier: Apache-2.0
// The page of `warp-inspect report`: what is on it, and what no name in a store can do to it. How it looks is for
// Scripts/report-test.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@testable import warp_inspect

@Suite struct ReportTests {
  private func page(_ path: String, in directory: String, _ more: String...) throws -> String {
    let file = directory + "/page.html"
    let run = try Inspection(["report", path, "-o", file] + more, in: directory)
    try #require(run.code == 0, "\(run.errors)")
    return String(decoding: try TestFiles.read(file), as: UTF8.self)
  }

  @Test func everyNumberIsDefined() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      for suffix in ["", "-lock"] {
        try TestFiles.write(path + suffix, TestFiles.read(Fixtures.path("valid", "full-after-evictions") + suffix))
      }
      let page = try page(path, in: directory)
      for counter in Counter.allCases {
        let meaning = FieldMeaning.text(counter.field, of: CounterFields.structure)
        #expect(page.contains("<td>\(counter)</td>") && page.contains("<td>\(SVG.escaped(meaning))</td>"))
      }
      for field in HeaderFields.structure.fields { #expect(page.contains("<td>\(field.name)</td>")) }
      for use in SlotUse.allCases { #expect(page.contains(use.meaning)) }
      // Three of three slots, as info says.
      #expect(page.contains("100.0 % of the capacity of 3;"))
    }
  }

  /// A directory may be called anything, and so may a program that attaches.
  @Test func namesAreText() throws {
    try withTemporaryDirectory { directory in
      let place = directory + "/<script>alert(1)<&\"x"
      try System.makeDirectory(place)
      let path = place + "/\u{1B}[31m<b>.warp"
      try TestFiles.write(path, TestFiles.read(Fixtures.path("valid", "sizes")))
      let page = try page(path, in: directory)
      #expect(!page.contains("<script") && !page.contains("<b>") && !page.contains("\u{1B}"))
      #expect(page.contains("&lt;script&gt;alert(1)&lt;&amp;&quot;x"))
    }
  }

  @Test func aCurveComesWithARecord() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path, .init(capacity: 100, maxValueSize: 64, requestRecording: .on(requests: 8192, oneKeyIn: 1)))
      #expect(try page(path, in: directory).contains("Hit ratio by capacity") == false)
      for number in 0..<3000 {
        let key = Array("\(number * number % 397)".utf8)
        if try store.get(key) == nil { try store.set(key, to: [1]) }
      }
      #expect(try page(path, in: directory).contains("Hit ratio by capacity"))
      let info = try Inspection(["info", path], in: directory)
      #expect(info.output.contains("requests for every key; see advise"), "\(info)")
    }
  }

  @Test func aCurveComesWithATrace() throws {
    try withTemporaryDirectory { directory in
      let trace = directory + "/requests.csv"
      let lines = (0..<2000).map { "\($0),\($0 * $0 % 97),\(10 + $0 % 7)" }
      try TestFiles.write(trace, Array(("time_s,key,size_bytes\n" + lines.joined(separator: "\n")).utf8))
      let path = Fixtures.path("valid", "several-shards")
      #expect(try !page(path, in: directory).contains("Hit ratio by capacity"))
      #expect(try page(path, in: directory, "--trace", trace).contains("Hit ratio by capacity"))
      let run = try Inspection(
        ["report", path, "-o", directory + "/b", "--trace", directory + "/no.csv"], in: directory)
      #expect(run.code == 2 && run.errors.contains("no.csv"))
      #expect(try !TestFiles.exists(directory + "/b"))
    }
  }

  @Test func whereItGoes() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try TestFiles.write(path, TestFiles.read(Fixtures.path("valid", "sizes")))
      let before = try TestFiles.read(path)
      let itself = try Inspection(["report", path, "-o", path], in: directory)
      #expect(itself.code == 2 && itself.errors.contains("a file of a store has this name"))
      #expect(try TestFiles.read(path) == before)
      let piped = try Inspection(["report", path, "-o", "-"], in: directory)
      #expect(piped.code == 0 && piped.output.hasPrefix("<!doctype html>") && piped.output.hasSuffix("</html>\n"))
      #expect(try Inspection(["report", path, "-o", "-", "--json"], in: directory).code == 64)
      #expect(try Inspection(["report", path], in: directory).code == 64)
    }
  }
}
