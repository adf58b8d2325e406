// SPDX-License-Identifier: Apache-2.0
// The lock file as seen from outside (SPEC.md §5.8 to §5.12 and "Verification", rules L01 to L03).
//
// A `LockImage` exists only if the lock file's header is sound and belongs to the data file, so its offsets may be used.
// Every word in it may change between two reads; single words are taken as they come.

/// The owner word of a shard or of a lease: a registry entry and its generation; 0 is nobody.
public struct OwnerWord: Equatable, Sendable {
  public let word: UInt64

  public init(word: UInt64) { self.word = word }

  public var entry: Int { Int(UInt32(truncatingIfNeeded: word)) }
  public var generation: UInt64 { word >> 32 }
}

/// A shard's line in the lock file.
public struct LockLine: Equatable, Sendable {
  public let sequence: UInt64
  public let owner: OwnerWord
  public let recoveries: UInt64

  /// Nobody is at work on the shard.
  var isQuiet: Bool { owner.word == 0 && sequence & 1 == 0 }
}

/// A lock file that belongs to a data file.
public struct LockImage: Sendable {
  public let path: String
  public let geometry: LockGeometry
  /// The first page, as it is in the file.
  public let headerPage: [UInt8]
  let file: ByteFile

  public var bootID: [UInt8] { headerPage.slice(LockHeaderFields.bootID) }

  /// - Throws: what breaks a rule, with the rule's id; `system` without one.
  init(descriptor: Int32, path: String, of header: Header) throws(FormatError) {
    typealias F = LockHeaderFields
    self.path = path
    geometry = LockGeometry(header.geometry)
    file = try ByteFile(descriptor: descriptor, path: path)
    headerPage = try System.read(descriptor, at: 0, count: Format.pageSize, path)
    do {
      try Header.identify(headerPage, magic: Format.lockMagic, what: "lock")
    } catch {
      throw FormatError(error.code, error.message, path: path, offset: error.offset, rule: "WKV-L01")
    }
    if let offset = Reserved(F.structure).firstNonzero(in: headerPage) {
      throw FormatError(
        .corruptLockFile, "a reserved byte is not zero", path: path, offset: offset, rule: "WKV-L01")
    }
    guard headerPage.slice(F.storeID) == header.storeID else {
      throw FormatError(
        .corruptLockFile, "it belongs to another store: the ids differ", path: path, offset: F.storeID.offset,
        rule: "WKV-L02")
    }
    for (field, expected) in LockImage.derived(geometry) where headerPage.integer(field) != UInt64(expected) {
      throw FormatError(
        .corruptLockFile, "\(field.name) is \(headerPage.integer(field)), the data file gives \(expected)",
        path: path, offset: field.offset, rule: "WKV-L03")
    }
    guard file.size == geometry.fileSize else {
      throw FormatError(
        .corruptLockFile, "it has \(file.size) bytes, its geometry needs \(geometry.fileSize)", path: path,
        offset: F.fileSize.offset, rule: "WKV-L03")
    }
  }

  /// The header's fields that follow from the data file.
  package static func derived(_ geometry: LockGeometry) -> [(Field, Int)] {
    typealias F = LockHeaderFields
    return [
      (F.fileSize, geometry.fileSize), (F.shardCount, geometry.shardCount),
      (F.slotsPerShard, geometry.slotsPerShard), (F.registryEntries, Format.registryEntries),
      (F.counterStripes, Format.counterStripes), (F.leaseCells, Format.leaseCells),
      (F.linesOffset, geometry.linesOffset), (F.registryOffset, geometry.registryOffset),
      (F.countersOffset, geometry.countersOffset), (F.leasesOffset, geometry.leasesOffset),
      (F.visitedOffset, geometry.visitedOffset), (F.visitedStride, geometry.visitedStride),
    ]
  }

  func lineOffset(_ shard: Int) -> Int { geometry.linesOffset + shard * LockLineFields.structure.size }

  public func line(_ shard: Int) throws(FormatError) -> LockLine {
    let bytes = try file.read(at: lineOffset(shard), count: LockLineFields.structure.size)
    return LockLine(
      sequence: bytes.integer(LockLineFields.sequence),
      owner: OwnerWord(word: bytes.integer(LockLineFields.owner)),
      recoveries: bytes.integer(LockLineFields.recoveries))
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

  /// The sum of the stripes less the baseline, which is stripe 0.
  public func counters() throws(FormatError) -> [(counter: Counter, value: UInt64)] {
    let size = CounterFields.structure.size
    let stripes = try file.read(at: geometry.countersOffset, count: Format.counterStripes * size)
    return Counter.allCases.map { counter in
      var sum = UInt64(0)
      for stripe in 1..<Format.counterStripes { sum &+= stripes.integer(counter.field, at: stripe * size) }
      return (counter, sum &- stripes.integer(counter.field))
    }
  }
}
