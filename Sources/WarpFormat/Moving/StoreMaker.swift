// SPDX-License-Identifier: Apache-2.0
// A new store that is filled before anybody can open it (SPEC.md 24.4, steps N2 to N10 of 10.1).
//
// - It is made under temporary names, filled through a mapping that nobody else has, and renamed at the end. Whoever is
//   killed before leaves no file of the final name; the next creator of that name removes what is left.
// - The creation lock of the new name is held meanwhile.
// - What is on a disk is written there, and says that it was left clean, so that the store survives a reboot.

/// Makes one store; it is there once `publish` has returned.
package final class StoreMaker {
  /// What became of an entry.
  package enum Arrival: Equatable, Sendable {
    /// So many others were given up for it.
    case added(evicted: Int)
    /// Neither raw nor compressed.
    case tooLarge
    /// There is no place, and nobody may go.
    case full
  }

  private let files: StoreFiles
  private let environment: Environment
  private let creation: CreationLock
  private let header: Header
  private var attachment: Attachment?
  /// The file that has the name now.
  private let former: FileStatus?
  private let policy: VictimPolicy?
  private var evictions = 0

  /// - Parameters:
  ///   - header: of the new store, with identity and seed as they are to be.
  ///   - replaces: whether a store that has the name may be replaced.
  ///   - policy: chooses who goes when there are too many; nil: nobody.
  /// - Throws: `invalidArgument` if the name is taken; what a creation throws. Nothing is then left.
  package init(
    _ path: String, _ header: Header, _ clock: ClockRecord, replaces: Bool, policy: VictimPolicy?,
    environment: Environment = .system
  ) throws(FormatError) {
    let given = StoreFiles(path: path)
    try given.checkPath()
    files = given.absolute()
    self.environment = environment
    self.header = header
    self.policy = policy
    try StoreMaker.checkName(files, replaces)
    creation = try CreationLock(files, waiting: Format.writerWait)
    // Somebody may have been faster.
    former = try StoreMaker.checkName(files, replaces)
    try creation.prepare(header, clock, environment, record: nil)
    do throws(FormatError) {
      let data = try OpenFile(opening: files.newData, .readWrite, reopens: false)
      let lock = try OpenFile(opening: files.newLock, .readWrite, reopens: false)
      attachment = Attachment(
        path: files.newData,
        mapping: Mapping(
          header: header, clock: clock, file: data,
          data: try Region(descriptor: data.descriptor, size: header.geometry.fileSize, writable: true),
          lock: try LockMapping(
            FoundLock(
              descriptor: lock.descriptor, status: lock.status, geometry: LockGeometry(header.geometry)),
            writable: true)),
        registration: nil, environment: environment,
        // Entries go when there are too many, never to make room on a full disk for another.
        policy: { file, shard, isEligible in
          shard.count >= shard.capacity ? policy?(file, shard, isEligible) : nil
        })
    } catch {
      creation.discard()
      throw error
    }
    if planted(.namedBeforeFilled) { try creation.publish() }
  }

  deinit {
    if attachment != nil { creation.discard() }
  }

  @discardableResult
  private static func checkName(_ files: StoreFiles, _ replaces: Bool) throws(FormatError) -> FileStatus? {
    guard let status = try System.status(path: files.data) else { return nil }
    guard replaces else {
      throw FormatError(
        .invalidArgument, "there is a file of this name: choose another, or say --force", path: files.data)
    }
    return status
  }

  /// Adds an entry as the newest, with its times as they are; nothing counts as expired.
  ///
  /// - Throws: `noSpace` and what else blocks can't be had for.
  package func add(_ entry: CarriedEntry) throws(FormatError) -> Arrival {
    guard let attachment, let entry = header.fitted(entry) else { return .tooLarge }
    let hash = unsafe entry.key.withUnsafeBytes { unsafe attachment.hash($0) }
    let shard = attachment.shard(of: hash)
    let isNew = unsafe entry.key.withUnsafeBytes { key in
      unsafe shard.find(key, HashParts(hash: hash)) == nil
    }
    if isNew, shard.count >= shard.capacity, policy == nil || !attachment.evicts { return .full }
    let changes = try entry.withPending(hash: hash) { (pending) throws(FormatError) in
      try shard.set(pending, in: attachment, now: { 0 })
    }
    if isNew, let slot = shard.newest { shard.setVisited(slot, entry.isVisited) }
    evictions += changes.evictions
    return .added(evicted: changes.evictions)
  }

  /// Lets the hand of a shard name the entry that was added to it last, if none had to go so far.
  package func setHand(atNewestOf index: Int) {
    guard evictions == 0, let shard = attachment?.shard(index) else { return }
    shard.hand = shard.newest
  }

  /// What `verify` would say of the store as it is.
  package func findings() throws(FormatError) -> [Finding] {
    guard attachment != nil else { return [] }
    let data = try System.open(files.newData, .readOnly)
    defer { System.close(data) }
    let lock = try System.open(files.newLock, .readOnly)
    defer { System.close(lock) }
    return try Verifier(FileImage(descriptor: data, lockDescriptor: lock, path: files.newData)).findings()
  }

  /// Gives the store its name. Handles of a store that had it follow.
  package func publish() throws(FormatError) {
    guard let attachment else { return }
    do throws(FormatError) {
      try leaveClean(attachment)
      if former != nil { try supersede() }
    } catch {
      creation.discard()
      self.attachment = nil
      throw error
    }
    self.attachment = nil
    try creation.publish()
  }

  /// D4: what is on a disk says that all of it is there.
  private func leaveClean(_ attachment: Attachment) throws(FormatError) {
    try attachment.sync()
    let descriptor = try System.open(files.newData, .readOnly)
    defer { System.close(descriptor) }
    guard environment.fileSystem(descriptor) != FileSystems.tmpfs else { return }
    attachment.data.store(DetachRecord(bootID: try environment.bootID(), detached: attachment.storeTime()))
    try attachment.sync()
  }

  /// P5 for the file that has the name. What is no store of ours is not ours to replace.
  private func supersede() throws(FormatError) {
    let file = try System.open(files.data, .readWrite)
    defer { System.close(file) }
    let status = try System.status(file, files.data)
    try status.checkSecure(files.data)
    let page = try System.read(file, at: 0, count: Format.pageSize, files.data)
    do throws(FormatError) {
      try Header.identify(page, magic: Format.dataMagic, what: "store")
    } catch {
      throw error.at(files.data)
    }
    if status.size >= Format.shardsOffset { try creation.mark(file, header.storeWord) }
  }
}
