// SPDX-License-Identifier: Apache-2.0
// The verifier against malice: every byte of a small store changed, every length, garbage. It never traps, and it
// reports every change but those of bytes that mean nothing (SPEC.md, "Verification", don't-care bytes).

import Testing
import WarpTestSupport

@testable import WarpFormat

@Suite struct VerifyFuzzTests {
  static let masks: [UInt8] = [0x01, 0x80, 0xFF]

  @Test(arguments: 0..<8) func everyChangedByteOfTheDataFileIsReported(_ part: Int) throws {
    let image = try Sample.plain()
    let files = try ImageFiles(image, withLock: false)
    let dontCare = DontCare(image)
    let share = image.data.count / 8
    var changed = image
    for offset in (part * share)..<((part + 1) * share) {
      for mask in VerifyFuzzTests.masks {
        changed.data[offset] = image.data[offset] ^ mask
        try files.patchData(offset, changed.data[offset])
        if try files.brokenRules().isEmpty, !dontCare.covers(offset, changed) {
          Issue.record("no finding for byte \(offset) XOR \(mask)")
        }
      }
      changed.data[offset] = image.data[offset]
      try files.patchData(offset, image.data[offset])
    }
    #expect(try files.brokenRules() == [])
  }

  /// Bytes that no rule restricts: sequences that stay even or become 1, recoveries, the hint at leases, and what the registry, counters and
  /// leases hold.
  private func isFree(_ offset: Int, _ geometry: LockGeometry, _ old: UInt8, _ new: UInt8) -> Bool {
    switch offset {
    case geometry.linesOffset..<geometry.registryOffset:
      let within = offset - geometry.linesOffset
      let isSequence = within == 0 && ((old ^ new) & 1 == 0 || new == 1)
      return isSequence || (1..<8).contains(within) || (136..<152).contains(within)
    case geometry.registryOffset..<geometry.countersOffset:
      return (offset - geometry.registryOffset) % 64 < 44
    case geometry.countersOffset..<geometry.leasesOffset:
      return (offset - geometry.countersOffset) % 256 < 192
    case geometry.leasesOffset..<geometry.visitedOffset: return true
    case geometry.visitedOffset..<(geometry.visitedOffset + geometry.slotsPerShard): return new <= 1
    default: return false
    }
  }

  @Test func everyChangedByteOfTheLockFileIsReported() throws {
    let image = try Sample.plain()
    let files = try ImageFiles(image)
    let geometry = image.lockGeometry
    let areas = [
      0..<(geometry.registryOffset + 128), (geometry.countersOffset - 64)..<(geometry.countersOffset + 512),
      (geometry.leasesOffset - 128)..<(geometry.leasesOffset + 64),
      (geometry.visitedOffset - 32)..<geometry.fileSize,
    ]
    for offset in areas.joined() {
      let old = image.lock[offset]
      for mask in VerifyFuzzTests.masks {
        try files.patchLock(offset, old ^ mask)
        if try files.brokenRules().isEmpty, !isFree(offset, geometry, old, old ^ mask) {
          Issue.record("no finding for byte \(offset) XOR \(mask)")
        }
      }
      try files.patchLock(offset, old)
    }
    #expect(try files.brokenRules() == [])
  }

  @Test func everyLengthIsReported() throws {
    let image = try Sample.plain()
    let files = try ImageFiles(image, withLock: false)
    for size in (0..<image.data.count).reversed() {
      try files.setSize(size)
      let rules = try files.brokenRules()
      #expect(rules == [size < Format.pageSize ? "WKV-H01" : "WKV-G03"])
    }
  }

  @Test func aFileThatShrinksIsAnError() throws {
    let image = try Sample.plain()
    for size in stride(from: 0, to: image.data.count, by: 256) {
      let files = try ImageFiles(image)
      let open = try files.open()
      try files.setSize(size)
      #expect(throws: FormatError.self) { _ = try Verifier(open).findings() }
    }
  }

  @Test(arguments: [Sample.plain, Sample.large, Sample.sharded, Sample.zstd])
  func garbageNeverTraps(_ make: @Sendable () throws -> StoreImage) throws {
    let sound = try make()
    var random = SplitMix(seed: 0x5EED)
    for round in 0..<40 {
      var image = sound
      for offset in Format.shardsOffset..<image.data.count where round % 4 != 3 || offset % 64 < 32 {
        // All bytes, small numbers, or mostly zero: numbers that mean something get further in.
        let byte = UInt8(truncatingIfNeeded: random.next())
        image.data[offset] = round % 2 == 0 ? byte : offset % 4 == 0 ? byte & 7 : 0
      }
      for offset in image.lockGeometry.registryOffset..<image.lock.count where round % 5 == 4 {
        image.lock[offset] = UInt8(truncatingIfNeeded: random.next())
      }
      #expect(try !ImageFiles(image).brokenRules().isEmpty)
      let open = try ImageFiles(image).open()
      for shard in 0..<open.geometry.shardCount { _ = try open.entries(inShard: shard) }
    }
  }

  /// WKV-X07.
  @Test(arguments: [Sample.plain, Sample.large, Sample.sharded, Sample.zstd])
  func changedNumbersNeverTrap(_ make: @Sendable () throws -> StoreImage) throws {
    let sound = try make()
    var random = SplitMix(seed: 0xFACE)
    let values: [UInt64] = [
      0, 1, 2, 3, 4, 5, 6, 7, 8, 127, 128, 1 << 31, 0xFFFF_FFFF, 1 << 62, 1 << 63, .max,
    ]
    for _ in 0..<300 {
      var image = sound
      for _ in 0..<(1 + random.next() % 4) {
        let value = values[Int(random.next() % 16)]
        let slot = 1 + Int(random.next() & 3)
        switch random.next() % 4 {
        case 0: image.setControl(pick(ControlFields.structure, &random), value)
        case 1: image.setMetadata(slot, pick(MetadataFields.structure, &random), value)
        case 2: image.setSlot(slot, pick(SlotFields.structure, &random), value)
        default: image.set(image.bucketOffset(Int(random.next() & 7)), 8, value << 32 | UInt64(slot))
        }
      }
      let files = try ImageFiles(image)
      _ = try files.brokenRules()
      _ = try files.open().entries(inShard: 0)
    }
  }

  private func pick(_ structure: Structure, _ random: inout SplitMix) -> Field {
    structure.fields[Int(random.next() % UInt64(structure.fields.count))]
  }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
