// SPDX-License-Identifier: Apache-2.0
// Every byte of every small golden file, changed by XOR 01, 80 and FF, one at a time.
//
// - With `verifyReads` no get ever returns a value that was not set for its key.
// - Without it nothing crashes, hangs or reads out of bounds, also when the damaged store is written to.
// - The verifier reports each change outside the don't-care bytes.
//
// WARP_DEEP=1 takes every byte; otherwise every 41st, from a place that differs by file.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct FlipTests {
  static let masks: [UInt8] = [0x01, 0x80, 0xFF]

  static let small = Fixtures.names("valid").filter {
    ((try? TestFiles.read(Fixtures.path("valid", $0)).count) ?? .max) <= 32 * 1024
  }

  /// Those that this build can open.
  static let openable = small.filter { $0 != "zstd" || Compression.isAvailable }

  private func offsets(_ name: String, _ count: Int) -> StrideTo<Int> {
    Deep.isOn ? stride(from: 0, to: count, by: 1) : stride(from: name.utf8.count % 41, to: count, by: 41)
  }

  @Test func thereAreSmallFixtures() { #expect(Self.small.count >= 10) }

  @Test(arguments: small) func theVerifierReportsEveryFlip(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let image = try StoreImage(data: try TestFiles.read(Fixtures.path("valid", name)))
      let dontCare = DontCare(image)
      let path = directory + "/flip.warp"
      try TestFiles.write(path, image.data)
      var changed = image
      var missed: [String] = []
      for offset in offsets(name, image.data.count) {
        for mask in Self.masks {
          changed.data[offset] = image.data[offset] ^ mask
          try TestFiles.patch(path, at: offset, [changed.data[offset]])
          let isReported: Bool
          do throws(FormatError) {
            isReported = try !Verifier(path: path).findings().isEmpty
          } catch {
            isReported = true
          }
          if !isReported, !dontCare.covers(offset, changed) { missed.append("\(offset) XOR \(mask)") }
        }
        changed.data[offset] = image.data[offset]
        try TestFiles.patch(path, at: offset, [image.data[offset]])
      }
      #expect(missed.isEmpty, "\(missed.count) flips unreported: \(missed.prefix(8))")
    }
  }

  /// Header and state block: each flip is met by an open.
  @Test(arguments: openable) func noFlipOfAHeaderMakesAWrongValue(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let bytes = try TestFiles.read(Fixtures.path("valid", name))
      let path = directory + "/flip.warp"
      try TestFiles.write(path, bytes)
      let known = try Known(path)
      for offset in offsets(name, Format.shardsOffset) {
        for mask in Self.masks {
          try TestFiles.patch(path, at: offset, [bytes[offset] ^ mask])
          do throws(WarpError) {
            let store = try Fixtures.open(path, verifyReads: true)
            try known.expectNoWrongValue(in: store, "byte \(offset) XOR \(mask)")
          } catch {
            #expect(error.code != .system, "byte \(offset) XOR \(mask): \(error)")
          }
        }
        try TestFiles.patch(path, at: offset, [bytes[offset]])
      }
    }
  }

  /// The shards: flipped under an open handle, as a second process would.
  @Test(arguments: openable) func noFlipOfAShardMakesAWrongValue(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let bytes = try TestFiles.read(Fixtures.path("valid", name))
      let path = directory + "/flip.warp"
      try TestFiles.write(path, bytes)
      let known = try Known(path)
      let store = try Fixtures.open(path, verifyReads: true)
      for offset in offsets(name, bytes.count) where offset >= Format.shardsOffset {
        for mask in Self.masks {
          try TestFiles.patch(path, at: offset, [bytes[offset] ^ mask])
          try known.expectNoWrongValue(in: store, "byte \(offset) XOR \(mask)")
        }
        try TestFiles.patch(path, at: offset, [bytes[offset]])
      }
    }
  }

  /// Reads and writes without verifyReads: any typed error and any value, but no crash and no hang.
  /// WKV-R03, WKV-X03.
  @Test(arguments: openable) func noFlipStopsAReaderOrAWriter(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let bytes = try TestFiles.read(Fixtures.path("valid", name))
      let path = directory + "/flip.warp"
      try TestFiles.write(path, bytes)
      let known = try Known(path)
      let store = try Fixtures.open(path, verifyReads: false)
      for offset in offsets(name, bytes.count) where offset >= Format.shardsOffset {
        for mask in Self.masks {
          try TestFiles.patch(path, at: offset, [bytes[offset] ^ mask])
          for key in known.keys { _ = try? store.get(key) }
          _ = try? store.keys()
          for key in known.keys { _ = try? store.set(key, to: [1]) }
          _ = try? store.set([UInt8(truncatingIfNeeded: offset)], to: [2])
          if let key = known.keys.first { _ = try? store.remove(key) }
          if offset % 5 == 0 { try? store.removeAll() }
          try TestFiles.patch(path, at: Format.shardsOffset, Array(bytes[Format.shardsOffset...]))
        }
      }
      // Still as good as new once its bytes are.
      for (key, value) in known.lasting { #expect(try store.get(key) == value) }
    }
  }
}

/// What a fixture held before it was damaged.
private struct Known {
  let keys: [[UInt8]]
  let values: [[UInt8]: [UInt8]]
  /// Those without a deadline.
  let lasting: [[UInt8]: [UInt8]]

  init(_ path: String) throws {
    var keys: [[UInt8]] = []
    var values: [[UInt8]: [UInt8]] = [:]
    var lasting: [[UInt8]: [UInt8]] = [:]
    let image = try FileImage(path: path)
    for shard in 0..<image.geometry.shardCount {
      for entry in try image.entries(inShard: shard) {
        keys.append(entry.key)
        let isRaw = entry.header[SlotFields.codec.offset] == Format.codecRaw
        guard isRaw else { continue }
        values[entry.key] = entry.value
        let deadline = entry.header[SlotFields.deadline.offset..<(SlotFields.deadline.offset + 8)]
        if deadline.allSatisfy({ $0 == 0 }) { lasting[entry.key] = entry.value }
      }
    }
    self.keys = keys
    self.values = values
    self.lasting = lasting
  }

  func expectNoWrongValue(in store: SharedStore, _ place: String) throws(WarpError) {
    for key in keys {
      guard let value = try store.get(key) else { continue }
      if let right = values[key] {
        if value != right { Issue.record("\(place): \(key) has \(value), not \(right)") }
      } else if value != [UInt8](repeating: UInt8(ascii: "z"), count: 700) {
        Issue.record("\(place): the compressed value has \(value.count) bytes")
      }
    }
    if try store.get("a key that never was") != nil { Issue.record("\(place): an absent key has a value") }
  }
}
