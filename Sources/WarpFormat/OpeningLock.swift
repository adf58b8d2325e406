// SPDX-License-Identifier: Apache-2.0
// The lock file of a data file that is being opened (SPEC.md 23.3): found, or made again.
//
// A lock file that is missing, foreign or of another boot may be made anew only while nobody is attached; else those who
// are attached would go on with the old one, and there would be two writers. If somebody is attached, the opener asks
// those for a new pair of files: they still have the old lock file in their memory, and replace the store by itself.

/// A lock file, mapped.
struct LockMapping: Sendable {
  let region: Region
  let geometry: LockGeometry
  /// nil: a read-only handle's private zeros.
  let status: FileStatus?

  /// What a handle without a lock file has instead.
  init(zerosFor geometry: Geometry) throws(FormatError) {
    self.geometry = LockGeometry(geometry)
    region = try Region(anonymous: self.geometry.fileSize)
    status = nil
  }

  init(_ found: FoundLock, writable: Bool) throws(FormatError) {
    geometry = found.geometry
    region = try Region(descriptor: found.descriptor, size: geometry.fileSize, writable: writable)
    status = found.status
  }
}

/// A lock file that is whole and belongs to the data file, open.
struct FoundLock {
  let descriptor: Int32
  let status: FileStatus
  let geometry: LockGeometry
}

extension OpenRequest {
  /// The lock file, mapped; nil if all must be looked at again.
  func openLock(_ opened: OpenedData) throws(FormatError) -> LockMapping? {
    if let found = try validLock(opened, patience: readOnly ? Format.readerWait : 0) {
      defer { System.close(found.descriptor) }
      // Somebody asked for a new lock file, and here it is.
      if opened.superseded == Format.supersededLockLost, !readOnly {
        try CreationLock(files, waiting: creationWait).unmark(opened.file)
        return nil
      }
      if !readOnly, recording.record(insteadOf: found.geometry.record) != found.geometry.record,
        try reshape(opened, found)
      {
        return nil
      }
      return try LockMapping(found, writable: !readOnly)
    }
    if readOnly { return try LockMapping(zerosFor: opened.header.geometry) }
    let end = System.bootTime() + Format.lostLockWait
    while true {
      if try rebuildLock(opened, isLast: System.bootTime() >= end) { return nil }
      System.sleep(10_000_000)
    }
  }

  /// K1 to K4: makes a new lock file if nobody is attached, else asks those who are. True if the files must be looked
  /// at again.
  ///
  /// - Parameter isLast: to give up, and take the question back.
  /// - Throws: `lockFileMissing` the last time.
  private func rebuildLock(_ opened: OpenedData, isLast: Bool) throws(FormatError) -> Bool {
    let creation = try CreationLock(files, waiting: creationWait)
    if let file = try validLock(opened, patience: 0) {
      System.close(file.descriptor)
      return true
    }
    guard try opened.file.status.isSameFile(as: System.status(path: files.data)) else { return true }
    let record = recording.record(insteadOf: try lastRecord(opened.header))
    let isAlone = try creation.whileAlone(opened.file) { () throws(FormatError) in
      try creation.rebuildLock(opened.header, environment, data: opened.file.status, record: record)
      try creation.mark(opened.file.descriptor, Format.supersededCurrent)
    }
    if isAlone { return true }
    try creation.mark(opened.file.descriptor, isLast ? Format.supersededCurrent : Format.supersededLockLost)
    guard isLast else { return false }
    throw FormatError(
      .lockFileMissing,
      "\(files.lock) is missing or foreign, and those who use the store do nothing with it that would make it anew: let "
        + "them close it, or use it, and try again")
  }

  /// K5: gives the store another record of requests, or none, if nobody is attached. True if the files must be looked at
  /// again; else the store keeps the record that it has.
  private func reshape(_ opened: OpenedData, _ found: FoundLock) throws(FormatError) -> Bool {
    let creation = try CreationLock(files, waiting: creationWait)
    guard try found.status.isSameFile(as: System.status(path: files.lock)),
      try opened.file.status.isSameFile(as: System.status(path: files.data))
    else { return true }
    let record = recording.record(insteadOf: found.geometry.record)
    return try creation.whileAlone(opened.file) { () throws(FormatError) in
      try creation.reshapeLock(opened.header, environment, data: opened.file.status, from: found, record: record)
    }
  }

  /// The record of the lock file that was there last, of whatever boot.
  func lastRecord(_ header: Header) throws(FormatError) -> RequestRecord? {
    let file: Int32
    do throws(FormatError) {
      file = try System.open(files.lock, .readOnly)
    } catch {
      if error.code == .notFound { return nil }
      throw error.at(files.lock)
    }
    defer { System.close(file) }
    let page = try System.read(file, at: 0, count: Format.pageSize, files.lock)
    let size = try System.status(file, files.lock).size
    return (try? LockHeader(verifying: page, fileSize: size, data: header))?.geometry.record
  }

  /// Whether the lock file that is there now belongs to the data file of an attachment.
  package func hasLock(of file: Attachment) throws(FormatError) -> Bool {
    guard let lock = try validLock(of: file.header, file.mapping.file.status) else { return false }
    System.close(lock.descriptor)
    return true
  }

  /// Opens the lock file, which may come some nanoseconds after the data file.
  private func validLock(_ opened: OpenedData, patience: Int64) throws(FormatError) -> FoundLock? {
    let end = System.bootTime() + patience
    while true {
      if let file = try validLock(of: opened.header, opened.file.status) { return file }
      guard System.bootTime() < end else { return nil }
      System.sleep(Format.sleepNanoseconds)
    }
  }

  /// Opens the lock file if it is whole and belongs to this data file and this boot.
  private func validLock(of header: Header, _ data: FileStatus) throws(FormatError) -> FoundLock? {
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
      let bootID = try environment.bootID()
      if let lock = try? LockHeader(verifying: page, fileSize: status.size, data: header), lock.bootID == bootID,
        lock.dataInode == 0 && lock.dataDevice == 0
          || lock.dataInode == data.inode && lock.dataDevice == data.device || planted(.foreignLockUsed)
      {
        return FoundLock(descriptor: file, status: status, geometry: lock.geometry)
      }
      System.close(file)
      return nil
    } catch {
      System.close(file)
      throw error
    }
  }
}
