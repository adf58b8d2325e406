// SPDX-License-Identifier: Apache-2.0
// Making, rebuilding and deleting a store's files under the creation lock (SPEC.md §10.1).
//
// - Files are made whole under a temporary name and renamed; the rename of the data file is the only commit point.
// - Nothing truncates or overwrites a file that could be mapped.
// - Every block that will be written without a further check is allocated first.

extension StoreFiles {
  /// Deletes the store; returns whether there was one.
  package func delete() throws(FormatError) -> Bool {
    try checkPath()
    // Without a directory there is no store, and no reason to make a lock file for it.
    guard try System.status(path: data) != nil else { return false }
    do throws(FormatError) {
      return try CreationLock(self).delete()
    } catch {
      throw error.at(data)
    }
  }

  /// Takes the names away from a file that `delete` refuses because its header is none. Nobody can be told, and not a byte
  /// of it is changed. Returns whether there was one.
  package func deleteUnrecognized() throws(FormatError) -> Bool {
    try checkPath()
    guard let status = try System.status(path: data) else { return false }
    try status.checkSecure(data)
    do throws(FormatError) {
      return try CreationLock(self).deleteNames()
    } catch {
      throw error.at(data)
    }
  }
}

/// The creation lock of one store, held until it goes away.
struct CreationLock: ~Copyable {
  private let file: OpenFile
  private let files: StoreFiles

  /// - Throws: `busy` after the waiting limit in nanoseconds, `insecureFile`, `readOnly`.
  init(_ files: StoreFiles, waiting limit: Int64 = Format.creationWait) throws(FormatError) {
    file = try CreationLock.take(files, limit)
    self.files = files
  }

  private static func take(_ files: StoreFiles, _ limit: Int64) throws(FormatError) -> OpenFile {
    let path = files.initialization
    for _ in 0..<Format.readerTries {
      // Tracked before it is locked: a child must not hold what its parent was killed with.
      let file = try OpenFile(opening: path, .createOrOpen, reopens: false)
      try file.status.checkSecure(path)
      try System.lockFile(file.descriptor, waiting: limit, path)
      // A name that was removed meanwhile is somebody else's lock by now, and a child of a fork that began meanwhile may
      // share this one.
      guard try file.status.isSameFile(as: System.status(path: path)), !file.mayBeShared else {
        System.unlockFile(file.descriptor)
        continue
      }
      // Leftovers of a creator that died.
      try System.remove(files.newData)
      try System.remove(files.newLock)
      return file
    }
    throw FormatError(.busy, "the creation lock kept being removed, or shared by forks: try again", path: path)
  }

  deinit {
    if planted(.creationLockUnlinked) { _ = try? System.remove(files.initialization) }
    if file.isNotForeign { System.unlockFile(file.descriptor) }
  }

  /// Runs `body` with the lock. To keep the lock in a variable is not enough: `_ =` of it gives it back at once.
  func hold(_ body: () throws(FormatError) -> Void) throws(FormatError) {
    try withExtendedLifetime(file) { () throws(FormatError) in try body() }
  }

  /// Runs `body` if nobody is attached, and lets nobody attach meanwhile; returns whether it ran. An attacher that finds
  /// every byte locked waits for the creation lock.
  ///
  /// - Parameter data: the data file, on which the asking handle itself holds no lock.
  func whileAlone(_ data: OpenFile, _ body: () throws(FormatError) -> Void) throws(FormatError) -> Bool {
    let (start, count) = (Format.registryLockOffset, Format.registryLockCount)
    guard
      try System.lockByte(data.descriptor, .write, at: start, count: count, data.path) || planted(.aloneUnproven)
    else { return false }
    defer { _ = try? System.lockByte(data.descriptor, .none, at: start, count: count, data.path) }
    try body()
    return true
  }

  /// Makes both files; whatever had the names is replaced.
  func create(
    _ header: Header, _ environment: Environment, record: RequestRecord?
  ) throws(FormatError) {
    try prepare(header, try ClockRecord.initial(environment), environment, record: record)
    try publish()
  }

  /// Makes both files under their temporary names.
  func prepare(
    _ header: Header, _ clock: ClockRecord, _ environment: Environment, record: RequestRecord?
  ) throws(FormatError) {
    do throws(FormatError) {
      let identity = try makeData(header, clock, environment)
      try makeLock(header, environment, identity, record, isTorn: false)
    } catch {
      discard()
      throw error
    }
  }

  /// Gives what `prepare` made its names. The first rename is the commit point; if only the second fails, the lock file
  /// is foreign and the next opener makes another.
  func publish() throws(FormatError) {
    do throws(FormatError) {
      if !planted(.madeInPlace) { try System.rename(files.newData, files.data) }
      try System.rename(files.newLock, files.lock)
    } catch {
      discard()
      throw error
    }
  }

  func discard() {
    if planted(.halfMadeFilesStay) { return }
    _ = try? System.remove(files.newData)
    _ = try? System.remove(files.newLock)
  }

  /// Replaces the lock file of a data file to which nobody is attached. What the old one knew is lost, so every shard
  /// counts as left in the middle of a change: its next owner recovers it.
  func rebuildLock(
    _ header: Header, _ environment: Environment, data: FileStatus, record: RequestRecord?
  ) throws(FormatError) {
    do throws(FormatError) {
      try makeLock(header, environment, data, record, isTorn: true)
      try System.rename(files.newLock, files.lock)
    } catch {
      _ = try? System.remove(files.newLock)
      throw error
    }
  }

  /// Replaces the lock file of a data file to which nobody is attached by one with another record of requests. All else
  /// that the old one knows is carried over.
  func reshapeLock(
    _ header: Header, _ environment: Environment, data: FileStatus, from old: FoundLock, record: RequestRecord?
  ) throws(FormatError) {
    do throws(FormatError) {
      try makeLock(header, environment, data, record, isTorn: false)
      let file = try System.open(files.newLock, .readWrite)
      defer { System.close(file) }
      let end = LockGeometry(header.geometry).fileSize
      for start in stride(from: Format.pageSize, to: end, by: Format.copyChunk) {
        let count = min(Format.copyChunk, end - start)
        let bytes = try System.read(old.descriptor, at: start, count: count, files.lock)
        try System.write(file, at: start, bytes, files.newLock)
      }
      try System.rename(files.newLock, files.lock)
    } catch {
      _ = try? System.remove(files.newLock)
      throw error
    }
  }

  private func makeData(
    _ header: Header, _ clock: ClockRecord, _ environment: Environment
  ) throws(FormatError) -> FileStatus {
    let path = planted(.madeInPlace) ? files.data : files.newData
    let file = try System.open(path, .createExclusive)
    defer { System.close(file) }
    try FileSystems.check(environment.fileSystem(file), path)
    let geometry = header.geometry
    try System.setSize(file, geometry.fileSize, path)
    try System.allocate(file, 0, Format.shardsOffset, path)
    for shard in 0..<geometry.shardCount {
      try System.allocate(file, geometry.shardOffset(shard), geometry.slotsOffset, path)
    }
    try System.write(file, at: Format.stateOffset, clock.initialState(), path)
    try System.write(file, at: 0, header.encoded(), path)
    // A name on the disk must not lead to a file whose header isn't there. On tmpfs this does nothing.
    try System.sync(file, path)
    return try System.status(file, path)
  }

  private func makeLock(
    _ header: Header, _ environment: Environment, _ data: FileStatus, _ record: RequestRecord?, isTorn: Bool
  ) throws(FormatError) {
    let path = files.newLock
    let file = try System.open(path, .createExclusive)
    defer { System.close(file) }
    let records = environment.recordsInode
    let lock = LockHeader(
      header, bootID: try environment.bootID(), device: records ? data.device : 0,
      inode: records ? data.inode : 0, record: record)
    try System.setSize(file, lock.geometry.fileSize, path)
    try System.allocate(file, 0, lock.geometry.fileSize, path)
    if isTorn {
      let stride = LockLineFields.structure.size
      var lines = [UInt8](repeating: 0, count: lock.geometry.shardCount * stride)
      for shard in 0..<lock.geometry.shardCount { lines.set(LockLineFields.sequence, 1, at: shard * stride) }
      try System.write(file, at: lock.geometry.linesOffset, lines, path)
    }
    try System.write(file, at: 0, lock.encoded(), path)
  }

  /// Marks the store deleted for whoever has it open, and removes the names. Returns whether there was one.
  func delete() throws(FormatError) -> Bool {
    guard try System.status(path: files.data) != nil else {
      _ = try System.remove(files.lock)
      return false
    }
    let file = try System.open(files.data, .readWrite)
    defer { System.close(file) }
    let status = try System.status(file, files.data)
    try status.checkSecure(files.data)
    let page = try System.read(file, at: 0, count: Format.pageSize, files.data)
    // What is not a store of ours is not ours to delete.
    try Header.identify(page, magic: Format.dataMagic, what: "store")
    // A file cut shorter than its state block has nobody attached who could be told.
    if status.size >= Format.shardsOffset { try forget(file) }
    return try deleteNames()
  }

  func deleteNames() throws(FormatError) -> Bool {
    let wasThere = try System.remove(files.data)
    try System.remove(files.lock)
    return wasThere
  }

  /// Whoever marks a file superseded takes its name away before giving the creation lock back. If the file still has
  /// the name, that process died in between: the file is the store again.
  func unmark(_ opened: OpenFile) throws(FormatError) {
    guard try opened.status.isSameFile(as: System.status(path: files.data)) else { return }
    try mark(opened.descriptor, Format.supersededCurrent)
  }

  /// Marks the store deleted. If the machine loses its power before the directory is written, the name comes back; so the
  /// record that the store was left clean is made invalid on the disk first.
  private func forget(_ file: Int32) throws(FormatError) {
    try change(file) { (state) throws(FormatError) in
      if state.hasDetachRecord, !planted(.deletesWithRecord) {
        state.invalidateDetachRecord()
        try System.sync(file, files.data)
      }
      state.release64(Format.stateOffset + StateFields.superseded.offset, Format.supersededDeleted)
    }
  }

  func mark(_ file: Int32, _ word: UInt64) throws(FormatError) {
    try change(file) { (state) throws(FormatError) in
      state.release64(Format.stateOffset + StateFields.superseded.offset, word)
    }
  }

  /// Through a mapping, because a write to a file over RLIMIT_FSIZE is a signal even where it grows nothing.
  private func change(_ file: Int32, _ body: (Window) throws(FormatError) -> Void) throws(FormatError) {
    try System.allocate(file, Format.stateOffset, Format.pageSize, files.data)
    let region = try Region(descriptor: file, size: Format.shardsOffset, writable: true)
    defer { withExtendedLifetime(region) {} }
    try body(region.window)
  }
}
