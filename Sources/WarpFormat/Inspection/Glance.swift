// SPDX-License-Identifier: Apache-2.0
// A shard at a glance: the words that tell about all of its entries, without its buckets, metadata and slots
// (SPEC.md §5.3 and §5.7).
//
// - One glance is three small reads, however large the shard. So a store of any size costs what its shards do.
// - A stable glance was taken while nobody owned the shard and its sequence was even and unchanged. Only of such a one
//   may it be said that its words contradict each other.
// - A number may be damaged. Those that are used to find other bytes are cut to what the geometry has.

/// What the control of a shard says, and its line in the lock file.
public struct ShardGlance: Equatable, Sendable {
  public let index: Int
  /// Nobody was at work on the shard while it was read. True without a lock file.
  public let isStable: Bool
  /// nil without a lock file.
  public let line: LockLine?
  /// Entries that it may hold.
  public let capacity: Int
  private let control: [UInt8]
  private let slots: Int

  /// Entries.
  public var count: UInt64 { control.integer(ControlFields.count) }
  /// Bytes of keys and stored values.
  public var storedBytes: UInt64 { control.integer(ControlFields.storedBytes) }
  /// Slots filled so far.
  public var writeCounter: UInt64 { control.integer(ControlFields.writeCounter) }
  /// Slots from 1 to this one have been used.
  public var usedSlots: Int { min(control.count(ControlFields.usedSlots), slots) }
  /// A slot index, nil if there is none or it is none of a used slot.
  public var oldest: Int? { slot(ControlFields.oldest) }
  public var newest: Int? { slot(ControlFields.newest) }
  /// nil: at the oldest.
  public var hand: Int? { slot(ControlFields.hand) }

  fileprivate init(_ index: Int, isStable: Bool, line: LockLine?, control: [UInt8], _ geometry: Geometry) {
    self.index = index
    self.isStable = isStable
    self.line = line
    self.control = control
    capacity = geometry.capacity(ofShard: index)
    slots = geometry.slotsPerShard
  }

  private func slot(_ field: Field) -> Int? {
    let slot = control.count(field)
    return (1...max(1, usedSlots)).contains(slot) ? slot : nil
  }

  /// What the words of a stable glance contradict; nil if nothing.
  public var contradiction: String? {
    guard isStable else { return nil }
    typealias F = ControlFields
    if control.count(F.usedSlots) > slots { return "it has used more slots than it has" }
    if count > UInt64(capacity) { return "it counts more entries than it may hold" }
    if count > UInt64(usedSlots) { return "it counts more entries than slots used" }
    let ends = [F.oldest, F.newest].map { control.integer($0) != 0 }
    if ends != [count > 0, count > 0] { return "its queue and its count contradict each other" }
    for field in [F.oldest, F.newest, F.hand] where control.integer(field) != 0 && slot(field) == nil {
      return "\(field.name) is no used slot"
    }
    return nil
  }
}

extension FileImage {
  /// Looks at a shard again, a few times, if somebody is at work there.
  public func glance(_ index: Int) throws(FormatError) -> ShardGlance {
    let offset = geometry.shardOffset(index)
    var control: [UInt8] = []
    var line: LockLine?
    for _ in 0..<Format.glanceTries {
      line = try lock?.line(index)
      control = try file.read(at: offset, count: ControlFields.structure.size)
      guard let before = line else { break }
      if before.isQuiet, try lock?.line(index) == before {
        return ShardGlance(index, isStable: true, line: before, control: control, geometry)
      }
    }
    return ShardGlance(index, isStable: line == nil, line: line, control: control, geometry)
  }

  /// The metadata of a slot from 1 to `slotsPerShard`: 64 bytes.
  public func metadata(shard: Int, slot: Int) throws(FormatError) -> [UInt8] {
    try file.read(at: metadataOffset(shard: shard, slot: slot), count: MetadataFields.structure.size)
  }
}

extension LockImage {
  /// What each stripe counted since the lock file was made, stripe 0 included.
  public func stripes() throws(FormatError) -> [CounterValues] {
    let size = CounterFields.structure.size
    let bytes = try file.read(at: geometry.countersOffset, count: Format.counterStripes * size)
    let fields = Counter.allCases.map(\.field)
    return (0..<Format.counterStripes).map { stripe in
      var values = CounterValues()
      for (counter, field) in zip(Counter.allCases, fields) {
        values[counter] = bytes.integer(field, at: stripe * size)
      }
      return values
    }
  }

  /// The generations of all registry entries: how often each was claimed, modulo 2^32.
  public func generations() throws(FormatError) -> [UInt32] {
    let size = RegistryFields.structure.size
    let bytes = try file.read(at: geometry.registryOffset, count: Format.registryEntries * size)
    let field = RegistryFields.generation
    return (0..<Format.registryEntries).map {
      UInt32(truncatingIfNeeded: bytes.integer(field, at: $0 * size))
    }
  }
}
