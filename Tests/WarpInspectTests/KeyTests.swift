// SPDX-License-Identifier: Apache-2.0
// `get` and `keys`: every fixture, colours, keys of all kinds, values as bytes, orders against a model, samples, and a
// store that is being written.

import Foundation
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct KeyTests {
  @Test(.enabled(if: Compression.isAvailable)) func getOnEveryFixture() throws {
    let text = try printed(Fixture.all) { fixture in
      guard fixture.opens, let image = try? FileImage(path: fixture.path) else { return [["get", "@", "key"]] }
      let keys = ((try? image.entries(inShard: 0)) ?? []).prefix(2).map { "0x" + FieldText.hex($0.key) }
      return (keys + ["no such key"]).map { ["get", "@", $0] }
    }
    expectSnapshot(text, "get")
  }

  @Test func keysOfEveryFixture() throws {
    let text = try printed(Fixture.all) { fixture in
      fixture.name == "typed-values" ? [["keys"], ["keys", "--type"]] : [["keys"]]
    }
    expectSnapshot(text, "keys")
  }

  @Test func colours() throws {
    let path = Fixtures.path("valid", "sizes")
    let text =
      try OnTerminal.output(["get", Fixtures.path("valid", "one-entry"), "hello"])
      + OnTerminal.output(["keys", path])
    #expect(text.contains("\u{1B}["))
    expectSnapshot(text.replacing(Fixtures.directory + "/", with: ""), "keys-coloured")
  }

  /// Typed values are shown as fixtures/typed/records.json shows them.
  @Test func recordsAsTheReaderShowsThem() throws {
    let root = Fixtures.directory.replacing("/v1", with: "/typed")
    let lines = String(decoding: try TestFiles.read(root + "/records.tsv"), as: UTF8.self).split(separator: "\n")
    let document = try TestFiles.read(root + "/records.json")
    let wanted = try #require(try JSONSerialization.jsonObject(with: Data(document)) as? NSDictionary)
    #expect(lines.count == wanted.count)
    for line in lines {
      let cells = line.split(separator: "\t")
      let name = String(cells[0])
      let bytes = try #require(BytesText.bytes(hex: cells[1]))
      let value = try TypedText.decode(bytes, name == "arguments" ? .key : .value)
      let shown = try JSONSerialization.jsonObject(with: Data(TypedText.json(value).text().utf8)) as? NSDictionary
      #expect(shown == wanted[name] as? NSDictionary, "\(name)")
    }
  }

  // MARK: get

  @Test(.enabled(if: Compression.isAvailable)) func values() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path, .init(capacity: 100, maxValueSize: 2000, compression: .zstd(level: 3, threshold: 100)))
      defer { store.close() }
      let long = Array(String(repeating: "many words ", count: 500).utf8)
      try store.set("text", to: Array("a \"line\"\n".utf8))
      try store.set("bytes", to: [0, 1, 0xFF])
      try store.set("long", to: long)
      try store.set([0, 0xFE], to: [7])
      var writer = TypedWriter(mode: .key)
      writer.append(integer: 42)
      try store.set(writer.bytes, to: [0x03])
      // The last one, and not over at once, because sets sweep out what has expired.
      try store.set("brief", to: [1], timeToLive: .milliseconds(50))
      System.sleep(60_000_000)
      func run(_ words: String...) throws -> Inspection {
        try Inspection(["get", path] + words, in: directory)
      }
      var got = try run("text")
      #expect(got.code == 0 && got.output.contains(#""a \"line\"\n""#), "\(got.output)")
      #expect(try run("text", "--raw").output == "a \"line\"\n")
      #expect(try run("text", "--hex").output.contains("61 20 22 6c"))
      #expect(try run("bytes").output.contains("00 01 ff"))
      #expect(try run("0x00fe").code == 0)
      #expect(try run("--int", "42").output.contains("true"))
      got = try run("long")
      #expect(got.output.contains("5,500 bytes, stored as"), "\(got.output)")
      got = try run("long", "--output", directory + "/value")
      #expect(got.code == 0 && got.output == "")
      #expect(try TestFiles.read(directory + "/value") == long)
      got = try run("brief")
      #expect(got.code == 1 && got.errors.contains("expired") && got.output.contains("expired"))
      got = try run("nobody")
      #expect(got.code == 1 && got.errors == "warp-inspect: there is no key \"nobody\"\n" && got.output == "")
      got = try run("nobody", "--json")
      #expect(got.code == 1 && got.output.contains("\"found\": false"))
      #expect(try run("text", "--raw", "--json").code == 64)
      for words in [[], ["a", "--int", "1"], ["0x0"]] {
        #expect(try Inspection(["get", path] + words, in: directory).code == 64, "\(words)")
      }
      let lock = try run("text", "--output", path + "-lock")
      #expect(lock.code == 2 && lock.errors.contains("a file of a store has this name"), "\(lock.errors)")
      // Nobody's look is a visit.
      #expect(try Occupancy(try FileImage(path: path)).total[.visited] == 0)
    }
  }

  /// A key that is written all the time is found at each look, whole.
  @Test func keyOfABusyStore() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 8, maxValueSize: 512, shards: 1))
      try store.set("k", to: [UInt8](repeating: 0, count: 512))
      let image = try FileImage(path: path)
      let isDone = Flag()
      Thread.detachNewThread {
        var round: UInt8 = 0
        while !isDone.isSet {
          round &+= 1
          for number in 0..<4 { _ = try? store.set("other\(number)", to: [round]) }
          _ = try? store.set("k", to: [UInt8](repeating: round, count: 512))
        }
        isDone.acknowledge()
      }
      var whole = 0
      for _ in 0..<2000 {
        guard case .found(let entry) = try image.lookup(Array("k".utf8)) else { continue }
        whole += 1
        #expect(Set(entry.value).count == 1 && entry.value.count == 512)
      }
      isDone.set()
      while !isDone.isAcknowledged { System.sleep(1_000_000) }
      store.close()
      // The writer may win 64 times in a row now and then, and is then not contradicted.
      #expect(whole > 1000, "\(whole)")
    }
  }

  // MARK: keys

  @Test func orders() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 500, maxValueSize: 1000, shards: 4))
      defer { store.close() }
      var sizes: [String: Int] = [:]
      for number in 0..<300 {
        let size = number * 37 % 800
        let key = "k\(number)"
        let lifetime: Duration? = number % 10 == 0 ? .seconds(1000 + (number * 7) % 300) : nil
        try store.set(key, to: [UInt8](repeating: 1, count: size), timeToLive: lifetime)
        sizes[key] = size + key.utf8.count
      }
      func rows(_ words: String...) throws -> (rows: [KeyLine], summary: KeySummary) {
        let run = try Inspection(["keys", "--json", path] + words, in: directory)
        #expect(run.code == 0 && run.errors == "", "\(run.errors)")
        let lines = run.output.split(separator: "\n")
        let decoder = JSONDecoder()
        let summary = try decoder.decode([String: KeySummary].self, from: Data((lines.last ?? "").utf8))
        let rows = try lines.dropLast().map { try decoder.decode(KeyLine.self, from: Data($0.utf8)) }
        return (rows, try #require(summary["summary"]))
      }
      let all = try rows()
      #expect(Dictionary(uniqueKeysWithValues: all.rows.map { ($0.key, $0.size) }) == sizes)
      let ranked = sizes.values.sorted()
      let total = ranked.reduce(0, +)
      #expect(all.summary.count == 300 && all.summary.bytes == total && all.summary.sampledShare == 1)
      #expect(all.summary.median == ranked[149] && all.summary.p99 == ranked[296])
      #expect(try rows("--largest", "5").rows.map(\.size) == Array(ranked.suffix(5).reversed()))
      #expect(try rows("--oldest", "3").rows.map(\.key) == ["k0", "k1", "k2"])
      #expect(try rows("--newest", "2").rows.map(\.key) == ["k299", "k298"])
      #expect(try rows("--sort", "key").rows.map(\.key) == sizes.keys.sorted())
      let next = try rows("--expiring", "4").rows
      #expect(next.count == 4 && next.map(\.deadline) == next.map(\.deadline).sorted() && next[0].deadline > 0)
      #expect(try rows("--expiring", "100").rows.count == 30)
      let some = try rows("--prefix", "k29")
      #expect(some.rows.count == 11 && some.summary.count == 11)
      #expect(try rows("--limit", "7").rows.count == 7)
      let sample = try rows("--sample", "100", "--sort", "size").summary
      #expect(abs(sample.sampledShare - 1 / 3) < 0.01 && (40...180).contains(sample.count), "\(sample)")
      #expect(sample.meanError > 0)
      let twice = try Inspection(["keys", "--largest", "1", "--sort", "key", path], in: directory)
      #expect(twice.code == 64)
    }
  }

  @Test func sizesOfMany() {
    var tally = SizeTally()
    for size in 0..<70_000 { tally.add(size) }
    #expect(tally.isRounded && tally.count == 70_000)
    #expect(abs(tally.quantile(0.5) - 35_000) < 100 && abs(tally.quantile(0.99) - 69_300) < 150)
  }

  /// Files with any bytes changed behind the header: everything is decoded or refused, and nothing traps.
  @Test func mutatedFiles() throws {
    var random = SeededGenerator(seed: 7)
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      for name in [
        "full-after-evictions", "several-shards", "zstd", "typed-values", "wrapped-chain", "large-slots",
      ] {
        let good = try TestFiles.read(Fixtures.path("valid", name))
        let key = try FileImage(path: Fixtures.path("valid", name)).entries(inShard: 0).first?.key ?? []
        for _ in 0..<60 {
          var bytes = good
          for _ in 0..<Int.random(in: 1...12, using: &random) {
            // Half of the changes hit the bookkeeping, where they matter most.
            let isNear = Bool.random(using: &random)
            let at = Int.random(in: Format.pageSize..<min(bytes.count, isNear ? 14_000 : .max), using: &random)
            bytes[at] = Bool.random(using: &random) ? .random(in: 0...255, using: &random) : 0xFF
          }
          try TestFiles.write(path, bytes)
          let image = try FileImage(path: path)
          let occupancy = try Occupancy(image)
          #expect(occupancy.total.total == image.geometry.slotsPerShard * image.geometry.shardCount)
          _ = occupancyPicture(occupancy).document()
          _ = probePicture(occupancy).document()
          _ = Map.lines(occupancy, Palette(isColored: true), width: 80)
          if case .found(let entry) = try image.lookup(key) { _ = try EntryFacts(entry, in: image).lines }
          let scan = try KeyScan(image)
          try scan.each { (glance) throws(FormatError) in
            _ = try scan.row(glance)
            return true
          }
          let annotator = Annotator(image: image, time: try StoreTime(image))
          for piece in try Atlas(image: image).pieces(in: Format.stateOffset..<min(bytes.count, 14_000)) {
            let part = try image.bytes(at: piece.offset, count: min(piece.size, 300))
            let marks = try annotator.annotations(piece, part)
            _ = HexLines(part, base: piece.offset, marks, palette: Palette(isColored: false), width: 80).lines
          }
        }
      }
    }
  }
}

private struct KeyLine: Decodable {
  let key: String
  let size: Int
  let deadline: UInt64
}

private struct KeySummary: Decodable {
  let count: Int
  let bytes: Int
  let median: Int?
  let p99: Int?
  let sampledShare: Double
  let meanError: Double
}

/// Tells a thread to end, and that it has.
private final class Flag: @unchecked Sendable {
  private let lock = NSLock()
  private var values = (set: false, acknowledged: false)
  var isSet: Bool { lock.withLock { values.set } }
  var isAcknowledged: Bool { lock.withLock { values.acknowledged } }
  func set() { lock.withLock { values.set = true } }
  func acknowledge() { lock.withLock { values.acknowledged = true } }
}
