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

  /// A new store's state block.
  static func initialState(_ environment: Environment) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: Format.pageSize)
    let record = ClockRecord(
      generation: 1, bootID: environment.bootID(), base: environment.realTime() &- environment.bootTime())
    page.set(StateFields.clockA, bytes: record.encoded())
    return page
  }
}

extension Window {
  /// O9: from the first attachment on, nobody may take the file for one that was left clean.
  func clearDetach() {
    let record = StateFields.detach
    for offset in stride(from: 0, to: record.size, by: 8) {
      let at = Format.stateOffset + record.offset + offset
      if load64(at) != 0 { store64(at, 0) }
    }
  }
}
