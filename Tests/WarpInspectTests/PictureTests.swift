// SPDX-License-Identifier: Apache-2.0
// `map`: every fixture as text, one in colours, the drawing's bounds, and the counts against a model.

import Foundation
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct PictureTests {
  @Test func everyFixtureAsText() throws {
    expectSnapshot(try printed(Fixture.all) { _ in [["map"]] }, "map")
  }

  @Test func colours() throws {
    let path = Fixtures.path("valid", "full-after-evictions")
    let text = try OnTerminal.output(["map", path])
    #expect(text.contains("▀") && text.contains("\u{1B}[38;5;"))
    expectSnapshot(text.replacing(Fixtures.directory + "/", with: ""), "map-coloured")
  }

  @Test func narrow() throws {
    let image = try FileImage(path: Fixtures.path("valid", "several-shards"))
    let lines = Map.lines(try Occupancy(image), Palette(isColored: false), width: 20)
    for line in lines.dropFirst() { #expect(line.unicodeScalars.count <= 20, "\(line)") }
  }

  /// Each use of a slot is made by the library and counted by the picture.
  @Test func usesOfSlots() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 100, maxValueSize: 64, shards: 1))
      for number in 0..<60 { try store.set("k\(number)", to: [1]) }
      for number in 0..<10 { _ = try store.get("k\(number)") }
      for number in 50..<55 { try store.remove("k\(number)") }
      for number in 20..<23 { try store.set("k\(number)", to: [2], timeToLive: .seconds(1000)) }
      let image = try FileImage(path: path)
      let now = try StoreTime(image).now ?? 0
      var tally = try Occupancy(image).total
      // Updates of three entries took free slots and gave their own back; an update marks as visited.
      #expect(tally[.visited] == 13 && tally[.live] == 42 && tally[.expired] == 0)
      #expect(tally[.free] == 5 && tally[.unused] == 41 && tally.total == 101)
      tally = try Occupancy(image, time: StoreTime(now: now + 2_000_000_000_000)).total
      #expect(tally[.visited] == 10 && tally[.expired] == 3)
      let occupancy = try Occupancy(image)
      #expect(occupancy.probes.entries == 55 && occupancy.probes.beyond == 0)
      #expect(occupancy.shards[0].oldest == 1 && occupancy.shards[0].newest == 60)
      store.close()
    }
  }

  /// Slots share cells where there are many; no slot is lost, and the drawing keeps its bound.
  @Test(arguments: [1, 4, 256])
  func manySlots(shards: Int) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path, .init(capacity: 300_000, maxKeySize: 16, maxValueSize: 8, shards: shards))
      for number in 0..<30_000 { try store.set("\(number)", to: []) }
      for number in stride(from: 0, to: 30_000, by: 3) { _ = try store.get("\(number)") }
      store.close()
      let image = try FileImage(path: path)
      let occupancy = try Occupancy(image)
      let slots = image.geometry.slotsPerShard * shards
      var sum = SlotTally()
      for lane in occupancy.lanes { for cell in lane.cells { sum.add(cell) } }
      #expect(sum == occupancy.total && sum.total == slots && sum[.visited] == 10_000 && sum[.live] == 20_000)
      #expect(occupancy.lanes.reduce(0) { $0 + $1.cells.count } <= Occupancy.mostCells + Occupancy.mostLanes)
      let drawing = occupancyPicture(occupancy).document()
      #expect(drawing.components(separatedBy: "<rect").count <= 20_000)
      for isColored in [false, true] {
        let text = OccupancyText(occupancy, palette: Palette(isColored: isColored), width: 80)
        #expect(text.lines.count <= 66)
      }
    }
  }

  /// A store of 10 GB in which nothing was ever stored costs nothing to draw.
  @Test func sparseStore() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      var image = try StoreImage(Parameters(capacity: 64, shards: 1)).header
      image.geometry = try Geometry(Parameters(capacity: 2_000_000, shards: 4, maxKeySize: 64, maxValueSize: 5000))
      try TestFiles.write(path, image.encoded())
      let file = try System.open(path, .readWrite)
      defer { System.close(file) }
      try System.setSize(file, image.geometry.fileSize, path)
      #expect(image.geometry.fileSize > 10_000_000_000)
      let occupancy = try Occupancy(try FileImage(path: path))
      #expect(occupancy.total[.unused] == 2_000_004 && occupancy.probes.entries == 0)
      // A damaged bump index makes free slots of the hole, and still nothing is read.
      let at = image.geometry.shardOffset(1)
      try TestFiles.patch(path, at: at, TestFiles.bytes(UInt32.max))
      #expect(try Occupancy(try FileImage(path: path)).total[.free] == 500_001)
    }
  }

  @Test func files() throws {
    try withTemporaryDirectory { directory in
      let path = Fixtures.path("valid", "full-after-evictions")
      let run = try Inspection(["map", "--svg", directory + "/m.svg", path], in: directory)
      #expect(run.code == 0 && run.errors == "", "\(run.errors)")
      for name in ["m.svg", "m-probes.svg"] {
        let text = String(decoding: try TestFiles.read(directory + "/" + name), as: UTF8.self)
        let parser = XMLCheck(text)
        #expect(parser.isSound && text.contains("prefers-color-scheme"), "\(name)")
      }
      let store = directory + "/a.warp"
      try SharedStore.open(path: store, .init(capacity: 4)).close()
      let before = try TestFiles.read(store)
      let refused = try Inspection(["map", "--svg", store, path], in: directory)
      #expect(refused.code == 2 && refused.errors.contains("store"), "\(refused.errors)")
      #expect(try TestFiles.read(store) == before)
      let shard = try Inspection(["map", "--shard", "1", path], in: directory)
      #expect(shard.code == 64 && shard.errors.contains("there is no shard 1: say 0"), "\(shard.errors)")
    }
  }
}

/// Whether elements are opened and closed in pairs; enough for what SVG.swift writes.
private struct XMLCheck {
  var isSound = true

  init(_ text: String) {
    var open: [Substring] = []
    for match in text.matches(of: /<(\/?)([a-z]+)([^<>]*?)(\/?)>/) {
      if match.output.1 == "/" {
        if open.popLast() != match.output.2 { isSound = false }
      } else if match.output.4.isEmpty {
        open.append(match.output.2)
      }
    }
    if !open.isEmpty || text.filter({ $0 == "<" }).count != text.matches(of: /<\/?[a-z]+[^<>]*>/).count {
      isSound = false
    }
  }
}
