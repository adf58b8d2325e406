// SPDX-License-Identifier: Apache-2.0
// The lock file's header (SPEC.md §5.7) and its registry of attached handles.
//
//   | header 4096 | shard lines 256 x n | registry 64 x 1024 | counters 256 x 256 | leases | visited bytes | record |
//
// Nothing in this file is needed to read what is stored; it is rebuilt when it is missing, foreign or of another boot,
// by whoever can prove that nobody is attached. All its blocks are allocated when it is made.

/// The verified first page of a lock file.
public struct LockHeader: Equatable, Sendable {
  public var storeID: [UInt8]
  public var bootID: [UInt8]
  public var dataDevice: UInt64
  public var dataInode: UInt64
  public var geometry: LockGeometry

  /// - Throws: `truncated`, `notAStore`, `foreignByteOrder`, `unsupportedVersion`, `corruptHeader`,
  ///   `corruptLockFile`.
  public init(verifying page: [UInt8], fileSize: Int, data: Header) throws(FormatError) {
    typealias F = LockHeaderFields
    try Header.identify(page, magic: Format.lockMagic, what: "lock")
    // A newer version's features may use reserved bytes, and have room behind ours.
    let features = page.integer(F.compatFeatures)
    let hasNewer = features & ~Format.knownLockCompat != 0
    if !hasNewer, let offset = Reserved(F.structure).firstNonzero(in: page) {
      throw FormatError(.corruptHeader, "a reserved byte is not zero", offset: offset, rule: "WKV-L01")
    }
    storeID = page.slice(F.storeID)
    guard storeID == data.storeID else {
      throw FormatError(
        .corruptLockFile, "it belongs to another store", offset: F.storeID.offset, field: F.storeID.name,
        rule: "WKV-L02")
    }
    geometry = LockGeometry(data.geometry, record: try LockHeader.record(page, features))
    for (field, expected) in LockHeader.derived(geometry) where page.integer(field) != UInt64(expected) {
      if hasNewer, field == F.fileSize, page.integer(field) > UInt64(expected) { continue }
      throw FormatError(
        .corruptLockFile, "\(field.name) is \(page.integer(field)), the data file gives \(expected)",
        offset: field.offset, field: field.name, rule: "WKV-L03")
    }
    guard fileSize == page.integer(F.fileSize) else {
      throw FormatError(
        .corruptLockFile, "the file has \(fileSize) bytes, its geometry needs \(page.integer(F.fileSize))",
        offset: F.fileSize.offset, field: F.fileSize.name, rule: "WKV-L03")
    }
    bootID = page.slice(F.bootID)
    dataDevice = page.integer(F.dataDevice)
    dataInode = page.integer(F.dataInode)
  }

  package init(
    _ data: Header, bootID: [UInt8], device: UInt64, inode: UInt64, record: RequestRecord? = nil
  ) {
    storeID = data.storeID
    self.bootID = bootID
    dataDevice = device
    dataInode = inode
    geometry = LockGeometry(data.geometry, record: record)
  }

  private static func record(_ page: [UInt8], _ features: UInt64) throws(FormatError) -> RequestRecord? {
    typealias F = LockHeaderFields
    guard features & Format.lockCompatRequests != 0 else { return nil }
    let (cells, shift) = (Int(page.integer(F.recordCells)), Int(page.integer(F.recordShift)))
    if let record = RequestRecord(cells: cells, shift: shift) { return record }
    let field = RequestRecord.isPossible(cells: cells) ? F.recordShift : F.recordCells
    throw FormatError(
      .corruptLockFile, "\(field.name) is \(page.integer(field)), out of its limits", offset: field.offset,
      field: field.name, rule: "WKV-L03")
  }

  private static func derived(_ geometry: LockGeometry) -> [(Field, Int)] {
    typealias F = LockHeaderFields
    return [
      (F.fileSize, geometry.fileSize), (F.shardCount, geometry.shardCount),
      (F.slotsPerShard, geometry.slotsPerShard), (F.registryEntries, Format.registryEntries),
      (F.counterStripes, Format.counterStripes), (F.leaseCells, Format.leaseCells),
      (F.linesOffset, geometry.linesOffset), (F.registryOffset, geometry.registryOffset),
      (F.countersOffset, geometry.countersOffset), (F.leasesOffset, geometry.leasesOffset),
      (F.visitedOffset, geometry.visitedOffset), (F.visitedStride, geometry.visitedStride),
      (F.recordOffset, geometry.recordOffset), (F.recordCells, geometry.record?.cells ?? 0),
      (F.recordShift, geometry.record?.shift ?? 0),
    ]
  }

  public func encoded() -> [UInt8] {
    typealias F = LockHeaderFields
    var page = [UInt8](repeating: 0, count: Format.pageSize)
    page.set(F.magic, bytes: Format.lockMagic)
    page.set(F.majorVersion, Format.majorVersion)
    page.set(F.minorVersion, Format.minorVersion)
    page.set(F.headerSize, Format.pageSize)
    page.set(F.storeID, bytes: storeID)
    page.set(F.bootID, bytes: bootID)
    page.set(F.dataDevice, dataDevice)
    page.set(F.dataInode, dataInode)
    for (field, value) in LockHeader.derived(geometry) { page.set(field, value) }
    if geometry.record != nil { page.set(F.compatFeatures, Format.lockCompatRequests) }
    page.set(F.checksum, XXH3.hash64([UInt8](page.prefix(F.checksum.offset)), seed: 0))
    return page
  }
}

/// A handle's place among the attached, and the word that names it as owner of a shard.
struct Registration: Sendable {
  let entry: Int
  let generation: UInt32

  /// generation << 32 | entry + 1; never 0.
  var owner: UInt64 { UInt64(generation) << 32 | UInt64(entry + 1) }
  /// The handle's counter stripe; stripe 0 is the baseline.
  var stripe: Int { 1 + entry % (Format.counterStripes - 1) }

  /// Claims the first entry whose byte of the data file can be locked. The lock lasts as long as the descriptor.
  ///
  /// - Throws: `tooManyProcesses` when every entry is taken.
  static func claim(
    _ file: OpenFile, data: Window, lock: Window, geometry: LockGeometry, environment: Environment
  ) throws(FormatError) -> Registration {
    typealias F = RegistryFields
    let process = environment.process()
    for entry in 0..<Format.registryEntries {
      let byte = Format.registryLockOffset + Int64(entry)
      guard try System.lockByte(file.descriptor, .write, at: byte, file.path) else { continue }
      let at = geometry.registryOffset + entry * F.structure.size
      guard planted(.livingEntryClaimed) || !RegistryEntry(lock, at).isAliveUnlocked(process, data) else {
        // A daemon that closed all its files has lost its lock and may still hold a shard.
        _ = try System.lockByte(file.descriptor, .none, at: byte, file.path)
        continue
      }
      let generation = max(1, lock.load32(at + F.generation.offset) &+ 1)
      lock.store32(at + F.generation.offset, generation)
      lock.store64(at + F.startTime.offset, process.startTime)
      lock.store64(at + F.pidNamespace.offset, process.pidNamespace)
      lock.store64(at + F.timeNamespace.offset, process.timeNamespace)
      lock.store64(at + F.attached.offset, UInt64(bitPattern: environment.bootTime()))
      lock.store32(at + F.uid.offset, process.userID)
      lock.release32(at + F.pid.offset, UInt32(bitPattern: process.id))
      return Registration(entry: entry, generation: generation)
    }
    throw FormatError(
      .tooManyProcesses, "all \(Format.registryEntries) places for attached handles are taken: close some",
      path: file.path)
  }

  /// Gives the entry back; its byte lock is given back afterwards.
  func withdraw(lock: Window, geometry: LockGeometry) {
    lock.release32(geometry.registryOffset + entry * RegistryFields.structure.size + RegistryFields.pid.offset, 0)
  }
}
