// SPDX-License-Identifier: Apache-2.0
// From a path to an attachment (SPEC.md §10.1): open, check, map, register; create or start anew where nobody is.

/// How to open.
package struct OpenRequest: Sendable {
  package var files: StoreFiles
  package var parameters: Parameters
  package var readOnly: Bool
  /// Make the store if there is none.
  package var creates: Bool
  /// Accept a store whose parameters differ.
  package var usesExisting: Bool
  package var environment: Environment
  package var policy: VictimPolicy?

  package init(
    files: StoreFiles, parameters: Parameters, readOnly: Bool, creates: Bool, usesExisting: Bool,
    environment: Environment, policy: VictimPolicy? = nil
  ) {
    self.files = files
    self.parameters = parameters
    self.readOnly = readOnly
    self.creates = creates
    self.usesExisting = usesExisting
    self.environment = environment
    self.policy = policy
  }
}

/// A data file that is open and verified, not yet mapped.
struct OpenedData {
  let descriptor: Int32
  let header: Header
  let clock: ClockRecord
  let status: FileStatus
  let superseded: UInt64
}

extension OpenRequest {
  /// - Throws: whatever is wrong with the arguments, the files or the system; nothing has then changed.
  package func attach() throws(FormatError) -> Attachment {
    guard 1.littleEndian == 1 else {
      throw FormatError(.unsupportedPlatform, "stores are little-endian; this machine is not")
    }
    try files.checkPath()
    let wanted = try Geometry(parameters)
    for attempt in 0..<Format.attachTries {
      // Another process may be replacing or deleting the files; each round looks at them afresh.
      if attempt > 0 { System.sleep(min(Int64(attempt) * 10_000, 1_000_000)) }
      do throws(FormatError) {
        guard let opened = try openData() else {
          guard creates, !readOnly else {
            throw FormatError(.notFound, "there is no store: create it first", path: files.data)
          }
          try create(wanted)
          continue
        }
        if let attachment = try attach(opened, wanted) { return attachment }
      } catch {
        throw error.at(files.data)
      }
    }
    throw FormatError(.busy, "the store's files kept changing while it was opened: try again", path: files.data)
  }

  private func create(_ geometry: Geometry) throws(FormatError) {
    let header = try Header(parameters, geometry: geometry, environment: environment)
    let creation = try CreationLock(files)
    if try System.status(path: files.data) == nil { try creation.create(header, environment) }
  }

  /// Opens and verifies the data file; nil if there is none.
  private func openData() throws(FormatError) -> OpenedData? {
    let descriptor: Int32
    do throws(FormatError) {
      descriptor = try System.open(files.data, readOnly ? .readOnly : .readWrite)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
    do throws(FormatError) {
      let status = try System.status(descriptor, files.data)
      try status.checkSecure(files.data)
      try FileSystems.check(environment.fileSystem(descriptor), files.data)
      let page = try System.read(descriptor, at: 0, count: Format.pageSize, files.data)
      let header = try Header(verifying: page, fileSize: status.size)
      guard readOnly || header.allowsWriting else {
        throw FormatError(
          .unsupportedFeatures, "a newer version's features allow reading only: open with access .readOnly",
          offset: HeaderFields.roCompatFeatures.offset, field: HeaderFields.roCompatFeatures.name, rule: "WKV-V02")
      }
      let state = try System.read(descriptor, at: Format.stateOffset, count: Format.pageSize, files.data)
      guard state.count == Format.pageSize, let clock = ClockRecord.current(state) else {
        throw FormatError(
          .corruptState, "no valid clock record: delete the store", offset: Format.stateOffset, rule: "WKV-S02")
      }
      return OpenedData(
        descriptor: descriptor, header: header, clock: clock, status: status,
        superseded: state.integer(StateFields.superseded))
    } catch {
      System.close(descriptor)
      throw error
    }
  }

  /// Maps and registers; nil if the files changed meanwhile and must be looked at again.
  private func attach(_ opened: OpenedData, _ wanted: Geometry) throws(FormatError) -> Attachment? {
    var isOpen = true
    defer { if isOpen { System.close(opened.descriptor) } }
    guard opened.superseded == Format.supersededCurrent else {
      if !readOnly { try CreationLock(files).unmark(opened) }
      return nil
    }
    guard opened.clock.bootID == environment.bootID() else {
      try startAnew(opened, wanted)
      return nil
    }
    if !usesExisting { try compare(opened.header, wanted) }
    let data = try Region(
      descriptor: opened.descriptor, size: opened.header.geometry.fileSize, writable: !readOnly)
    guard let lock = try openLock(opened) else { return nil }
    var registration: Registration?
    if readOnly {
      guard try System.lockByte(opened.descriptor, .read, at: Format.readerLockOffset, files.data) else {
        return nil
      }
    } else {
      registration = try Registration.claim(
        opened.descriptor, lock: lock.region.window, geometry: LockGeometry(opened.header.geometry),
        environment: environment, path: files.data)
    }
    let attachment = Attachment(
      path: files.data, opened: opened, data: data, lock: lock.region, hasLockFile: lock.exists,
      registration: registration, environment: environment, policy: policy)
    isOpen = false
    // Attached means registered in files that still have the names: whoever replaces them later sees our lock.
    let named = try System.status(path: files.data)
    let lockNow = try System.status(path: files.lock)
    let lockIsNamed = !lock.exists || lockNow?.inode == lock.inode
    guard named?.inode == opened.status.inode, named?.device == opened.status.device, lockIsNamed else {
      attachment.withdraw()
      return nil
    }
    if !readOnly { data.window.clearDetach() }
    if !readOnly { attachment.recoverTorn() }
    return attachment
  }

  private func compare(_ header: Header, _ wanted: Geometry) throws(FormatError) {
    let has = header.geometry
    let pairs: [(String, Int, Int)] = [
      ("capacity", has.capacity, wanted.capacity), ("shards", has.shardCount, wanted.shardCount),
      ("maxKeySize", has.maxKeySize, wanted.maxKeySize), ("maxValueSize", has.maxValueSize, wanted.maxValueSize),
      ("maxRawSize", has.maxRawSize, wanted.maxRawSize),
      ("eviction", Int(header.evictionID), Int(parameters.eviction)),
      ("compression", header.usesZstd ? 1 : 0, parameters.zstd ? 1 : 0),
      (
        "schemaFingerprint", Int(truncatingIfNeeded: header.schemaFingerprint),
        Int(truncatingIfNeeded: parameters.schemaFingerprint)
      ),
    ]
    for (name, has, wants) in pairs where has != wants {
      throw FormatError(
        .parametersDiffer,
        "the store was made with \(name) \(has), not \(wants): ask for the same, open it with ifDifferent "
          + ".useExisting, or delete it", field: name)
    }
  }

  // MARK: Under the creation lock

  /// The lock file, mapped; nil if it was rebuilt and all must be looked at again.
  private func openLock(_ opened: OpenedData) throws(FormatError) -> (
    region: Region, exists: Bool, inode: UInt64
  )? {
    let size = LockGeometry(opened.header.geometry).fileSize
    if let file = try validLock(opened) {
      defer { System.close(file.descriptor) }
      let region = try Region(descriptor: file.descriptor, size: size, writable: !readOnly)
      return (region, true, file.inode)
    }
    if readOnly { return (try Region(anonymous: size), false, 0) }
    let end = System.bootTime() + Format.writerWait
    while true {
      if try rebuildLock(opened) { return nil }
      guard System.bootTime() < end else {
        throw FormatError(
          .lockFileMissing,
          "\(files.lock) is missing or foreign while others use the store: let them close it, then open it again")
      }
      System.sleep(10_000_000)
    }
  }

  /// Makes a new lock file if nobody is attached; true if the files must be looked at again.
  private func rebuildLock(_ opened: OpenedData) throws(FormatError) -> Bool {
    let creation = try CreationLock(files)
    if let file = try validLock(opened) {
      System.close(file.descriptor)
      return true
    }
    guard try System.status(path: files.data)?.inode == opened.status.inode else { return true }
    guard try isAlone(opened) else { return false }
    try creation.rebuildLock(opened.header, environment, data: opened.status)
    return true
  }

  /// Opens the lock file if it is whole and belongs to this data file and this boot.
  private func validLock(_ opened: OpenedData) throws(FormatError) -> (descriptor: Int32, inode: UInt64)? {
    let file: Int32
    do throws(FormatError) {
      file = try System.open(files.lock, readOnly ? .readOnly : .readWrite)
    } catch {
      if error.code == .notFound || readOnly { return nil }
      throw error.at(files.lock)
    }
    do throws(FormatError) {
      let status = try System.status(file, files.lock)
      try status.checkSecure(files.lock)
      let page = try System.read(file, at: 0, count: Format.pageSize, files.lock)
      if let header = try? LockHeader(verifying: page, fileSize: status.size, data: opened.header),
        header.bootID == environment.bootID(),
        header.dataInode == 0 && header.dataDevice == 0
          || header.dataInode == opened.status.inode && header.dataDevice == opened.status.device
      {
        return (file, status.inode)
      }
      System.close(file)
      return nil
    } catch {
      System.close(file)
      throw error
    }
  }

  /// Whether every registry byte can be locked: nobody is attached. The locks are given back at once; whoever
  /// attaches from now on finds what is made under the creation lock.
  private func isAlone(_ opened: OpenedData) throws(FormatError) -> Bool {
    let count = Int64(Format.registryEntries) + 1
    guard
      try System.lockByte(
        opened.descriptor, .write, at: Format.registryLockOffset, count: count, files.data)
    else { return false }
    return try System.lockByte(opened.descriptor, .none, at: Format.registryLockOffset, count: count, files.data)
  }

  /// After a reboot the store starts empty: a checksum proves integrity, not currency.
  private func startAnew(_ opened: OpenedData, _ wanted: Geometry) throws(FormatError) {
    guard !readOnly else {
      throw FormatError(
        .clockDomainMismatch, "the store was last used in another boot: open it with access .readWrite once",
        offset: Format.stateOffset, rule: "WKV-S02")
    }
    let creation = try CreationLock(files)
    guard try System.status(path: files.data)?.inode == opened.status.inode else { return }
    guard try isAlone(opened) else {
      throw FormatError(
        .clockDomainMismatch, "it is in use under another boot id: processes of two hosts can't share a store",
        offset: Format.stateOffset, rule: "WKV-S02")
    }
    let geometry = usesExisting ? opened.header.geometry : wanted
    var header = try Header(parameters, geometry: geometry, environment: environment)
    if usesExisting { header = header.inheriting(opened.header) }
    try creation.create(header, environment)
  }
}

extension Header {
  /// A new store with another's parameters.
  func inheriting(_ other: Header) -> Header {
    var copy = other
    copy.storeID = storeID
    copy.hashSeed = hashSeed
    copy.created = created
    copy.writerName = writerName
    return copy
  }
}
