// SPDX-License-Identifier: Apache-2.0
// Exports that break one rule of SPEC.md 24 each, and what is said of them; then every cut and every changed byte.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

/// One way to break a rule.
struct ExportBreakage: Sendable, CustomStringConvertible {
  let rule: String
  /// "line 2": where it is found.
  let place: String
  let make: @Sendable () -> [UInt8]

  init(_ rule: String, _ place: String, _ make: @escaping @Sendable () -> [UInt8]) {
    self.rule = rule
    self.place = place
    self.make = make
  }

  var description: String { "\(rule) at \(place)" }

  static let header = ExportHeader(
    storeID: [UInt8](1...16), storeTime: 1_000_000, realTime: 2_000_000, isExact: true,
    parameters: Parameters(capacity: 4, shards: 1, maxKeySize: 8, maxValueSize: 16, maxRawSize: 16), hashSeed: 9,
    writerName: "test")

  static func entry(
    key: [UInt8] = [0x61], value: [UInt8] = [0x62], rawSize: Int? = nil, codec: UInt8 = 0, age: Int64 = 5,
    expiresIn: Int64? = 10, freshFor: Int64? = 3
  ) -> ExportedEntry {
    ExportedEntry(
      key: key, value: value, rawSize: rawSize ?? value.count, codec: codec, isVisited: true, revision: 1, age: age,
      expiresIn: expiresIn, freshFor: freshFor)
  }

  static func end(_ entries: UInt64) -> ExportEnd {
    var end = ExportEnd()
    end.entries = entries
    return end
  }

  static func export(
    binary: Bool, header: ExportHeader = ExportBreakage.header, _ entries: [ExportedEntry] = [entry()],
    count: UInt64? = nil
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = ExportWriter(header, isBinary: binary, first: &bytes)
    for entry in entries { bytes += writer.bytes(entry) }
    return bytes + writer.bytes(end(count ?? UInt64(entries.count)))
  }

  /// Lines with a right checksum at their end.
  static func lines(_ middle: String...) -> [UInt8] {
    let first = ExportLines.line(header)
    var digest = ExportLines.digest(first, after: 0)
    var bytes = first + [0x0A]
    for line in middle {
      digest = ExportLines.digest(Array(line.utf8), after: digest)
      bytes += Array(line.utf8) + [0x0A]
    }
    return bytes + ExportLines.line(end(UInt64(middle.count)), digest: digest) + [0x0A]
  }

  private static func inHeader(_ change: @Sendable @escaping (inout [UInt8]) -> Void) -> ExportBreakage {
    ExportBreakage("I01", "its beginning") {
      var bytes = export(binary: true)
      change(&bytes)
      let sum = XXH3.hash64([UInt8](bytes.prefix(152)), seed: 0)
      for index in 0..<8 { bytes[152 + index] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * index)) }
      return bytes
    }
  }

  private static func ofEntry(_ entry: ExportedEntry) -> [ExportBreakage] {
    [
      ExportBreakage("I04", "line 2") { export(binary: false, [entry]) },
      ExportBreakage("I04", "offset 160") { export(binary: true, [entry]) },
    ]
  }

  /// A frame of any kind and payload behind the header, with a right checksum.
  private static func frame(_ kind: UInt8, _ payload: [UInt8], size: Int? = nil) -> [UInt8] {
    let first = header.encoded()
    let count = size ?? payload.count
    var head = (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + [kind, 0, 0, 0]
    let sum = XXH3.hash64(head + payload, seed: first.integer(ExportHeaderFields.checksum))
    head += (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
    return first + head + payload
  }

  static let all: [ExportBreakage] =
    [
      ExportBreakage("I01", "its beginning") { [] },
      ExportBreakage("I01", "its beginning") { Array("hello\n".utf8) },
      ExportBreakage("I01", "its beginning") { Array("{\"warpkv\":\"export\"}\n".utf8) },
      ExportBreakage("I01", "its beginning") { [0x89] },
      ExportBreakage("I01", "its beginning") { [UInt8](repeating: 0x20, count: 1 << 20) },
      inHeader { $0[3] = 0x56 }, inHeader { $0[8] = 2 }, inHeader { $0[12] = 161 }, inHeader { $0[48] = 3 },
      inHeader { $0[52] = 3 }, inHeader { $0[56] = 0 }, inHeader { $0[76] = 7 }, inHeader { $0[103] = 0xFF },
      ExportBreakage("I01", "its beginning") {
        var bytes = export(binary: true)
        bytes[152] ^= 1
        return bytes
      },
      ExportBreakage("I02", "offset 160") {
        var bytes = export(binary: true)
        bytes[160 + 16 + 48] ^= 1
        return bytes
      },
      ExportBreakage("I02", "line 4") {
        var lines = export(binary: false, [entry(), entry(key: [0x63])]).split(separator: 0x0A)
        lines.swapAt(1, 2)
        return Array(lines.joined(separator: [0x0A])) + [0x0A]
      },
      // A count in the last line.
      ExportBreakage("I02", "line 3") {
        let text = String(decoding: export(binary: false), as: UTF8.self)
        return Array(text.replacing("\"damaged\":0", with: "\"damaged\":1").utf8)
      },
      ExportBreakage("I03", "offset 160") { frame(3, []) },
      ExportBreakage("I03", "offset 160") { frame(1, [], size: 1_073_807_409) },
      ExportBreakage("I03", "offset 160") { frame(1, entry().payload() + [0]) },
      ExportBreakage("I03", "offset 160") { frame(1, [1, 2, 3]) },
      ExportBreakage("I03", "offset 160") { frame(2, [UInt8](repeating: 0, count: 31)) },
      ExportBreakage("I03", "offset 160") {
        var payload = entry().payload()
        payload[13] |= 8
        return frame(1, payload)
      },
      ExportBreakage("I03", "offset 160") {
        var payload = entry().payload()
        payload[15] = 1
        return frame(1, payload)
      },
      ExportBreakage("I05", "line 3") { export(binary: false, count: 2) },
      ExportBreakage("I05", "offset 226") { export(binary: true, count: 0) },
      ExportBreakage("I05", "line 3") { export(binary: false) + [0x0A] },
      ExportBreakage("I05", "offset 226") { export(binary: true) + [0] },
      // It says a gigabyte and has nothing: what is kept follows what has come.
      ExportBreakage("I05", "offset 160") { frame(1, [], size: 1 << 30) },
      ExportBreakage("I06", "line 2") { lines("") },
      ExportBreakage("I06", "line 2") { lines("[1]") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\"}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\",\"keyBase64\":\"YQ==\",\"value\":\"\"}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\",\"key\":\"b\",\"value\":\"\"}") },
      ExportBreakage("I06", "line 2") { lines("{\"keyBase64\":\"YQ=\",\"value\":\"\"}") },
      ExportBreakage("I06", "line 2") { lines("{\"keyBase64\":\"YR==\",\"value\":\"\"}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"\\ud800\",\"value\":\"\"}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\",\"value\":\"\",\"age\":1.5}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\",\"value\":\"\",\"expiresIn\":9223372036854775808}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\",\"value\":\"\",\"expiresIn\":10,\"expiresAt\":10}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\",\"value\":\"\",\"expiresAt\":10}") },
      ExportBreakage("I06", "line 2") { lines("{\"key\":\"a\",\"value\":\"\",\"visited\":1}") },
      ExportBreakage("I06", "line 2") { lines(String(repeating: "[", count: 100)) },
      ExportBreakage("I06", "line 2") {
        lines("{\"key\":\"a\",\"value\":\"\(String(repeating: "x", count: 10_000))\"}")
      },
    ] + ofEntry(entry(key: [UInt8](repeating: 0, count: 65_537))).suffix(1)
    + ofEntry(entry(rawSize: 2)).suffix(1) + ofEntry(entry(codec: 2)) + ofEntry(entry(codec: 1))
    + ofEntry(entry(age: 1, expiresIn: 1 << 62, freshFor: nil)) + ofEntry(entry(age: .max))
    + ofEntry(entry(expiresIn: 2))
}

@Suite struct ImportBreakageTests {
  /// Reads to the end; what it was refused for.
  private func refusal(_ bytes: [UInt8], _ directory: String) throws -> StreamProblem? {
    let path = directory + "/x"
    try TestFiles.write(path, bytes)
    do {
      var reader = try ExportReader(path)
      while let entry = try reader.next() { #expect(entry.problem == nil) }
      return nil
    } catch let problem as StreamProblem {
      return problem
    }
  }

  @Test func theBasesAreSound() throws {
    try withTemporaryDirectory { directory in
      for isBinary in [false, true] {
        let problem = try refusal(ExportBreakage.export(binary: isBinary), directory)
        #expect(problem == nil)
      }
      let unknown = try refusal(ExportBreakage.lines("{\"new\":{},\"key\":\"a\",\"value\":\"\"}"), directory)
      #expect(unknown == nil)
    }
  }

  @Test(arguments: ExportBreakage.all)
  func eachRule(_ breakage: ExportBreakage) throws {
    try withTemporaryDirectory { directory in
      let problem = try refusal(breakage.make(), directory)
      #expect(problem?.rule == "WKV-" + breakage.rule, "\(String(describing: problem))")
      #expect(problem?.place == breakage.place, "\(String(describing: problem))")
    }
  }

  /// A file that was cut anywhere, or of which a bit was changed, is never taken for whole (WKV-I05, WKV-I02).
  @Test(arguments: [false, true])
  func cutsAndChanges(_ isBinary: Bool) throws {
    try withTemporaryDirectory { directory in
      let whole = ExportBreakage.export(
        binary: isBinary,
        [ExportBreakage.entry(), ExportBreakage.entry(key: [0xFF], expiresIn: nil, freshFor: nil)])
      for count in 0..<whole.count {
        let cut = try refusal([UInt8](whole.prefix(count)), directory)
        #expect(cut != nil, "cut to \(count)")
        var changed = whole
        changed[count] ^= UInt8(1 << (count % 8))
        let problem = try refusal(changed, directory)
        #expect(problem != nil, "byte \(count) changed")
      }
    }
  }

  /// What was taken before the end of a cut file stays in a store that is there, and is told; a new store is not made.
  @Test(arguments: ["jsonl", "binary"])
  func aCutFile(_ form: String) throws {
    try withTemporaryDirectory { directory in
      let (old, file, there) = (directory + "/a.warp", directory + "/x", directory + "/b.warp")
      try MovingScene.make(old)
      #expect(try Inspection(["export", old, "-o", file, "--format", form], in: directory).code == 0)
      try TestFiles.write(file, [UInt8](try TestFiles.read(file).dropLast(60)))
      try SharedStore.open(path: there, .init(capacity: 100, maxKeySize: 64, maxValueSize: 1024)).close()
      let filled = try Inspection(["import", file, there], in: directory)
      #expect(filled.code == 2 && filled.output.contains("entries imported"), "\(filled)")
      #expect(filled.errors.contains("cut") && filled.errors.contains("WKV-I05"), "\(filled)")
      #expect(try MovingScene.entries(there).count > 40)
      let made = try Inspection(["import", file, directory + "/c.warp", "--create", "--json"], in: directory)
      #expect(made.code == 2 && made.output.contains("\"stored\": false"), "\(made)")
      let names = ["a.warp", "a.warp-lock", "b.warp", "b.warp-lock", "x"]
      #expect(try MovingScene.names(directory) == names)
    }
  }
}
