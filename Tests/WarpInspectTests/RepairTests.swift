// SPDX-License-Identifier: Apache-2.0
// Repairs: of every invalid fixture, and of stores with damage anywhere, all sound entries are saved, and what comes out has no
// findings.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct RepairTests {
  /// No header of one page is left, or all behind it is in another place.
  static let hopeless = ["H01-empty-file", "H01-short-header", "H02-two-bytes", "H02-text-mode"]
  /// A geometry of terabytes in a file of four pages.
  static let tooLarge = "G03-huge-geometry"
  /// All checksums are over an identity that is not there any more.
  static let lost = "H09-store-id"
  /// Two entries where there may be one.
  static let crowded = "C04-above-capacity"

  /// Keys of the entries that are sound by themselves, by the letter of SPEC.md and without the code under test.
  private func soundKeys(_ name: String) throws -> Set<[UInt8]> {
    let data = try TestFiles.read(Fixtures.path("invalid", name))
    let fallback = try TestFiles.read(Fixtures.path("valid", "one-entry"))
    let page = [UInt8](data.prefix(4096))
    let isSound = (try? Header(verifying: page, fileSize: page.count(HeaderFields.fileSize))) != nil
    // A header that is damaged was that of one-entry.
    var bytes = (isSound ? page : [UInt8](fallback.prefix(4096))) + data.dropFirst(4096)
    let header = try Header(
      verifying: [UInt8](bytes.prefix(4096)), fileSize: [UInt8](bytes.prefix(4096)).count(HeaderFields.fileSize))
    bytes += [UInt8](repeating: 0, count: max(0, header.geometry.fileSize - bytes.count))
    bytes = [UInt8](bytes.prefix(header.geometry.fileSize))
    var image = try StoreImage(data: [UInt8](bytes.prefix(4096)) + [UInt8](repeating: 0, count: bytes.count - 4096))
    image.data = bytes
    var keys = Set<[UInt8]>()
    let limits = header.geometry
    for shard in 0..<limits.shardCount {
      for slot in 1...limits.slotsPerShard {
        let (key, stored) = (
          Int(image.slot(slot, SlotFields.keySize, shard: shard)),
          Int(image.slot(slot, SlotFields.storedSize, shard: shard))
        )
        let control = image.slot(slot, SlotFields.control, shard: shard)
        guard control & 7 == 3, control > 7, key <= limits.maxKeySize, stored <= limits.maxValueSize else {
          continue
        }
        var sealed = image
        sealed.seal(slot, shard: shard)
        let start = image.slotOffset(slot, shard: shard) + 32
        let bytes = [UInt8](image.data[start..<(start + key)])
        let valueStart = start + (key + 7) / 8 * 8
        let value = [UInt8](image.data[valueStart..<(valueStart + stored)])
        let hash = XXH3.hash64(bytes, seed: header.hashSeed)
        let deadline = image.slot(slot, SlotFields.deadline, shard: shard)
        let fresh = image.metadata(slot, MetadataFields.freshUntil, shard: shard)
        let latest = image.metadata(slot, MetadataFields.written, shard: shard) &+ (1 << 62)
        let codec = image.slot(slot, SlotFields.codec, shard: shard)
        let raw = image.slot(slot, SlotFields.rawSize, shard: shard)
        guard sealed.data == image.data, hash == image.metadata(slot, MetadataFields.hash, shard: shard),
          Int(hash & UInt64(limits.shardCount - 1)) == shard, image.slot(slot, SlotFields.flags, shard: shard) == 0,
          deadline <= latest, deadline == 0 || fresh <= deadline, raw <= UInt64(limits.maxRawSize),
          codec == 0 && raw == UInt64(stored)
            || codec == 1 && header.usesZstd && ZstdFrame.problem(in: value, rawSize: raw) == nil
        else { continue }
        keys.insert(bytes)
      }
    }
    return keys
  }

  @Test(arguments: Fixtures.names("invalid"))
  func fixtures(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let (old, new) = (Fixtures.path("invalid", name), directory + "/b.warp")
      let before = try TestFiles.read(old)
      let done = try Inspection(["repair", old, new, "--json", "--as-version-1"], in: directory)
      #expect(try TestFiles.read(old) == before)
      if RepairTests.hopeless.contains(name) || name == RepairTests.tooLarge {
        #expect(done.code == 2 && done.errors.hasPrefix("warp-inspect: "), "\(done)")
        #expect(try MovingScene.names(directory) == [])
        return
      }
      #expect(done.code == 0 || done.code == 1, "\(done)")
      #expect(try MovingScene.findings(new) == [])
      let report = try JSONReader.value(Array(done.output.utf8))
      let saved = try Set(MovingScene.entries(new).map(\.key))
      #expect(report["saved"]?.asInteger(Int.self) == saved.count)
      let expected = name == RepairTests.lost ? [] : try soundKeys(name)
      if name == RepairTests.crowded {
        #expect(saved.count == 1 && saved.isSubset(of: expected) && report["evicted"]?.asInteger(Int.self) == 1)
        return
      }
      #expect(saved == expected, "\(done)")
      // Nothing is lost without a rule.
      if case .object(let lost)? = report["lost"] { #expect((done.code == 1) == !lost.isEmpty) }
    }
  }

  /// A newer version is not taken for damage, unless somebody says so.
  @Test(arguments: ["H03-newer-major", "H03-byte-order", "H06-unknown-incompat", "H06-chained-slots", "H08-hash"])
  func otherVersions(_ name: String) throws {
    try withTemporaryDirectory { directory in
      let path = Fixtures.path("invalid", name)
      let done = try Inspection(["repair", path, directory + "/b.warp"], in: directory)
      #expect(done.code == 2 && done.errors.contains("WKV-\(name.prefix(3))"), "\(done)")
      #expect(try MovingScene.names(directory) == [])
    }
  }

  /// A header of which nothing can be told, with and without help.
  @Test func parametersFromElsewhere() throws {
    try withTemporaryDirectory { directory in
      let (old, sibling) = (directory + "/a.warp", directory + "/s.warp")
      try MovingScene.make(old, shards: 4)
      try MovingScene.make(sibling, shards: 4, numbered: 2)
      let living = try MovingScene.entries(old)
      // Capacity to maxRawSize, and all that follows from them.
      try TestFiles.patch(old, at: 56, [UInt8](repeating: 0xEE, count: 96))
      #expect(try Inspection(["repair", old, directory + "/b.warp"], in: directory).code == 2)
      for (name, flags) in [
        ("c", ["--like", sibling]),
        ("d", ["--capacity", "128", "--shards", "4", "--max-key-size", "64", "--max-value-size", "1024"]),
      ] {
        let new = directory + "/\(name).warp"
        let done = try Inspection(["repair", old, new] + flags, in: directory)
        #expect(done.code == 0 && done.output.contains("WKV-H05"), "\(done)")
        #expect(try MovingScene.entries(new) == living)
        #expect(try MovingScene.findings(new) == [])
      }
      #expect(try !TestFiles.exists(directory + "/b.warp"))
    }
  }

  /// A thousand entries, and bytes changed anywhere but in the identity: every entry whose own bytes are as they were is
  /// there.
  @Test(arguments: UInt64(1)...12)
  func damageAnywhere(_ seed: UInt64) throws {
    var image = try StoreImage(Parameters(capacity: 1200, shards: 4, maxKeySize: 16, maxValueSize: 64))
    for number in 0..<1000 {
      image.insert(Array("key\(number)".utf8), [UInt8](repeating: UInt8(number % 251), count: number % 64))
    }
    var random = SeededGenerator(seed: seed)
    // What an entry has of its own: its slot up to the end of its value, and its metadata but the links.
    var owner = [Int: [UInt8]]()
    for shard in 0..<4 {
      for slot in 1...Int(image.control(ControlFields.usedSlots, shard: shard)) {
        let start = image.slotOffset(slot, shard: shard)
        let keySize = Int(image.slot(slot, SlotFields.keySize, shard: shard))
        let stored = Int(image.slot(slot, SlotFields.storedSize, shard: shard))
        let key = [UInt8](image.data[(start + 32)..<(start + 32 + keySize)])
        for offset in start..<(start + 32 + (keySize + 7) / 8 * 8 + stored) { owner[offset] = key }
        let metadata = image.metadataOffset(slot, shard: shard)
        for offset in metadata..<(metadata + 48) { owner[offset] = key }
      }
    }
    var touched = Set<[UInt8]>()
    let size = image.data.count
    func change(_ offset: Int) {
      // Identity and seed are there once: without them nothing can be proved sound.
      if (40..<56).contains(offset) || (160..<168).contains(offset) { return }
      image.data[offset] ^= UInt8.random(in: 1...255, using: &random)
      if let key = owner[offset] { touched.insert(key) }
    }
    for _ in 0..<300 { change(Int.random(in: 8192..<size, using: &random)) }
    let start = Int.random(in: 8192..<(size - 20_000), using: &random)
    for offset in start..<(start + 20_000) { change(offset) }
    change(Int.random(in: 64..<160, using: &random))
    for offset in 8192..<8300 { change(offset) }
    try withTemporaryDirectory { directory in
      let (old, new) = (directory + "/a.warp", directory + "/b.warp")
      try TestFiles.write(old, image.data)
      let done = try Inspection(["repair", old, new, "--json"], in: directory)
      #expect(done.code == 1, "\(done)")
      #expect(try MovingScene.findings(new) == [])
      let saved = try Set(MovingScene.entries(new).map(\.key))
      let expected = Set((0..<1000).map { Array("key\($0)".utf8) }).subtracting(touched)
      #expect(expected.count > 300)
      #expect(expected.subtracting(saved) == [], "seed \(seed)")
      // A changed bit of padding is no damage; nothing else that was touched comes back.
      #expect(saved.subtracting(expected).count < 30)
      for entry in try MovingScene.entries(new) {
        let number = Int(String(decoding: entry.key.dropFirst(3), as: UTF8.self)) ?? -1
        #expect(entry.value == [UInt8](repeating: UInt8(number % 251), count: number % 64))
      }
    }
  }

  /// The order in which entries came stays, and of one key the newest value.
  @Test func orderAndCopies() throws {
    var image = try StoreImage(Parameters(capacity: 8, shards: 1, maxKeySize: 8, maxValueSize: 8))
    for number in 0..<6 { image.insert([UInt8(number)], [UInt8(number)]) }
    // Slot 6 becomes an older copy of the key in slot 1, with its place.
    image.data[image.slotOffset(6) + 32] = 0
    image.setMetadata(6, MetadataFields.hash, image.metadata(1, MetadataFields.hash))
    image.setMetadata(6, MetadataFields.stamp, 1)
    image.setMetadata(1, MetadataFields.revision, 100)
    for slot in [1, 6] { image.seal(slot) }
    for slot in 1...6 { image.setMetadata(slot, MetadataFields.newer, 0) }
    try withTemporaryDirectory { directory in
      let (old, new) = (directory + "/a.warp", directory + "/b.warp")
      try TestFiles.write(old, image.data)
      let done = try Inspection(["repair", old, new], in: directory)
      #expect(done.code == 1 && done.output.contains("1 lost: WKV-B07"), "\(done)")
      #expect(try MovingScene.entries(new).map(\.key) == (0..<5).map { [UInt8($0)] })
      #expect(try MovingScene.entries(new).first?.value == [0])
    }
  }
}
