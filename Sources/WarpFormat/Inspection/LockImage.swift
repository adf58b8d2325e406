// SPDX-License-Identifier: Apache-2.0
// The lock file as seen from outside (SPEC.md §5.8 to §5.12 and "Verification", rules L01 to L03).
//
// A `LockImage` exists only if the lock file's header is sound and belongs to the data file, so its offsets may be used.
// Every word in it may change between two reads; single words are taken as they come.

/// The owner word of a shard or of a lease: generation << 32 | registry entry + 1; 0 is nobody.
public struct OwnerWord: Equatable, Sendable {
  public let word: UInt64

  public init(word: UInt64) { self.word = word }

  /// -1: none.
  public var entry: Int { Int(UInt32(truncatingIfNeeded: word)) - 1 }
  public var generation: UInt64 { word >> 32 }

  /// nil if the word names no registry entry (L1).
  var registryIndex: Int? { (0..<Format.registryEntries).contains(entry) ? entry : nil }
}

/// A shard's line in the lock file.
public struct LockLine: Equatable, Sendable {
  public let sequence: UInt64
  public let owner: OwnerWord
  public let recoveries: UInt64
  /// Bit c whenever lease cell c is claimed.
  public let leases: UInt64

  /// Nobody is at work on the shard.
  var isQuiet: Bool { owner.word == 0 && sequence & 1 == 0 }
}

/// A lease cell.
public struct LeaseImage: Equatable, Sendable {
  public let shard: Int
  public let cell: Int
  public let hash: UInt64
  /// 0: the cell is free.
  public let owner: OwnerWord
  /// Store time.
  public let deadline: UInt64
  let claim: UInt32
}

/// A lock file that belongs to a data file.
public struct LockImage: Sendable {
  public let path: String
  public let header: LockHeader
  /// The first page, as it is in the file.
  public let headerPage: [UInt8]
  let file: ByteFile

  public var geometry: LockGeometry { header.geometry }

  /// - Throws: what breaks a rule, with the rule's id; `system` without one.
  init(descriptor: Int32, path: String, of data: Header) throws(FormatError) {
    self.path = path
    do throws(FormatError) {
      file = try ByteFile(descriptor: descriptor, path: path)
      headerPage = try System.read(descriptor, at: 0, count: Format.pageSize, path)
      header = try LockHeader(verifying: headerPage, fileSize: file.size, data: data)
    } catch {
      // The rules that both files share have one id here: the finding is about the lock file.
      var error = error.at(path)
      if let rule = error.rule, !rule.hasPrefix("WKV-L") { error.rule = "WKV-L01" }
      throw error
    }
  }

  func lineOffset(_ shard: Int) -> Int { geometry.linesOffset + shard * LockLineFields.structure.size }

  public func line(_ shard: Int) throws(FormatError) -> LockLine {
    let bytes = try file.read(at: lineOffset(shard), count: LockLineFields.structure.size)
    return LockLine(
      sequence: bytes.integer(LockLineFields.sequence),
      owner: OwnerWord(word: bytes.integer(LockLineFields.owner)),
      recoveries: bytes.integer(LockLineFields.recoveries), leases: bytes.integer(LockLineFields.leases))
  }

  func leaseOffset(_ shard: Int, _ cell: Int) -> Int {
    geometry.leasesOffset + (shard * Format.leaseCells + cell) * LeaseFields.structure.size
  }

  func lease(_ shard: Int, _ cell: Int) throws(FormatError) -> LeaseImage {
    typealias F = LeaseFields
    let bytes = try file.read(at: leaseOffset(shard, cell), count: F.structure.size)
    return LeaseImage(
      shard: shard, cell: cell, hash: bytes.integer(F.hash), owner: OwnerWord(word: bytes.integer(F.owner)),
      deadline: bytes.integer(F.deadline), claim: UInt32(truncatingIfNeeded: bytes.integer(F.claim)))
  }

  /// All lines, by shard.
  func lines() throws(FormatError) -> [(Int, LockLine)] {
    var lines: [(Int, LockLine)] = []
    for shard in 0..<geometry.shardCount { lines.append((shard, try line(shard))) }
    return lines
  }

  /// One registry entry's 64 bytes.
  public func registryEntry(_ index: Int) throws(FormatError) -> [UInt8] {
    let size = RegistryFields.structure.size
    return try file.read(at: geometry.registryOffset + index * size, count: size)
  }

  /// The registry entries that somebody holds: index and bytes.
  public func attached() throws(FormatError) -> [(index: Int, bytes: [UInt8])] {
    let size = RegistryFields.structure.size
    let registry = try file.read(at: geometry.registryOffset, count: Format.registryEntries * size)
    return (0..<Format.registryEntries).compactMap { index in
      registry.integer(RegistryFields.pid, at: index * size) == 0
        ? nil : (index, [UInt8](registry[(index * size)..<((index + 1) * size)]))
    }
  }

  /// The sums of the stripes less the baseline, which is stripe 0.
  public func counters() throws(FormatError) -> CounterValues {
    let size = CounterFields.structure.size
    let stripes = try file.read(at: geometry.countersOffset, count: Format.counterStripes * size)
    var values = CounterValues()
    for counter in Counter.allCases {
      // Made anew at each mention.
      let field = counter.field
      for stripe in 1..<Format.counterStripes {
        values[counter] &+= stripes.integer(field, at: stripe * size)
      }
      values[counter] &-= stripes.integer(field)
    }
    return values
  }
}
