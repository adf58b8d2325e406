// SPDX-License-Identifier: Apache-2.0
// One attached pair of files: the mappings, the verified header, the clock, the registration. Immutable once made; a
// handle keeps every attachment it ever used until it goes away, so a reader never loses its memory.

import Synchronization

/// A store's files, mapped and verified.
package final class Attachment: Sendable {
  package let path: String
  package let header: Header
  package let environment: Environment
  /// Which entry goes when one must.
  let policy: VictimPolicy?
  package let isReadOnly: Bool
  /// False for a read-only handle that found no lock file: it can't prove a miss.
  let hasLockFile: Bool
  let descriptor: Int32
  private let dataRegion: Region
  private let lockRegion: Region
  let data: Window
  let lock: Window
  let lockGeometry: LockGeometry
  let registration: Registration?
  /// Offset of this handle's counters, nil if it is read-only.
  let stripe: Int?
  private let clockBase: Int64
  /// Who registered.
  private let processID: Int32
  let storeWords: (UInt64, UInt64)
  package let status: FileStatus
  /// Calls that hold or may take a shard.
  private let holders = Atomic<Int>(0)
  private let isWithdrawn = Atomic<Bool>(false)

  init(
    path: String, opened: OpenedData, data: Region, lock: Region, hasLockFile: Bool, registration: Registration?,
    environment: Environment, policy: VictimPolicy?
  ) {
    self.path = path
    header = opened.header
    self.environment = environment
    self.policy = policy
    isReadOnly = registration == nil
    self.hasLockFile = hasLockFile
    descriptor = opened.descriptor
    dataRegion = data
    lockRegion = lock
    self.data = data.window
    self.lock = lock.window
    lockGeometry = LockGeometry(opened.header.geometry)
    self.registration = registration
    stripe = registration.map { [lockGeometry] in
      lockGeometry.countersOffset + $0.stripe * CounterFields.structure.size
    }
    clockBase = opened.clock.base
    processID = environment.process().id
    storeWords = (
      opened.header.storeID.integer(Field("", 0, 8)), opened.header.storeID.integer(Field("", 8, 8))
    )
    status = opened.status
  }

  deinit { if ownsDescriptor { System.close(descriptor) } }

  /// Whether the descriptor still is that of the data file.
  private var ownsDescriptor: Bool {
    guard let now = try? System.status(descriptor, path) else { return false }
    return now.inode == status.inode && now.device == status.device
  }

  /// Whether a full shard makes room instead of refusing.
  var evicts: Bool { header.evictionID == Format.evictionSieve }

  // MARK: Shards

  @inline(__always)
  package func shard(of hash: UInt64) -> Shard {
    shard(Int(truncatingIfNeeded: hash) & (header.geometry.shardCount &- 1))
  }

  @inline(__always)
  package func shard(_ index: Int) -> Shard {
    Shard(header.geometry, lockGeometry, index: index, data: data, lock: lock)
  }

  package var shards: some Sequence<Shard> { (0..<header.geometry.shardCount).lazy.map { self.shard($0) } }

  @inline(__always)
  package func hash(_ key: UnsafeRawBufferPointer) -> UInt64 { unsafe XXH3.hash64(key, seed: header.hashSeed) }

  /// Runs `body` as the shard's owner.
  ///
  /// - Throws: `busy`, `superseded`, `closed`, and what `body` throws.
  package func withShard<Result>(
    _ shard: Shard, limit: Int64, _ body: () throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    holders.add(1, ordering: .sequentiallyConsistent)
    defer { holders.subtract(1, ordering: .sequentiallyConsistent) }
    guard !isWithdrawn.load(ordering: .sequentiallyConsistent) else {
      throw FormatError(.closed, "the handle was closed", path: path)
    }
    guard let registration else {
      throw FormatError(.readOnly, "this handle was opened with access .readOnly", path: path)
    }
    let wasTakenOver = try shard.acquire(registration.owner, limit: limit, isDead: isDead(owner:))
    defer { shard.release() }
    try checkCurrent()
    if wasTakenOver || shard.isTorn { shard.recover(in: self) }
    return try body()
  }

  /// Recovers each shard that nobody holds and that its last owner left in the middle of a change.
  func recoverTorn() {
    for shard in shards where shard.isTorn && shard.isUnowned {
      // Whoever takes it first recovers it; if that is somebody else, all the better.
      try? withShard(shard, limit: Format.readerWait) { () throws(FormatError) in }
    }
  }

  // MARK: State

  /// - Throws: `superseded` once another process has replaced or deleted the store.
  @inline(__always)
  package func checkCurrent() throws(FormatError) {
    let word = data.acquire64(Format.stateOffset &+ StateFields.superseded.offset)
    if word != Format.supersededCurrent { throw superseded(word) }
  }

  private func superseded(_ word: UInt64) -> FormatError {
    FormatError(
      .superseded,
      word == Format.supersededDeleted
        ? "the store was deleted: open it again to make a new one"
        : "the store was replaced: close this handle and open it again", path: path,
      offset: Format.stateOffset)
  }

  /// Nanoseconds of store time.
  package func storeTime() -> UInt64 { UInt64(bitPattern: environment.bootTime() &+ clockBase) }

  /// - Throws: `noSpace`.
  func allocate(_ offset: Int, _ size: Int) throws(FormatError) {
    // A program that closed every descriptor may have a file of its own under our number.
    guard ownsDescriptor else {
      throw FormatError(
        .closed, "the store's file descriptor was closed by someone else: open the store again", path: path)
    }
    try System.allocate(descriptor, offset, size, path)
  }

  package func allocatedBytes() throws(FormatError) -> (data: Int, lock: Int) {
    let data = try System.status(descriptor, path)
    return (data.allocated, try System.status(path: path + StoreFiles.lockSuffix)?.allocated ?? 0)
  }

  /// Writes what is in memory to the disk. On tmpfs there is none.
  package func sync() throws(FormatError) { try System.sync(descriptor, path) }

  /// Gives the registry entry and its lock back. The mappings stay until the attachment goes away.
  ///
  /// Waits for calls that hold or may take a shard: an owner word that names an entry which somebody else has claimed
  /// meanwhile would pass for a dead owner's.
  package func withdraw() {
    guard !isWithdrawn.exchange(true, ordering: .sequentiallyConsistent) else { return }
    // After a fork the entry and its lock are the parent's.
    guard environment.process().id == processID else { return }
    while holders.load(ordering: .sequentiallyConsistent) > 0 { System.yield() }
    if let registration {
      registration.withdraw(descriptor, lock: lock, geometry: lockGeometry, path: path)
    } else {
      _ = try? System.lockByte(descriptor, .none, at: Format.readerLockOffset, path)
    }
  }
}

extension Attachment {
  /// The lock-free lookup, and the one under the lock after too many tries.
  ///
  /// - Parameters:
  ///   - marking: whether a hit marks the entry visited.
  ///   - copy: may run several times; only its last run counts, and only for a hit.
  @inline(__always)
  package func lookup(
    _ key: UnsafeRawBufferPointer, hash: UInt64, marking: Bool, copy: (Shard, Candidate) -> Void
  ) -> Lookup {
    let shard = shard(of: hash)
    var retries = 0
    var result = unsafe shard.lookup(
      key, hash: hash, retries: &retries, now: storeTime
    ) { copy(shard, $0) }
    if retries > 0 { count(.retries, retries) }
    switch result {
    case .hit(let candidate):
      if marking, !isReadOnly, !shard.isVisited(candidate.slot) { shard.setVisited(candidate.slot, true) }
    case .miss:
      if !hasLockFile { result = .busy }
    case .busy:
      // Too many changes, or an owner that stopped or died in the middle of one: whoever may hold the shard looks there,
      // and recovers it if need be.
      guard !isReadOnly else { break }
      let locked = try? withShard(shard, limit: Format.readerWait / 2) { () throws(FormatError) in
        unsafe shard.lockedLookup(key, hash: hash, now: storeTime) { copy(shard, $0) }
      }
      result = locked ?? .busy
    }
    return result
  }

  /// What the checksum of an entry with these private copies ought to be.
  package func checksum(
    hash: UInt64, _ candidate: Candidate, _ metadata: EntryMetadata, stored: [UInt8]
  ) -> UInt64 {
    let index = Int(truncatingIfNeeded: hash) & (header.geometry.shardCount &- 1)
    return EntryChecksum.value(
      storeID: storeWords, shard: index, slot: candidate.slot.raw, header: candidate.header, metadata: metadata,
      digest: XXH3.hash64(stored, seed: 0))
  }
}
