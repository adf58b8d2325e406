// SPDX-License-Identifier: Apache-2.0
// The structures of a lock file for people and other readers to look at (SPEC.md §5.7, §5.8 and chapter 20).
//
// Nothing is judged here. Every word may change between two reads and is shown as it was found. What is zero throughout is
// left out, so what is kept in memory is at most what the file really holds.

extension LockImage {
  /// The areas that consist of structures of one kind.
  public enum Area: Sendable {
    case registry, counters, leases
  }

  /// One structure of an area.
  public struct Record: Sendable {
    /// Number in its area, from 0.
    public let index: Int
    /// In the lock file.
    public let offset: Int
    public let bytes: [UInt8]
  }

  private func place(_ area: Area) -> (structure: Structure, base: Int, count: Int) {
    switch area {
    case .registry: (RegistryFields.structure, geometry.registryOffset, Format.registryEntries)
    case .counters: (CounterFields.structure, geometry.countersOffset, Format.counterStripes)
    case .leases: (LeaseFields.structure, geometry.leasesOffset, geometry.shardCount * Format.leaseCells)
    }
  }

  /// The structures of an area that are not zero throughout.
  public func records(_ area: Area) throws(FormatError) -> [Record] {
    let (structure, base, count) = place(area)
    return try nonzero(structure, at: base, count: count)
  }

  func nonzero(_ structure: Structure, at base: Int, count: Int) throws(FormatError) -> [Record] {
    let size = structure.size
    let bytes = try file.sparse(at: base, count: count * size, chunkSize: Format.pageSize)
    var records: [Record] = []
    for index in 0..<bytes.chunkCount {
      guard let chunk = bytes.chunk(index) else { continue }
      for start in stride(from: 0, to: chunk.count, by: size) {
        guard chunk.firstNonzero(in: start..<(start + size)) != nil else { continue }
        let offset = index * bytes.chunkSize + start
        records.append(
          Record(index: offset / size, offset: base + offset, bytes: [UInt8](chunk[start..<(start + size)])))
      }
    }
    return records
  }

  /// The line of each shard.
  public func lineRecords() throws(FormatError) -> [Record] {
    var records: [Record] = []
    for shard in 0..<geometry.shardCount {
      let bytes = try file.read(at: lineOffset(shard), count: LockLineFields.structure.size)
      records.append(Record(index: shard, offset: lineOffset(shard), bytes: bytes))
    }
    return records
  }

  /// The slots of a shard, from 1, whose visited byte is not 0.
  public func visitedSlots(_ shard: Int) throws(FormatError) -> [Int] {
    let base = geometry.visitedOffset + shard * geometry.visitedStride
    let bytes = try file.sparse(at: base, count: geometry.visitedStride)
    var slots: [Int] = []
    for index in 0..<bytes.chunkCount {
      guard let chunk = bytes.chunk(index) else { continue }
      for place in chunk.indices where chunk[place] != 0 {
        let slot = index * bytes.chunkSize + place + 1
        if slot <= geometry.slotsPerShard { slots.append(slot) }
      }
    }
    return slots
  }
}
