// SPDX-License-Identifier: Apache-2.0
// `warp-inspect info`: its numbers are the library's, its samples are near, its verdict follows what is wrong, and it costs
// the same for a store of any size.

import Foundation
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct InfoTests {
  private func json(_ path: String, _ directory: String) throws -> [String: Any] {
    let inspection = try Inspection(["info", "--json", path], in: directory)
    #expect(inspection.code == 0 && inspection.errors == "", "\(inspection.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(inspection.output.utf8))
    return try #require(object as? [String: Any])
  }

  @Test func numbersAreTheLibrarys() throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(
        path: directory + "/a.warp", .init(capacity: 200, maxValueSize: 64, shards: 4))
      for key in 0..<300 { try store.set("\(key)", to: Array(repeating: 7, count: key % 60)) }
      for key in 0..<50 { try store.set("\(key % 7)", to: [1], timeToLive: .seconds(1000)) }
      for key in 0..<400 { _ = try store.get("\(key)") }
      for key in 250..<260 { try store.remove("\(key)") }
      try store.set("large", to: Array(repeating: 1, count: 65))
      let wanted = try store.statistics()
      #expect(wanted.evictions > 0 && wanted.updates > 0 && wanted.removals > 0 && wanted.oversizeSkips == 1)
      let info = try json(directory + "/a.warp", directory)
      #expect(info["entries"] as? Int == wanted.count)
      #expect(info["capacity"] as? Int == wanted.capacity)
      #expect(info["bytesUsed"] as? Int == wanted.storedBytes)
      #expect(info["hitRatio"] as? Double == wanted.hitRatio)
      let counters = try #require(info["counters"] as? [String: Int])
      let mirror = Dictionary(
        uniqueKeysWithValues: Mirror(reflecting: wanted).children.compactMap { child in
          (child.value as? Int).map { (child.label ?? "", $0) }
        })
      for counter in Counter.allCases where counter != .loadNanoseconds {
        #expect(counters["\(counter)"] == mirror["\(counter)"], "\(counter)")
      }
      let handle = try #require(((info["lock"] as? [String: Any])?["attached"] as? [[String: Any]])?.first)
      // 350 sets that were stored, 10 removals, and the set of what was too large.
      let operations = wanted.hits + wanted.misses + 350 + 10 + 1
      #expect(handle["operations"] as? Int == operations)
      #expect(handle["operationsExact"] as? Bool == true)
      let health = try #require(info["health"] as? [String: Any])
      #expect(health["word"] as? String == "sound")
      #expect((health["reasons"] as? [String]) == [])
      // Of the next handle it can't be told what it counted itself.
      store.close()
      let next = try SharedStore.open(path: directory + "/a.warp", .init(ifDifferent: .useExisting))
      let again = try json(directory + "/a.warp", directory)
      let other = try #require(((again["lock"] as? [String: Any])?["attached"] as? [[String: Any]])?.first)
      #expect(other["operationsExact"] as? Bool == false)
      #expect(other["operations"] as? Int == operations)
      next.close()
    }
  }

  /// Every entry of a small store is looked at; of a large one a part, and the numbers are near.
  @Test func aSampleIsNear() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 8000, maxValueSize: 8, shards: 16))
      for key in 0..<3000 {
        try store.set("\(key)", to: [1], timeToLive: key % 4 == 0 ? .seconds(500 + key) : nil)
      }
      store.close()
      let image = try FileImage(path: path)
      let exact = try StoreFacts(image)
      #expect(!exact.survey.isSample && exact.survey.entries == 3000 && exact.survey.deadlines == 750)
      #expect(exact.estimate(exact.survey.deadlines) == 750)
      let some = try StoreFacts(image, surveys: 1000)
      #expect(some.survey.isSample && some.survey.seenSlots == 1000 && some.survey.usedSlots >= 3000)
      let estimate = Double(some.estimate(some.survey.deadlines))
      // Four standard deviations of a sample of 1,000 with a share of a quarter.
      let margin: Double = 12_000 * (0.0001875).squareRoot()
      #expect(abs(estimate - 750) < margin, "\(estimate)")
      let again = try StoreFacts(image, surveys: 1000)
      #expect(some.survey == again.survey)
      let first = try #require(exact.survey.firstWritten)
      #expect(exact.ends.oldest == first && exact.ends.newest == exact.survey.lastWritten)
      // Every size of a sample stays inside.
      let glances = exact.glances
      for limit in [0, 1, 2, 7, 2999, 3000, 3001, Int.max] {
        let survey = try image.survey(glances, now: nil, limit: limit)
        #expect(survey.seenSlots == min(limit, survey.usedSlots) && survey.entries <= 3000)
      }
      let text = try Inspection(["info", path], in: directory).output
      #expect(text.contains("deadlines     750 entries, 0 expired") && !text.contains("sampled"))
    }
  }

  /// 10 GB that are mostly holes: the time is that of the shards.
  @Test func aLargeSparseStore() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 100_000, maxValueSize: 100 << 10))
      for key in 0..<20_000 { try store.set("\(key)", to: [1], timeToLive: .seconds(100)) }
      store.close()
      #expect(try #require(try System.status(path: path)).size > 10_000_000_000)
      let run = try HostileRun(["info", path], in: directory)
      let output = String(decoding: run.output, as: UTF8.self)
      #expect(run.status == 0 && output.contains("20,000 of 100,000 entries"))
      #expect(output.contains("sampled       deadlines and compression: 8,192 of 20,000 slots"))
      // A walk over all slots took some seconds.
      #expect(run.seconds < 2, "\(run.seconds) s")
      print("info of a sparse store of 10 GB: \(run.seconds) s")
    }
  }

  @Test func healthFollowsWhatIsWrong() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      func health() throws -> String { String(try scene.text(from: "health").split(separator: "\nformat")[0]) }
      #expect(try health().hasPrefix("health        sound: "))
      let gone = try Sleeper()
      gone.reap()
      try scene.attach(gone.id, entry: 4, locked: false)
      try scene.own(2, entry: 4)
      #expect(
        try health() == "health        attention: 1 shard owned by the dead, recovered by the next writer")
      try scene.release(2)
      let image = try FileImage(path: scene.path)
      let count = image.geometry.shardOffset(3) + ControlFields.count.offset
      try TestFiles.patch(scene.path, at: count, TestFiles.bytes(UInt32(99)))
      #expect(try health().hasPrefix("health        damaged: shard 3: it counts more entries than it may hold;"))
      try TestFiles.patch(scene.path, at: count, TestFiles.bytes(UInt32(0)))
      try TestFiles.patch(scene.path, at: Format.stateOffset, TestFiles.bytes(Format.supersededLockLost))
      #expect(try health().hasPrefix("health        attention: the lock file was lost"))
      try TestFiles.patch(scene.path, at: Format.stateOffset, TestFiles.bytes(Format.supersededDeleted))
      #expect(try health() == "health        ended: the store was deleted")
    }
  }

  /// The text of each valid fixture, and that looking at any fixture changes nothing and ends well.
  @Test func fixtures() throws {
    try withTemporaryDirectory { directory in
      var texts = ""
      for kind in ["valid", "invalid"] {
        for name in Fixtures.names(kind) {
          let path = Fixtures.path(kind, name)
          let before = try #require(try System.status(path: path))
          let bytes = try TestFiles.read(path)
          let inspection = try Inspection(["info", path], in: directory)
          #expect(try TestFiles.read(path) == bytes)
          #expect(try System.status(path: path) == before)
          #expect(inspection.code == 0 ? inspection.errors.isEmpty : inspection.output.isEmpty, "\(name)")
          #expect(inspection.code == 0 || inspection.code == 2, "\(name)")
          #expect(kind == "invalid" || inspection.code == 0, "\(name)")
          if inspection.code == 0 { _ = try json(path, directory) }
          for line in inspection.output.split(separator: "\n").dropFirst() {
            #expect(line.unicodeScalars.count <= 80, "\(line)")
          }
          guard kind == "valid" else { continue }
          // What is allocated is up to the file system.
          let text = inspection.output.replacing(/[\d,]+ allocated/, with: "N allocated")
          texts += name + "\n" + text.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n\n"
        }
      }
      expectSnapshot(texts, "info-fixtures")
    }
  }

  @Test func aNarrowScreen() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      for entry in 0..<12 { try scene.attach(sleeper.id, entry: entry) }
      for columns in [20, 33, 50] {
        let launch = try Launch(["info", scene.path], in: directory, environment: ["COLUMNS": "\(columns)"])
        #expect(launch.wait() == 0)
        let lines = launch.output.split(separator: "\n").dropFirst()
        #expect(lines.count > 20 && lines.allSatisfy { $0.unicodeScalars.count <= columns }, "\(columns)")
      }
    }
  }
}
