// SPDX-License-Identifier: Apache-2.0
// `warp-inspect verify`: all rules, progress, and --follow on stores that are sound, broken, broken meanwhile, replaced.

import Foundation
import Glibc
import Synchronization
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct VerifyCommandTests {
  private func withStore(
    _ configuration: StoreConfiguration = .init(capacity: 256, maxValueSize: 64, shards: 4),
    _ body: (_ store: SharedStore, _ path: String, _ directory: String) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp", configuration)
      for number in UInt8(0)..<32 { try store.set([number], to: [number, 1]) }
      try body(store, directory + "/a.warp", directory)
    }
  }

  /// Each rule of chapters 14 and 15 has a fixture or a breakage whose id the verifier reports: Scripts/rules and
  /// FixtureTests see to that. Here: every id of the two chapters is known to the code that reports.
  @Test func everyRuleOfTheChaptersIsReported() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "SPEC.md"), encoding: .utf8)
    let chapters = try #require(text.range(of: "\n## 14. Validation order"))
    let end = try #require(text.range(of: "\n## 16. "))
    let rules = Set(
      text[chapters.lowerBound..<end.lowerBound].matches(of: /\| WKV-([A-Z]\d\d) \|/).map { String($0.1) })
    #expect(rules.count == 62)
    var code = ""
    let folder = root.appending(path: "Sources/WarpFormat")
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path()) where name.hasSuffix(".swift") {
      code += try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }
    for rule in rules { #expect(code.contains("\"\(rule)\"") || code.contains("\"WKV-\(rule)\""), "\(rule)") }
  }

  // MARK: Progress

  @Test func progressIsShownOnRequestOnly() throws {
    try withStore { _, path, directory in
      let quiet = try Inspection(["verify", path], in: directory)
      #expect(quiet.errors == "" && quiet.code == 0)
      let shown = try Inspection(["verify", "--progress", path], in: directory)
      #expect(shown.output == quiet.output)
      let lines = shown.errors.split(separator: "\n")
      #expect(lines.count >= 2)
      #expect(lines.first?.hasPrefix("0 %  0 of ") == true && lines.last?.hasPrefix("100 %  ") == true, "\(lines)")
      #expect(lines.allSatisfy { $0.utf8.count < 80 && !$0.contains("\u{1B}") })
    }
  }

  @Test func progressFitsTheTerminal() {
    let half = ProgressLine.text(done: 1 << 30, total: 1 << 31, elapsed: 4_000_000_000, width: 80)
    #expect(half == "50 %  1,073,741,824 of 2,147,483,648 bytes, 4.0 s left")
    #expect(
      ProgressLine.text(done: 1 << 30, total: 1 << 31, elapsed: 4_000_000_000, width: 20) == "50 %, 4.0 s left")
    #expect(ProgressLine.text(done: 0, total: 5, elapsed: 4_000_000_000, width: 20) == "0 %  0 of 5 bytes")
    #expect(ProgressLine.text(done: 5, total: 5, elapsed: 1_500_000_000, width: 80) == "100 %  5 of 5 bytes, 1.5 s")
    #expect(ProgressLine.text(done: 1, total: Int.max, elapsed: 1 << 60, width: 80).utf8.count < 80)
  }

  /// What the shards hold adds up to what the file holds, and holes count for nothing.
  @Test func bytesOfAllShardsAreThoseOfTheFile() throws {
    try withStore(.init(capacity: 1 << 16, maxValueSize: 4096, shards: 16)) { _, path, _ in
      let image = try FileImage(path: path)
      let bytes = try image.dataBytesByShard()
      let sum = bytes.reduce(0, +)
      let allocated = try image.status().allocated
      #expect(bytes.count == 16 && bytes.allSatisfy { $0 >= 0 })
      #expect(sum > 8192 && sum <= allocated, "\(sum)")
      #expect(sum < image.geometry.fileSize / 10)
    }
  }

  /// Ten gigabytes of file, almost all of it holes.
  @Test func aLargeSparseStoreTakesNoTime() throws {
    try withStore(.init(capacity: 2_300_000, maxKeySize: 64, maxValueSize: 4096)) { store, path, directory in
      let image = try FileImage(path: path)
      #expect(image.geometry.fileSize > 9_700_000_000)
      let run = try HostileRun(["verify", "--progress", path], in: directory)
      #expect(run.status == 0 && run.seconds < 5, "\(run.seconds) s: \(run.errors)")
      #expect(run.errors.contains(" bytes"))
    }
  }

  // MARK: Following

  /// For at least two rounds, however long they take.
  private func follow(_ path: String, in directory: String) throws -> (run: Inspection, lines: [[String: Any]]) {
    for seconds in ["0.3", "3", "30", "300"] {
      let run = try Inspection(
        ["verify", "--follow", "--json", "--seconds", seconds, "--interval", "0.01", path], in: directory)
      let lines = try run.output.split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      if lines.count(where: { $0["event"] as? String == "round" }) >= 2 { return (run, lines) }
    }
    throw TooSlow()
  }

  @Test func followingASoundStore() throws {
    try withStore { _, path, directory in
      let (run, lines) = try follow(path, in: directory)
      #expect(run.code == 0 && run.errors == "")
      let rounds = lines.filter { $0["event"] as? String == "round" }
      // The last one may end early.
      #expect(rounds.dropLast().allSatisfy { $0["entries"] as? Int == 32 })
      #expect(lines.last?["event"] as? String == "summary" && lines.last?["findings"] as? Int == 0)
      let text = try Inspection(["verify", "--follow", "--seconds", "0", path], in: directory)
      #expect(text.code == 0 && text.output.hasPrefix("0 findings in 1 round, "), "\(text.output)")
    }
  }

  @Test func aFindingIsToldOnce() throws {
    try withStore { store, path, directory in
      store.close()
      let geometry = try FileImage(path: path).geometry
      try TestFiles.patch(path, at: geometry.shardOffset(2) + ControlFields.storedBytes.offset, [0xFF])
      let (run, lines) = try follow(path, in: directory)
      #expect(run.code == 1)
      let found = lines.filter { $0["event"] as? String == "finding" }
      #expect(found.count == 1 && found.first?["rule"] as? String == "WKV-C06")
      #expect(found.first?["shard"] as? Int == 2 && found.first?["round"] as? Int == 1)
      let seen = try #require(found.first?["firstSeen"] as? Int64)
      #expect(abs(System.realTime() - seen) < 600_000_000_000)
      let text = try Inspection(["verify", "--follow", "--seconds", "0", path], in: directory)
      #expect(text.code == 1 && text.output.contains("    first seen 20") && text.output.contains(", round 1\n"))
    }
  }

  /// What is broken under its eyes is found in a later round, and two rounds of the same are one finding.
  @Test func aStoreThatBreaksMeanwhile() throws {
    try withStore { _, path, _ in
      var verifier = try LiveVerifier(path: path)
      var found: [Finding] = []
      #expect(try verifier.round { found.append($0) }.findings == 0)
      try TestFiles.patch(path, at: Format.stateOffset + 4000, [1])
      #expect(try verifier.round { found.append($0) }.findings == 1)
      #expect(try verifier.round { found.append($0) }.findings == 0)
      #expect(found.map(\.rule) == ["WKV-S01"] && verifier.findings == 1)
    }
  }

  @Test func aReplacedStoreIsOpenedAnew() throws {
    try withStore { store, path, _ in
      var verifier = try LiveVerifier(path: path)
      var found: [Finding] = []
      #expect(try verifier.round { found.append($0) }.shards == 4)
      let other = try SharedStore.open(path: path, .init(capacity: 99, maxValueSize: 80, shards: 2))
      let summary = try verifier.round { found.append($0) }
      #expect(summary.shards == 2 && summary.entries == 32 && verifier.replacements == 1)
      #expect(found == [])
      other.close()
      _ = try StoreFiles(path: path).delete()
      #expect(throws: FormatError.self) { _ = try verifier.round { found.append($0) } }
      #expect(found == [])
    }
  }

  /// Writers at work, and every few milliseconds other parameters: new data files, new lock files, moments without.
  @Test func aStoreThatIsWrittenAndReplacedHasNoFinding() throws {
    try withStore { store, path, _ in
      let done = Flag()
      let rounds = Deep.isOn ? 300 : 30
      let errors = TestThreads.run(3) { index in
        switch index {
        case 0:
          defer { done.set() }
          var verifier = try LiveVerifier(path: path)
          var found: [Finding] = []
          let end = System.bootTime() + 300_000_000_000
          var round = 0
          while round < rounds || verifier.replacements == 0 && System.bootTime() < end {
            _ = try verifier.round { found.append($0) }
            round += 1
          }
          // A thread of its own knows of no test, but its errors are asked for.
          if !found.isEmpty || verifier.replacements == 0 { throw Unsound(findings: found) }
        case 1:
          var number = UInt64(0)
          while !done.isSet {
            number &+= 1
            _ = try? store.set(
              [UInt8(truncatingIfNeeded: number)], to: [UInt8](repeating: 1, count: Int(number % 60)))
          }
        default:
          var capacity = 64
          while !done.isSet {
            capacity = capacity == 64 ? 80 : 64
            try SharedStore.open(
              path: path, .init(capacity: capacity, maxValueSize: 64, shards: 4, writerWait: .seconds(30))
            ).close()
            System.sleep(3_000_000)
          }
        }
      }
      #expect(errors.isEmpty, "\(errors)")
    }
  }

  /// Without its lock file nobody can tell whether a store in use holds still.
  @Test func aLostLockFileIsNoFinding() throws {
    try withStore { store, path, _ in
      #expect(try FileImage(path: path).shard(0).isStable)
      try System.remove(path + StoreFiles.lockSuffix)
      #expect(try !FileImage(path: path).shard(0).isStable)
      store.close()
      #expect(try FileImage(path: path).shard(0).isStable)
    }
  }

  @Test(arguments: [SIGINT, SIGTERM]) func anInterruptEndsItWithASummary(_ signal: Int32) throws {
    try withStore { _, path, directory in
      let (output, errors) = (directory + "/o", directory + "/e")
      let child = try spawn(
        Inspection.executable(), ["verify", "--follow", "--json", "--interval", "600", path], output: output,
        error: errors)
      var status: Int32 = -1
      var isSent = false
      // Bound: a minute. Only once: the second one ends it at once.
      for turn in 0..<6000 {
        if try !isSent && !TestFiles.read(output).isEmpty {
          kill(child, signal)
          isSent = true
        }
        if waitpid(child, &status, WNOHANG) != 0 { break }
        usleep(10_000)
        if turn == 5999 { kill(child, SIGKILL) }
      }
      #expect(status == 0)
      let text = String(decoding: try TestFiles.read(output), as: UTF8.self)
      #expect(text.contains("\"event\":\"summary\",\"rounds\":1"), "\(text)")
      #expect(try TestFiles.read(errors).isEmpty)
    }
  }

  @Test func wrongUsage() throws {
    try withTemporaryDirectory { directory in
      for arguments in [["--seconds", "1"], ["--follow", "--seconds", "-1"], ["--follow", "--interval", "nan"]] {
        let run = try Inspection(["verify"] + arguments + ["/x"], in: directory)
        #expect(run.code == 64)
      }
    }
  }
}

private struct TooSlow: Error {}

private struct Unsound: Error {
  let findings: [Finding]
}

private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}
