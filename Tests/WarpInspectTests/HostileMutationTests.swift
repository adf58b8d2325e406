// SPDX-License-Identifier: Apache-2.0
// Sound stores with numbers changed in them, through every read-only command in this process, and some of them as
// processes. Half of the time the checksums of both headers are made right again, so that what lies behind is reached.
//
// A few thousand in `make check`, 100,000 with WARP_DEEP=1. The seed is printed with a failure; WARP_SEED repeats it.

import Glibc
import Testing
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite(.serialized) struct HostileMutationTests {
  private static let parts = 4
  /// Mutated files that share a store, which is then written afresh.
  private static let generationSize = 64

  @Test(arguments: 0..<parts) func inProcess(_ part: Int) throws {
    let count = (Deep.isHostile ? 100_000 : Deep.isOn ? 10_000 : 2000) / Self.parts
    let seed = TestPlan.seed(0xD0C) &+ UInt64(part)
    try Self.mutate(count, seed) { path, directory, index in
      // Each file meets one of them, and a part meets them all.
      let line = TableLine.quick[(index + part) % TableLine.quick.count]
      HostileRun(inProcess: line.arguments(store: path, out: directory + "/out", directory: directory + "/empty"))
        .expectSound("seed \(seed), file \(index)")
    }
    HostileRun.report(", \"mutatedInProcess\": \(count), \"seed\": \(seed)")
  }

  @Test func asProcesses() throws {
    let count = Deep.isHostile ? 500 : 40
    let seed = TestPlan.seed(0xEFE)
    try Self.mutate(count, seed) { path, directory, index in
      let line = TableLine.quick[index % TableLine.quick.count]
      try HostileRun(
        line.arguments(store: path, out: directory + "/out", directory: directory + "/empty"), in: directory
      ).expectSound("seed \(seed), file \(index)")
    }
    HostileRun.report(", \"mutatedAsProcesses\": \(count), \"seed\": \(seed)")
  }

  /// Gives `body` so many mutated stores, and expects each to be as it was afterwards.
  private static func mutate(
    _ count: Int, _ seed: UInt64, _ body: (_ path: String, _ directory: String, _ index: Int) throws -> Void
  ) throws {
    var random = SeededGenerator(seed: seed)
    let bases = try Fixtures.names("valid").map { try TestFiles.read(Fixtures.path("valid", $0)) }
    try withTemporaryDirectory { directory in
      try System.makeDirectory(directory + "/empty")
      let path = directory + "/a.warp"
      for first in stride(from: 0, to: count, by: generationSize) {
        let base = bases[random.below(bases.count)]
        let store = try MutableStore(
          path, data: base, lock: random.below(3) > 0 ? HostileLock.bytes(for: base) : nil)
        for index in first..<min(first + generationSize, count) {
          try store.mutate(&random)
          let before = index % 16 == 0 ? FileStamps(path) : nil
          try body(path, directory, index)
          if let before {
            let isUntouched = FileStamps(path) == before
            #expect(isUntouched, "seed \(seed), file \(index): the files were changed")
          }
          try store.restore()
        }
      }
    }
  }
}

/// A store's two files, of which numbers are changed and set right again.
private final class MutableStore {
  private struct File {
    let descriptor: Int32
    let bytes: [UInt8]
    var dirty: [Range<Int>] = []
    var isResized = false
  }

  private let path: String
  private let geometry: Geometry
  private var data: File
  private var lock: File?

  init(_ path: String, data: [UInt8], lock: [UInt8]?) throws {
    self.path = path
    geometry = try Header(verifying: Array(data.prefix(Format.pageSize)), fileSize: data.count).geometry
    let lockPath = path + StoreFiles.lockSuffix
    try System.remove(lockPath)
    try TestFiles.write(path, data)
    if let lock { try TestFiles.write(lockPath, lock) }
    self.data = File(descriptor: try System.open(path, .readWrite), bytes: data)
    self.lock = try lock.map { File(descriptor: try System.open(lockPath, .readWrite), bytes: $0) }
  }

  deinit {
    System.close(data.descriptor)
    if let lock { System.close(lock.descriptor) }
  }

  func mutate(_ random: inout SeededGenerator) throws {
    let repairs = random.below(2) == 0
    for _ in 0...random.below(4) {
      if lock != nil, random.below(3) == 0 { try changeLock(&random) } else { try changeData(&random) }
    }
    if repairs {
      try MutableStore.repair(&data, path)
      if lock != nil { try MutableStore.repair(&lock!, path) }
    }
    if random.below(24) == 0 {
      data.isResized = true
      let size = random.below(3) == 0 ? data.bytes.count + random.below(9000) : random.below(data.bytes.count)
      try #require(ftruncate(data.descriptor, off_t(size)) == 0)
    }
  }

  func restore() throws {
    try MutableStore.restore(&data, path)
    if lock != nil { try MutableStore.restore(&lock!, path) }
  }

  private func changeData(_ random: inout SeededGenerator) throws {
    let shard = geometry.shardOffset(random.below(geometry.shardCount))
    let slot = random.below(min(geometry.slotsPerShard, 24))
    let field: (Int, Int)
    switch random.below(10) {
    case 0, 1: field = pick(HeaderFields.structure, 0, &random)
    case 2: field = pick(StateFields.structure, Format.stateOffset, &random)
    case 3:
      let record = [StateFields.clockA, StateFields.clockB, StateFields.detach][random.below(3)]
      field = pick(ClockFields.structure, Format.stateOffset + record.offset, &random)
    case 4: field = pick(ControlFields.structure, shard, &random)
    case 5: field = pick(MetadataFields.structure, shard + geometry.metadataOffset + slot * 64, &random)
    case 6, 7:
      field = pick(SlotFields.structure, shard + geometry.slotsOffset + slot * geometry.slotStride, &random)
    case 8: field = (shard + geometry.bucketsOffset + random.below(geometry.bucketsPerShard) * 8, 8)
    default: field = (random.below(data.bytes.count - 8), 1 + random.below(8))
    }
    try MutableStore.put(&data, field.0, field.1, MutableStore.value(&random), path)
  }

  private func changeLock(_ random: inout SeededGenerator) throws {
    let layout = LockGeometry(geometry)
    let shard = random.below(geometry.shardCount)
    let field: (Int, Int)
    switch random.below(8) {
    case 0: field = pick(LockHeaderFields.structure, 0, &random)
    case 1, 2: field = pick(LockLineFields.structure, layout.linesOffset + shard * 256, &random)
    case 3, 4: field = pick(RegistryFields.structure, layout.registryOffset + random.below(4) * 64, &random)
    case 5: field = pick(CounterFields.structure, layout.countersOffset + random.below(4) * 256, &random)
    case 6:
      field = pick(
        LeaseFields.structure, layout.leasesOffset + (shard * Format.leaseCells + random.below(4)) * 32, &random)
    default: field = (random.below(lock!.bytes.count - 8), 1 + random.below(8))
    }
    try MutableStore.put(&lock!, field.0, field.1, MutableStore.value(&random), path)
  }

  private func pick(_ structure: Structure, _ base: Int, _ random: inout SeededGenerator) -> (Int, Int) {
    let field = structure.fields[random.below(structure.fields.count)]
    return (base + field.offset, min(8, field.size))
  }

  /// A number that a check may have forgotten.
  private static func value(_ random: inout SeededGenerator) -> UInt64 {
    switch random.below(6) {
    case 0: UInt64(random.below(40))
    case 1: (1 << UInt64(random.below(64))) &+ UInt64(random.below(3)) &- 1
    case 2: UInt64.max &- UInt64(random.below(4))
    case 3: UInt64(UInt32.max) &- UInt64(random.below(4))
    case 4: UInt64(random.below(8)) << 32 | UInt64(random.below(30))
    default: random.next()
    }
  }

  private static func put(_ file: inout File, _ offset: Int, _ size: Int, _ value: UInt64, _ path: String) throws {
    try System.write(file.descriptor, at: offset, Array(TestFiles.bytes(value).prefix(size)), path)
    file.dirty.append(offset..<(offset + size))
  }

  private static func repair(_ file: inout File, _ path: String) throws {
    let at = HeaderFields.checksum.offset
    let page = try System.read(file.descriptor, at: 0, count: at, path)
    try put(&file, at, 8, XXH3.hash64(page, seed: 0), path)
  }

  private static func restore(_ file: inout File, _ path: String) throws {
    if file.isResized {
      try #require(ftruncate(file.descriptor, off_t(file.bytes.count)) == 0)
      file.dirty = [0..<file.bytes.count]
    }
    for range in file.dirty {
      try System.write(file.descriptor, at: range.lowerBound, Array(file.bytes[range]), path)
    }
    file.dirty = []
    file.isResized = false
  }
}
