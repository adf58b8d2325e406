// SPDX-License-Identifier: Apache-2.0
// `warp-inspect advise`: what it says about a small trace, as text, JSON and drawing; about stores; about what is
// neither.

import Foundation
import Testing
import WarpKV
import WarpTestSupport
import WarpTrace

@testable import WarpFormat
@testable import warp_inspect

private struct Report: Decodable {
  struct Point: Decodable {
    let capacity: Int
    let hitRatio: Double
    let memory: Int?
    let rate: Double
    let requests: Int
    let misses: Int
  }
  struct Target: Decodable {
    let hitRatio: Double
    let point: Point?
  }
  struct Values: Decodable {
    struct Step: Decodable {
      let part: Double
      let size: Int
      let memory: Double
    }
    let unit: String
    let largest: Int
    let steps: [Step]
  }

  let kind: String
  let requests: Int?
  let keys: Int?
  let exact: Bool?
  let points: [Point]?
  let knee: Point?
  let current: Point?
  let target: Target?
  let valueSizes: Values?
  let sentences: [String]
  let hitRatio: Double?
  let hitRatioBound: Double?
  let record: Record?
  let curve: Curve?

  struct Curve: Decodable { let points: [Point] }
  struct Record: Decodable {
    let requests: Int
    let oneKeyIn: Int
    let lost: Int
    let hitRatio: Double?
  }
}

/// 4,000 requests for 300 keys, four of five for 25 of them, which have small values.
private func table() -> String {
  var state: UInt64 = 5
  var text = "time_s,key,size_bytes\n"
  for index in 0..<4000 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let draw = state >> 33
    let key = draw % 5 < 4 ? draw / 5 % 25 : draw / 5 % 300
    text += "\(index / 10),\(key),\(key % 100 == 99 ? 5000 : 100 + key)\n"
  }
  return text
}

private func advise(_ arguments: [String], in directory: String) throws -> Inspection {
  try Inspection(["advise"] + arguments, in: directory)
}

private func report(_ arguments: [String], in directory: String) throws -> Report {
  let inspection = try advise(arguments + ["--json"], in: directory)
  #expect(inspection.code == 0 && inspection.errors == "", "\(inspection.errors)")
  return try JSONDecoder().decode(Report.self, from: Data(inspection.output.utf8))
}

@Suite struct AdviseTests {
  private func withTrace(_ body: (_ path: String, _ directory: String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/requests.csv"
      try TestFiles.write(path, Array(table().utf8))
      try body(path, directory)
    }
  }

  @Test func whatItSays() throws {
    try withTrace { path, directory in
      let inspection = try advise([path, "--capacity", "40", "--target", "70%"], in: directory)
      #expect(inspection.code == 0 && inspection.errors == "")
      for line in inspection.output.split(separator: "\n").dropFirst() {
        #expect(line.unicodeScalars.count <= 80, "\(line)")
      }
      expectSnapshot(inspection.output.replacing(directory, with: "DIRECTORY"), "advise")
    }
  }

  @Test func theSameForScripts() throws {
    try withTrace { path, directory in
      let report = try report([path, "--capacity", "40", "--target", "0.7", "--value-size", "512"], in: directory)
      #expect(report.kind == "trace" && report.requests == 4000 && report.exact == true)
      let points = try #require(report.points)
      #expect(points.map(\.capacity) == points.map(\.capacity).sorted())
      #expect(points.last?.capacity == report.keys)
      let trace = try Trace.read(path)
      for point in points {
        #expect(point.misses == ExactSieve.misses(trace, KeyNumbers(trace), capacity: point.capacity))
        #expect(abs(point.hitRatio - (1 - Double(point.misses) / 4000)) < 1e-6)
        let geometry = try Geometry(Parameters(capacity: point.capacity, maxKeySize: 32, maxValueSize: 512))
        #expect(point.memory == geometry.fileSize + LockGeometry(geometry).fileSize)
      }
      #expect(report.current?.capacity == 40)
      // The least: one entry fewer does not reach it.
      let reached = try #require(report.target?.point)
      #expect(reached.hitRatio >= 0.7)
      #expect(ExactSieve.misses(trace, KeyNumbers(trace), capacity: reached.capacity - 1) > 1200)
      #expect(report.sentences.contains { $0.contains("the least that reaches 70.0 %") })
    }
  }

  @Test func theKneeIsFarthestAboveTheChord() throws {
    let ratios = [(10, 0.1), (20, 0.5), (40, 0.7), (80, 0.75), (160, 0.8)]
    let points = ratios.map { CurvePoint(capacity: $0.0, hitRatio: $0.1) }
    #expect(Advice.knee(of: points)?.capacity == 40)
    #expect(Advice.knee(of: Array(points.prefix(2))) == nil)
    let even = [10, 20, 40, 80].map { CurvePoint(capacity: $0, hitRatio: Double($0) / 100) }
    #expect(Advice.knee(of: even) == nil)
    let flat = [1, 2, 3].map { CurvePoint(capacity: $0, hitRatio: 0.4) }
    #expect(Advice.knee(of: flat) == nil)
  }

  @Test func valuesThatCostMoreThanTheyServe() throws {
    var histogram = SizeHistogram()
    for _ in 0..<995 { histogram.add(1000) }
    for _ in 0..<5 { histogram.add(4400) }
    let sizes = try #require(
      ValueSizes(histogram, unit: "requests", whole: 4400, maxKeySize: 16, capacity: 10_000))
    let step = try #require(sizes.steps.first { $0.part == 0.99 })
    // The slot's last 64 bytes are used up.
    #expect((step.size + 16 + SlotFields.structure.size) % 64 == 0 && (1000..<1064).contains(step.size))
    #expect((0.23...0.27).contains(step.memory))
    #expect(
      sizes.sentence?.contains("\(Numbers.grouped(step.size)) bytes keep 99 % of requests in a quarter") == true)
    #expect(ValueSizes.words(0.5) == "half" && ValueSizes.words(0.42) == "42 %")
    // All alike: nothing to save.
    var plain = SizeHistogram()
    plain.add(100)
    let alike = ValueSizes(plain, unit: "requests", whole: 100, maxKeySize: 16, capacity: 100)
    #expect(alike?.sentence?.contains("saves little") == true)
    #expect(ValueSizes(SizeHistogram(), unit: "requests", whole: 1, maxKeySize: 1, capacity: 1) == nil)
  }

  @Test(arguments: [20, 21, 30, 47, 80, 200]) func anyWidth(_ width: Int) throws {
    let points = [CurvePoint(capacity: 10, hitRatio: 0.2), CurvePoint(capacity: 100_000, hitRatio: 0.9)]
    for points in [points, [points[0]], [points[0], points[0]]] {
      let lines = Curve(points: points, knee: 10, current: points.last?.capacity)
        .lines(width: width, height: 13, Palette(isColored: false))
      #expect(lines.count >= 15)
      for line in lines { #expect(line.unicodeScalars.count <= width, "\(line)") }
    }
  }

  @Test(arguments: [20, 40, 80]) func allLinesFit(_ width: Int) throws {
    try withTrace { path, _ in
      let trace = try Trace.read(path)
      let simulation = Simulation(capacities: [10, 40, 100], sampleSize: nil)
      try simulation.run(trace)
      let profile = try TraceProfile(trace)
      let sizes = try #require(profile.sizes)
      let advice = Advice(
        source: "t", profile: profile, points: simulation.points, sampleSize: nil, current: 40,
        target: .init(ratio: 0.99, point: nil), room: Room(maxKeySize: 32, maxValueSize: 5000),
        sizes: ValueSizes(sizes, unit: "requests", whole: 5000, maxKeySize: 32, capacity: 40))
      let lines = advice.lines(width: width, Palette(isColored: false))
      #expect(lines.count > 25)
      for line in lines { #expect(line.unicodeScalars.count <= width, "\(line)") }
      #expect(lines.contains { $0.contains("99.0 % is out") })
    }
  }

  @Test func aDrawing() throws {
    try withTrace { path, directory in
      let svg = directory + "/curve.svg"
      try TestFiles.write(svg, [UInt8](repeating: 65, count: 100_000))
      #expect(try advise([path, "--svg", svg, "--capacity", "40"], in: directory).code == 0)
      let text = String(decoding: try TestFiles.read(svg), as: UTF8.self)
      #expect(text.hasPrefix("<svg ") && text.hasSuffix("</svg>\n"))
      #expect(text.contains("now: 40, ") && text.contains("knee: "))
    }
  }

  @Test func aStoreTellsWhatItKnows() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 10, maxValueSize: 4096, shards: 1))
      for key in 0..<12 as Range<UInt8> {
        _ = try store.get([key])
        try store.set([key], to: [UInt8](repeating: 1, count: 50))
      }
      for key in 10..<12 as Range<UInt8> { _ = try store.get([key]) }
      let report = try report([path], in: directory)
      store.close()
      #expect(report.kind == "store" && report.valueSizes?.unit == "entries")
      // 50 bytes, and what is left of the slot's last 64.
      let last = try #require(report.valueSizes?.steps.last)
      #expect((50..<114).contains(last.size) && last.memory < 1)
      // 2 hits and 12 misses, 2 evictions.
      #expect(abs(try #require(report.hitRatio) - 2 / 14.0) < 1e-6)
      #expect(abs(try #require(report.hitRatioBound) - 4 / 14.0) < 1e-6)

      let text = try advise([path], in: directory)
      #expect(text.code == 0 && text.output.contains("at most 28.6 %"), "\(text.output)")
    }
  }

  /// A store that records every request: the curve is that of its requests to the last miss, at its own capacity and at
  /// others.
  @Test func aStoresOwnRecord() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path,
        .init(
          capacity: 300, maxValueSize: 64, shards: 1, requestRecording: .on(requests: 1 << 16, oneKeyIn: 1)))
      var random = SeededGenerator(seed: 7)
      let zipf = Zipf(count: 3000, exponent: 0.9)
      let keys = (0..<20_000).map { _ in zipf.next(&random) }
      for key in keys {
        let bytes = Array("\(key)".utf8)
        if try store.get(bytes) == nil { try store.set(bytes, to: [1]) }
      }
      let image = try FileImage(path: path)
      let log = try #require(try image.lock?.requestLog())
      let counted = RecordedRequests(log).counted
      let before = log.requests[..<counted.lowerBound].count { $0.kind == .hit || $0.kind == .miss }
      let capacities = [50, 300, 1000]
      let report = try report([path, "--sizes", "50,1000"], in: directory)
      let curve = try #require(report.curve)
      for capacity in capacities {
        let model = SieveModel<UInt64, Int>(capacity: capacity)
        var misses = 0
        for (index, key) in keys.enumerated() where model.get(key, at: 0) == nil {
          if index >= before { misses += 1 }
          _ = model.set(key, 0, deadline: nil, at: 0)
        }
        let point = try #require(curve.points.first { $0.capacity == capacity })
        #expect(point.misses == misses, "capacity \(capacity)")
      }
      let record = try #require(report.record)
      #expect(record.oneKeyIn == 1 && record.lost == 0)
      let now = try #require(curve.points.first { $0.capacity == 300 })
      #expect(abs(now.hitRatio - (try #require(record.hitRatio))) < 1e-6)

      let text = try advise([path], in: directory)
      #expect(text.code == 0 && text.output.contains("From its record of the last"), "\(text.output)")
      #expect(text.output.contains("(now)"))
      let svg = directory + "/a.svg"
      #expect(try advise([path, "--svg", svg], in: directory).code == 0)
      #expect(try TestFiles.read(svg).count > 1000)
    }
  }

  /// With the requests for a part of the keys, tallies make up for popular keys in it or not.
  @Test func aPartOfTheKeysStandsForAll() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path,
        .init(
          capacity: 2000, maxValueSize: 64, shards: 1, requestRecording: .on(requests: 1 << 15, oneKeyIn: 4)))
      var random = SeededGenerator(seed: 11)
      let zipf = Zipf(count: 20_000, exponent: 0.99)
      for _ in 0..<100_000 {
        let bytes = Array("\(zipf.next(&random))".utf8)
        if try store.get(bytes) == nil { try store.set(bytes, to: [1]) }
      }
      let report = try report([path], in: directory)
      let record = try #require(report.record)
      let now = try #require(report.curve?.points.first { $0.capacity == 2000 })
      // 500 entries stand for 2,000; which keys they are depends on the store's seed: a standard deviation of 0.0075.
      #expect(abs(now.hitRatio - (try #require(record.hitRatio))) < 0.045, "\(now) \(record)")
    }
  }

  @Test func tooFewRecordedRequests() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path, .init(capacity: 30, maxValueSize: 64, requestRecording: .on(requests: 1024)))
      _ = try store.get("k")
      let text = try advise([path], in: directory)
      #expect(text.code == 0 && text.output.contains("too few of them"), "\(text.output)")
      #expect(try report([path], in: directory).curve == nil)
      #expect(try advise([path, "--svg", directory + "/a.svg"], in: directory).code == 64)
    }
  }

  /// Whatever numbers a damaged store holds: a sentence or an answer, and the bytes stay.
  @Test func damagedStores() throws {
    let folder = (#filePath as NSString).deletingLastPathComponent + "/../../fixtures/v1"
    try withTemporaryDirectory { directory in
      for kind in ["valid", "invalid"] {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/" + kind)
        #expect(files.count > 10)
        for file in files where file.hasSuffix(".warp") {
          let path = "\(folder)/\(kind)/\(file)"
          let inspection = try advise([path, "--json"], in: directory)
          #expect([0, 2].contains(inspection.code), "\(file): \(inspection.code)")
          #expect((inspection.code == 2) == inspection.output.isEmpty, "\(file)")
          guard inspection.code == 0 else { continue }
          let report = try JSONDecoder().decode(Report.self, from: Data(inspection.output.utf8))
          #expect(!report.sentences.isEmpty)
        }
      }
    }
  }

  @Test func damagedCounters() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path, .init(capacity: 64, maxValueSize: 64, shards: 1)).close()
      let geometry = try #require(try FileImage(path: path).lock).geometry
      for stripe in [1, 2] {
        try TestFiles.patch(
          path + "-lock", at: geometry.countersOffset + stripe * CounterFields.structure.size,
          [UInt8](repeating: 0xFE, count: 192))
      }
      let report = try report([path], in: directory)
      #expect((0...1).contains(try #require(report.hitRatioBound)))
      #expect(try advise([path], in: directory).code == 0)
    }
  }

  @Test func wrongArgumentsAndFiles() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.u64"
      try TestFiles.write(path, [1, 0, 0, 0, 0, 0, 0, 0])
      for arguments in [
        ["--sizes", "1,x"], ["--sizes", ""], ["--sizes", "0"], ["--target", "0"], ["--target", "101%"],
        ["--capacity", "0"], ["--sample", "1"], ["--key-size", "70000"], ["--value-size", "-1"],
        ["--time-to-live", "5"],
      ] {
        #expect(try advise([path] + arguments, in: directory).code == 64, "\(arguments)")
      }
      // One request is a trace, too.
      #expect(try advise([path], in: directory).code == 0)
      let none = try advise([directory + "/none.u64"], in: directory)
      #expect(none.code == 2 && none.errors.hasPrefix("warp-inspect: ") && none.output == "")
      try TestFiles.write(path, [1, 2, 3])
      #expect(try advise([path], in: directory).code == 2)
      #expect(try advise([directory + "/none.warp"], in: directory).code == 2)
      try TestFiles.write(directory + "/b.csv", Array("time_s,key,size_bytes\n1,2\n".utf8))
      let malformed = try advise([directory + "/b.csv"], in: directory)
      #expect(malformed.code == 2 && malformed.errors.contains("line 2"))
    }
  }
}
