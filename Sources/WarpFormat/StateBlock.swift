// SPDX-License-Identifier: Apache-2.0
// The second page of the data file (SPEC.md §5.2): superseded, the clock record in two copies, the clean-detach record.

/// The clock record: store time = boot clock + base, as long as the boot lasts.
public struct ClockRecord: Equatable, Sendable {
  public var generation: UInt64
  /// 16 bytes.
  public var bootID: [UInt8]
  /// Nanoseconds.
  public var base: Int64

  package init(generation: UInt64, bootID: [UInt8], base: Int64) {
    self.generation = generation
    self.bootID = bootID
    self.base = base
  }

  /// The record at an offset, nil if it is not valid.
  init?(_ bytes: [UInt8], at start: Int) {
    typealias F = ClockFields
    generation = bytes.integer(F.generation, at: start)
    bootID = bytes.slice(F.bootID, at: start)
    base = Int64(bitPattern: bytes.integer(F.base, at: start))
    let digest = XXH3.hash64([UInt8](bytes[start..<(start + F.checksum.offset)]), seed: 0)
    guard generation > 0, digest == bytes.integer(F.checksum, at: start) else { return nil }
  }

  /// The copy that counts: the valid one with the higher generation.
  public static func current(_ state: [UInt8]) -> ClockRecord? {
    let copies = [StateFields.clockA, StateFields.clockB].compactMap { ClockRecord(state, at: $0.offset) }
    return copies.max { $0.generation < $1.generation }
  }

  package func encoded() -> [UInt8] {
    typealias F = ClockFields
    var record = [UInt8](repeating: 0, count: F.structure.size)
    record.set(F.generation, generation)
    record.set(F.bootID, bytes: bootID)
    record.set(F.base, base)
    record.set(F.checksum, XXH3.hash64([UInt8](record.prefix(F.checksum.offset)), seed: 0))
    return record
  }

  /// The record of a store that is made now.
  static func initial(_ environment: Environment) throws(FormatError) -> ClockRecord {
    ClockRecord(
      generation: 1, bootID: try environment.bootID(), base: environment.realTime() &- environment.bootTime())
  }

  /// The state block of a new store.
  func initialState() -> [UInt8] {
    var page = [UInt8](repeating: 0, count: Format.pageSize)
    page.set(StateFields.clockA, bytes: encoded())
    return page
  }
}

/// The clean-detach record: everything was on the storage device when the last handle left.
struct DetachRecord: Equatable, Sendable {
  /// The boot in which it left; 16 bytes.
  var bootID: [UInt8]
  /// Store time.
  var detached: UInt64

  init(bootID: [UInt8], detached: UInt64) {
    self.bootID = bootID
    self.detached = detached
  }

  /// nil if there is none, or if it is not valid.
  init?(_ state: [UInt8]) {
    typealias F = DetachFields
    let record = state.slice(StateFields.detach)
    bootID = record.slice(F.bootID)
    detached = record.integer(F.detached)
    guard record.contains(where: { $0 != 0 }),
      XXH3.hash64([UInt8](record.prefix(F.checksum.offset)), seed: 0) == record.integer(F.checksum)
    else { return nil }
  }

  func encoded() -> [UInt8] {
    typealias F = DetachFields
    var record = [UInt8](repeating: 0, count: F.structure.size)
    record.set(F.bootID, bytes: bootID)
    record.set(F.detached, detached)
    record.set(F.checksum, XXH3.hash64([UInt8](record.prefix(F.checksum.offset)), seed: 0))
    return record
  }
}

extension Window {
  /// Whether the bytes of the clean-detach record are not all zero.
  var hasDetachRecord: Bool {
    let record = StateFields.detach
    return stride(from: 0, to: record.size, by: 8).contains { load64(Format.stateOffset + record.offset + $0) != 0 }
  }

  func invalidateDetachRecord() {
    store64(Format.stateOffset + StateFields.detach.offset + DetachFields.checksum.offset, 0)
  }

  func store(_ record: DetachRecord) { storeState(StateFields.detach, record.encoded()) }

  /// Stores a record of the state block word by word, the last one first: a half-stored one is not valid.
  func storeState(_ field: Field, _ bytes: [UInt8]) {
    for offset in stride(from: 0, to: field.size, by: 8).reversed() {
      store64(Format.stateOffset + field.offset + offset, bytes.integer(Field("", offset, 8)))
    }
  }
}
