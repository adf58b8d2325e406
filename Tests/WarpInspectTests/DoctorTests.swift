// SPDX-License-Identifier: Apache-2.0
// `warp-inspect doctor`: each check on facts made up for it and on stores that are so, the exit status, the words.

import Foundation
import Glibc
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct DoctorTests {
  private func withFacts(_ body: (inout Examination) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(
        path: directory + "/a.warp", .init(capacity: 1000, maxKeySize: 8, maxValueSize: 64))
      for number in UInt8(0)..<200 { try store.set([number], to: [number, 1]) }
      var facts = try Examination(FileImage(path: directory + "/a.warp"))
      for (check, diagnosis) in Checks.diagnose(facts) {
        #expect(diagnosis.severity == .ok, "\(check.name): \(diagnosis.text)")
      }
      try body(&facts)
    }
  }

  /// What the checks have to say that is not fine: "name severity".
  private func verdicts(_ facts: Examination) -> [String] {
    Checks.diagnose(facts).filter { $0.diagnosis.severity > .ok }.map {
      "\($0.check.name) \($0.diagnosis.severity)"
    }
  }

  private func expect(_ wanted: [String], _ change: (inout Examination) throws -> Void) throws {
    try withFacts { facts in
      try change(&facts)
      #expect(verdicts(facts) == wanted)
      for (_, diagnosis) in Checks.diagnose(facts) where diagnosis.severity > .note {
        #expect(diagnosis.advice != nil || diagnosis.text.contains("next opener"), "\(diagnosis.text)")
      }
    }
  }

  @Test func files() throws {
    try expect(["permissions error"]) { $0.files[0].status.permissions = 0o640 }
    try expect(["permissions warning"]) { $0.files[1].status.permissions = 0o700 }
    try expect(["permissions error"]) { $0.files[0].status.links = 2 }
    try expect(["permissions note"]) { $0.files[0].status.owner &+= 1 }
    try expect(["space warning"]) { ($0.size, $0.allocated, $0.space.free) = (50 << 20, 10 << 20, 20 << 20) }
    try expect(["space error"]) { ($0.size, $0.allocated, $0.space.free) = (50 << 20, 10 << 20, 4096) }
    try expect([]) { ($0.size, $0.allocated, $0.space.free) = (50 << 20, 50 << 20, 0) }
    try expect(["lock file note"]) { ($0.lockIsOfThisBoot, $0.isInUse) = (nil, false) }
    try expect(["lock file error"]) { ($0.lockIsOfThisBoot, $0.isInUse) = (nil, true) }
    try expect(["lock file note"]) { $0.lockIsOfThisBoot = false }
    let problem = Finding(rule: "WKV-L02", offset: 16, message: "another store's")
    try expect(["lock file warning"]) { ($0.lockProblem, $0.lockIsOfThisBoot, $0.isInUse) = (problem, nil, false) }
    try expect(["lock file error"]) { ($0.lockProblem, $0.lockIsOfThisBoot, $0.isInUse) = (problem, nil, true) }
  }

  @Test func state() throws {
    try expect(["rules error"]) {
      $0.findings = [Finding(rule: "WKV-C04", offset: 9, message: "count")]
      $0.summary.findings = 1
    }
    try expect(["rules note"]) { $0.summary.unstable = [0] }
    try expect(["state warning"]) { $0.superseded = Format.supersededLockLost }
    try expect(["state warning"]) { $0.superseded = Format.supersededDeleted }
    try expect(["state error"]) { $0.hasClock = false }
    try expect(["state note"]) { ($0.isThisBoot, $0.isLeftClean) = (false, true) }
    try expect(["state warning"]) { ($0.isThisBoot, $0.isLeftClean) = (false, false) }
  }

  @Test func counters() throws {
    func with(_ values: [Counter: UInt64]) -> (inout Examination) -> Void {
      { facts in
        facts.counters = CounterValues()
        for (counter, value) in values { facts.counters?[counter] = value }
      }
    }
    try expect(["oversize note"], with([.oversizeSkips: 1, .insertions: 1000]))
    try expect(["oversize warning"], with([.oversizeSkips: 100, .insertions: 1000]))
    try expect(["contention warning"], with([.hits: 9000, .retries: 2000]))
    try expect(["contention warning"], with([.hits: 9000, .busyMisses: 100]))
    try expect(["contention note"], with([.updates: 100_000, .busySets: 1]))
    try expect(["contention warning"], with([.updates: 10, .busySets: 1]))
    try expect(["failures warning"], with([.corrupt: 1]))
    try expect(["failures warning"], with([.noSpaceSets: 1]))
    try expect(["failures warning"], with([.loads: 10, .loadFailures: 5]))
    try expect(["failures note"]) { $0.recoveries = 2 }
    try expect(["capacity note"], with([.hits: 10_000, .misses: 10_000, .insertions: 9000, .evictions: 8000]))
    try expect(["capacity note"], with([.hits: 20_000, .insertions: 200]))
    try expect([], with([.hits: 100, .insertions: 200]))
    try expect(["capacity warning"]) { facts in
      with([.fullSets: 5])(&facts)
      facts.evicts = false
    }
    // Whatever a damaged file says.
    try withFacts { facts in
      facts.counters = CounterValues()
      for counter in Counter.allCases { facts.counters?[counter] = .max }
      facts.recoveries = .max
      facts.usedSlots = .max
      #expect(!verdicts(facts).isEmpty)
    }
  }

  // MARK: Stores that are so

  /// "name severity" of a store's file, as the command says it.
  private func doctor(_ path: String, _ directory: String) throws -> (code: Int32, verdicts: [String]) {
    let run = try Inspection(["doctor", "--json", path], in: directory)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any], "\(run.errors)")
    let checks = try #require(object["checks"] as? [[String: Any]])
    return (
      run.code,
      checks.compactMap { check in
        let severity = check["severity"] as? String ?? ""
        return severity == "ok" ? nil : "\(check["check"] ?? "") \(severity)"
      }
    )
  }

  private func expect(
    _ code: Int32, _ wanted: [String], _ configuration: StoreConfiguration,
    _ fill: (SharedStore, String) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, configuration)
      try fill(store, path)
      let (status, verdicts) = try doctor(path, directory)
      #expect(verdicts == wanted)
      #expect(status == code)
    }
  }

  private static func key(_ number: Int) -> [UInt8] { Array("key \(number)".utf8) }

  @Test func bunchedDeadlines() throws {
    let configuration = StoreConfiguration(capacity: 2000, maxKeySize: 16, maxValueSize: 64)
    try expect(1, ["deadlines warning"], configuration) { store, _ in
      for number in 0..<1000 { try store.set(Self.key(number), to: [1], timeToLive: .seconds(36_000)) }
    }
    // Spread over their lifetime, as jitter or time makes them.
    try expect(0, [], configuration) { store, _ in
      for number in 0..<1000 {
        try store.set(Self.key(number), to: [1], timeToLive: .seconds(36_000 + 60 * number))
      }
    }
  }

  @Test func largeSlotsAndCompressibleValues() throws {
    try expect(0, ["slots note", "compression note"], .init(capacity: 2000, maxKeySize: 16, maxValueSize: 8000)) {
      store, _ in
      for number in 0..<1000 {
        try store.set(Self.key(number), to: Array(String(repeating: "abc ", count: 100).utf8))
      }
    }
  }

  @Test func collidingKeys() throws {
    let configuration = StoreConfiguration(capacity: 4000, maxKeySize: 16, maxValueSize: 8, shards: 1)
    try expect(1, ["probes warning"], configuration) { store, path in
      let header = try FileImage(path: path).header
      var (number, found) = (0, 0)
      // Bound: one key in 64 has its home in the first 128 of 8,192 buckets.
      while found < 220 {
        number += 1
        let hash = XXH3.hash64(Self.key(number), seed: header.hashSeed)
        guard Int(hash >> 32) & (header.geometry.bucketsPerShard - 1) < 128 else { continue }
        found += 1
        try store.set(Self.key(number), to: [1])
      }
    }
  }

  @Test func ownersAndEntries() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 3)
      try scene.own(5, entry: 3)
      // Its shard does not hold still, and that is all.
      #expect(try doctor(scene.path, directory).verdicts == ["rules note"])
      sleeper.stop()
      #expect(try doctor(scene.path, directory).verdicts == ["rules note", "owners error", "registry warning"])
      #expect(try doctor(scene.path, directory).code == 2)
      sleeper.reap()
      try scene.unlock(3)
      #expect(try doctor(scene.path, directory).verdicts == ["rules note", "owners warning", "registry note"])
      #expect(try doctor(scene.path, directory).code == 1)
    }
  }

  @Test func damageAndUnreadable() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try TestFiles.write(path, TestFiles.read(Fixtures.path("invalid", "C04-count")))
      #expect(try doctor(path, directory).code == 2)
      #expect(try doctor(path, directory).verdicts.first == "rules error")
      #expect(try Inspection(["doctor", directory + "/none.warp"], in: directory).code == 2)
      chmod(path, 0o644)
      #expect(try doctor(path, directory).verdicts.first == "permissions error")
    }
  }

  /// The words, at the usual width and at the least one.
  @Test(arguments: [80, 20]) func words(_ width: Int) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      var text = ""
      for (kind, name) in [("valid", "typed-values"), ("valid", "deadlines"), ("invalid", "C04-count")] {
        try TestFiles.write(path, TestFiles.read(Fixtures.path(kind, name)))
        let run = try HostileRun(
          ["doctor", "--all", "./a.warp"], in: directory, by: ["/usr/bin/env", "-C", directory, "COLUMNS=\(width)"])
        text += "\(name)\n" + String(decoding: run.output, as: UTF8.self)
      }
      for line in text.split(separator: "\n") {
        // A word may be longer than the narrowest screen.
        #expect(line.unicodeScalars.count <= max(width, 30), "\(line)")
      }
      expectSnapshot(text, "doctor-\(width)")
    }
  }
}

@Suite struct DistributionTests {
  @Test func quantilesAreExactOrASixteenthTooHigh() {
    var random = SeededGenerator(seed: 9)
    for limit in [20, 1000, 1 << 40] {
      var tally = Tally()
      let values = (0..<5000).map { _ in UInt64(random.below(limit)) }.sorted()
      for value in values { tally.add(value) }
      for part in [0.01, 0.5, 0.99, 1] {
        let exact = values[Int((part * 5000).rounded(.up)) - 1]
        let told = tally.quantile(part)
        #expect(told >= exact && told <= exact + exact / 16 + 1, "\(part) of \(limit): \(told), \(exact)")
      }
      let distribution = tally.distribution("x", "y")
      #expect(distribution.bins.reduce(0) { $0 + $1.count } == 5000 && distribution.max == values.last)
      for (one, next) in zip(distribution.bins, distribution.bins.dropFirst()) {
        #expect(one.range.upperBound + 1 == next.range.lowerBound)
      }
    }
  }

  @Test func extremes() {
    var tally = Tally()
    #expect(tally.quantile(0.5) == 0 && tally.distribution("x", "y").bins.isEmpty)
    for value in [0, 1, .max, .max - 1, 1 << 63] as [UInt64] { tally.add(value) }
    let distribution = tally.distribution("x", "y")
    #expect(distribution.bins.first?.range == 0...0 && distribution.bins.last?.range == (1 << 63)...UInt64.max)
    #expect(distribution.bins.map(\.count).reduce(0, +) == 5 && distribution.bins.count == 65)
  }

  @Test func binaryLogarithm() {
    for value in [1, 1.5, 2, 3, 1000, 1e9] { #expect(abs(CompressionCheck.log2(value) - log2(value)) < 1e-5) }
    #expect(abs(CompressionCheck.entropy([[UInt8](0...255)]) - 256) < 1e-3)
    #expect(CompressionCheck.entropy([[UInt8](repeating: 7, count: 100)]) == 0)
  }
}
