// SPDX-License-Identifier: Apache-2.0
// The lock file of a data file that is being opened (SPEC.md 23.3): found, or made again.
//
// A lock file that is missing, foreign or of another boot may be made anew only while nobody is attached; else those who
// are attached would go on with the old one, and there would be two writers. If somebody is attached, the opener asks
// those for a new pair of files: they still have the old lock file in their memory, and replace the store by itself.

extension OpenRequest {
  /// The lock file, mapped; nil if all must be looked at again. Without a status it is a read-only handle's private
  /// zeros.
  func openLock(_ opened: OpenedData) throws(FormatError) -> (region: Region, status: FileStatus?)? {
    let size = LockGeometry(opened.header.geometry).fileSize
    if let (descriptor, status) = try validLock(opened, patience: readOnly ? Format.readerWait : 0) {
      defer { System.close(descriptor) }
      // Somebody asked for a new lock file, and here it is.
      if opened.superseded == Format.supersededLockLost, !readOnly {
        try CreationLock(files, waiting: creationWait).unmark(opened.file)
        return nil
      }
      return (try Region(descriptor: descriptor, size: size, writable: !readOnly), status)
    }
    if readOnly { return (try Region(anonymous: size), nil) }
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
    let isAlone = try creation.whileAlone(opened.file) { () throws(FormatError) in
      try creation.rebuildLock(opened.header, environment, data: opened.file.status)
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

  /// Whether the lock file that is there now belongs to the data file of an attachment.
  package func hasLock(of file: Attachment) throws(FormatError) -> Bool {
    guard let lock = try validLock(of: file.header, file.mapping.file.status) else { return false }
    System.close(lock.descriptor)
    return true
  }

  /// Opens the lock file, which may come some nanoseconds after the data file.
  private func validLock(
    _ opened: OpenedData, patience: Int64
  ) throws(FormatError) -> (descriptor: Int32, status: FileStatus)? {
    let end = System.bootTime() + patience
    while true {
      if let file = try validLock(of: opened.header, opened.file.status) { return file }
      guard System.bootTime() < end else { return nil }
      System.sleep(Format.sleepNanoseconds)
    }
  }

  /// Opens the lock file if it is whole and belongs to this data file and this boot.
  private func validLock(
    of header: Header, _ data: FileStatus
  ) throws(FormatError) -> (descriptor: Int32, status: FileStatus)? {
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
        return (file, status)
      }
      System.close(file)
      return nil
    } catch {
      System.close(file)
      throw error
    }
  }
}
