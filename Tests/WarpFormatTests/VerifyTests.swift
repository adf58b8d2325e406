// SPDX-License-Identifier: Apache-2.0
// The verifier against files made by hand: each rule fires for a file that breaks it and only it, a sound file breaks
// none (SPEC.md, "Verification").

import Testing
import WarpTestSupport

@testable import WarpFormat

/// Three live slots, one free, one never used, in one shard; or several shards; or slots with blocks of their own.
enum Sample {
  static let parameters = Parameters(capacity: 4, shards: 1, maxKeySize: 16, maxValueSize: 24)

  static func plain() throws -> StoreImage { try filled(StoreImage(parameters)) }

  static func large() throws -> StoreImage {
    try filled(StoreImage(Parameters(capacity: 4, shards: 1, maxKeySize: 16, maxValueSize: 20_000)))
  }

  static func zstd() throws -> StoreImage {
    var image = try StoreImage(
      Parameters(capacity: 4, shards: 1, maxKeySize: 16, maxValueSize: 24, maxRawSize: 64, zstd: true))
    // One raw block of three bytes in a single-segment frame.
    image.insert([1], [0x28, 0xB5, 0x2F, 0xFD, 0x20, 3, 0x19, 0, 0, 7, 8, 9], codec: 1, rawSize: 3)
    return image
  }

  static func sharded() throws -> StoreImage {
    var image = try StoreImage(Parameters(capacity: 8, shards: 2, maxKeySize: 16, maxValueSize: 24))
    for byte in UInt8(1)...4 { image.insert([byte, byte], [byte]) }
    return image
  }

  private static func filled(_ empty: StoreImage) throws -> StoreImage {
    var image = empty
    image.insert(Array("apple".utf8), Array("red".utf8), deadline: 9_000_000, freshUntil: 8_000_000)
    image.insert(Array("pear".utf8), Array("green".utf8))
    image.insert(Array("grapes".utf8), Array("blue".utf8))
    image.insert(Array("gone".utf8), Array("away".utf8))
    image.removeNewest()
    return image
  }
}

/// A way to break a rule, and what breaks with it of necessity.
struct Breakage: Sendable, CustomTestStringConvertible {
  let rule: String
  let also: [String]
  let base: @Sendable () throws -> StoreImage
  let change: @Sendable (inout StoreImage) -> Void

  init(
    _ rule: String, also: [String] = [], of base: @escaping @Sendable () throws -> StoreImage = Sample.plain,
    _ change: @escaping @Sendable (inout StoreImage) -> Void
  ) {
    self.rule = rule
    self.also = also
    self.base = base
    self.change = change
  }

  var testDescription: String { rule }
  var expected: [String] { ([rule] + also).map { "WKV-" + $0 }.sorted() }
}

@Suite struct VerifyTests {
  @Test(arguments: [Sample.plain, Sample.large, Sample.zstd, Sample.sharded])
  func aSoundFileHasNoFinding(_ make: @Sendable () throws -> StoreImage) throws {
    let image = try make()
    #expect(try ImageFiles(image).brokenRules() == [])
    #expect(try ImageFiles(image, withLock: false).brokenRules() == [])
  }

  @Test func anEmptyStoreHasNoFinding() throws {
    #expect(try ImageFiles(StoreImage(Sample.parameters)).brokenRules() == [])
  }

  @Test(
    arguments: Breakage.header + Breakage.state + Breakage.control + Breakage.buckets + Breakage.metadata
      + Breakage.slots + Breakage.queue + Breakage.lock)
  func eachRuleFiresAlone(_ breakage: Breakage) throws {
    var image = try breakage.base()
    breakage.change(&image)
    #expect(try ImageFiles(image).brokenRules() == breakage.expected)
  }

  @Test func noRuleIsWithoutATest() throws {
    let tested = Set(
      (Breakage.header + Breakage.state + Breakage.control + Breakage.buckets + Breakage.metadata
        + Breakage.slots
        + Breakage.queue + Breakage.lock).map(\.rule))
    let all =
      numbered("H", 1...9) + numbered("G", 1...3) + numbered("S", 1...5) + numbered("C", 1...7)
      + numbered("B", 1...7) + numbered("M", 1...5) + numbered("E", 1...11) + numbered("Q", 1...4) + [
        "A01", "P01",
      ]
      + numbered("L", 1...7)
    #expect(Set(all).subtracting(tested).sorted() == [])
  }

  private func numbered(_ letter: String, _ range: ClosedRange<Int>) -> [String] {
    range.map { letter + ($0 < 10 ? "0" : "") + String($0) }
  }

  @Test func findingsNameThePlace() throws {
    var image = try Sample.plain()
    image.setSlot(2, SlotFields.flags, 1)
    image.seal(2)
    let findings = try Verifier(ImageFiles(image).open()).findings()
    let offset = image.slotOffset(2, SlotFields.flags)
    #expect(findings.map(\.offset) == [offset])
    #expect(findings.first?.rule == "WKV-E05")
    #expect(findings.first?.shard == 0)
    #expect(findings.first?.slot == 2)
  }

  @Test func aShardWithAnOwnerIsUnstableAndNoFinding() throws {
    var image = try Sample.plain()
    // Registry entry 0, generation 1, owns the shard and has count out of step.
    image.lock[image.lockGeometry.registryOffset] = 1
    image.lock[image.lockGeometry.linesOffset + LockLineFields.owner.offset] = 1
    image.lock[image.lockGeometry.linesOffset + LockLineFields.owner.offset + 4] = 1
    image.lock[image.lockGeometry.linesOffset] = 1
    image.setControl(ControlFields.count, 7)
    let summary = try Verifier(ImageFiles(image).open()).run { Issue.record("\($0)") }
    #expect(summary.unstable == [0])
    #expect(summary.entries == 3)
  }

  @Test func contentsAreCheckedInAnUnstableShard() throws {
    var image = try Sample.plain()
    image.lock[image.lockGeometry.registryOffset] = 1
    image.lock[image.lockGeometry.linesOffset + LockLineFields.owner.offset] = 1
    image.lock[image.lockGeometry.linesOffset + LockLineFields.owner.offset + 4] = 1
    image.data[image.slotOffset(1) + 40] ^= 1
    #expect(try ImageFiles(image).brokenRules() == ["WKV-E06"])
  }

  @Test func entriesComeInQueueOrderWithTheirPlaces() throws {
    let image = try Sample.plain()
    let entries = try ImageFiles(image).open().entries(inShard: 0)
    #expect(entries.map { String(decoding: $0.key, as: UTF8.self) } == ["apple", "pear", "grapes"])
    #expect(entries.map { String(decoding: $0.value, as: UTF8.self) } == ["red", "green", "blue"])
    #expect(entries.map(\.slot) == [1, 2, 3])
    #expect(entries.map(\.bucket) == [1, 2, 3].map { image.bucket(of: $0) })
    #expect(entries.map(\.offset) == [1, 2, 3].map { image.slotOffset($0) })
  }

  @Test func aDamagedQueueGivesWhatCanBeWalked() throws {
    var image = try Sample.plain()
    image.setMetadata(3, MetadataFields.newer, 2)
    #expect(try ImageFiles(image).open().entries(inShard: 0).map(\.slot) == [1, 2, 3])
    image.setMetadata(2, MetadataFields.newer, 900)
    #expect(try ImageFiles(image).open().entries(inShard: 0).map(\.slot) == [1, 2])
  }

  @Test func aHugeSparseFileIsCheckedAtOnce() throws {
    let parameters = Parameters(capacity: 1 << 22, shards: 4, maxKeySize: 64, maxValueSize: 4096)
    let small = try Sample.plain()
    let files = try ImageFiles(small, withLock: false)
    let geometry = try Geometry(parameters)
    let header = try Header(parameters, geometry: geometry, environment: .system)
    for (index, byte) in header.encoded().enumerated() { try files.patchData(index, byte) }
    try files.setSize(8192)
    try files.setSize(geometry.fileSize)
    #expect(geometry.fileSize > 10 << 30)
    #expect(try files.brokenRules() == [])
    // All slots used, all of them free and none on the free list: still nothing to read.
    for (index, byte) in [UInt8](repeating: 0xFF, count: 2).enumerated() {
      try files.patchData(geometry.shardOffset(3) + index, byte)
      try files.patchData(geometry.shardOffset(3) + 4 + index, byte)
    }
    #expect(try files.brokenRules() == ["WKV-A01"])
  }
}
