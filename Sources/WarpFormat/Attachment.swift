// SPDX-License-Identifier: Apache-2.0
// One attached pair of files: the mappings, the verified header, the clock, the registration. Immutable once made; a
// handle keeps every attachment it ever used until it goes away, so a reader never loses its memory. How an attachment
// ends is in Leaving.swift.

import Synchronization

/// A pair of files, opened, verified and mapped.
struct Mapping: Sendable {
  let header: Header
  let clock: ClockRecord
  var file: OpenFile
  let data: Region
  /// Without a status for a read-only handle that found no lock file: it can't prove a miss.
  let lock: LockMapping
}

/// A store's files, mapped, and this process's place among those who use them.
package final class Attachment: Sendable {
  package let path: String
  package let header: Header
  package let environment: Environment
  /// Which entry goes when one must.
  let policy: VictimPolicy?
  let mapping: Mapping
  /// nil: it may not write.
  let registration: Registration?
  /// Offset of this handle's counters, nil if it may not write.
  let stripe: Int?
  let data: Window
  let lock: Window
  package let lockGeometry: LockGeometry
  /// nil: there is no record of requests, or this handle may not write to it.
  let recorder: RequestRecorder?
  package let gate: Gate
  private let clockBase: Int64
  /// Who registered.
  let processID: Int32
  let storeWords: (UInt64, UInt64)
  let quick: QuickNumbers
  let stay = Stay()

  init(
    path: String, mapping: Mapping, registration: Registration?, environment: Environment, policy: VictimPolicy?
  ) {
    self.path = path
    self.environment = environment
    self.policy = policy
    self.mapping = mapping
    header = mapping.header
    self.registration = registration
    data = mapping.data.window
    lock = mapping.lock.region.window
    lockGeometry = mapping.lock.geometry
    recorder = registration == nil ? nil : RequestRecorder(mapping.lock.geometry)
    stripe = registration.map { [lockGeometry] in
      lockGeometry.countersOffset + $0.stripe * CounterFields.structure.size
    }
    gate = mapping.file.gate
    quick = QuickNumbers(header, lockGeometry, data: data, lock: lock, records: recorder != nil)
    clockBase = mapping.clock.base
    processID = environment.process().id
    storeWords = (
      mapping.header.storeID.integer(Field("", 0, 8)), mapping.header.storeID.integer(Field("", 8, 8))
    )
  }

  @inline(__always)
  package var isReadOnly: Bool { registration == nil }
  @inline(__always)
  package var hasLockFile: Bool { mapping.lock.status != nil }

  /// Whether a full shard makes room instead of refusing.
  var evicts: Bool { header.evictionID == Format.evictionSieve }

  // MARK: Shards

  @inline(__always)
  package func shard(of hash: UInt64) -> Shard {
    shard(header.geometry.shardIndex(of: hash))
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
  /// - Parameters:
  ///   - limit: nanoseconds to wait for another owner.
  ///   - mayGoOn: whether the limit begins anew whenever the shard changes hands.
  /// - Throws: `busy`, `superseded`, `readOnly`, and what `body` throws.
  package func withShard<Result>(
    _ shard: Shard, limit: Int64, mayGoOn: Bool = true, _ body: () throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    guard pin() else { throw superseded() }
    defer { unpin() }
    return try withPinnedShard(shard, limit: limit, mayGoOn: mayGoOn, body)
  }

  /// The same for whoever has pinned the attachment.
  package func withPinnedShard<Result>(
    _ shard: Shard, limit: Int64, mayGoOn: Bool = true, _ body: () throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    // A child of a fork must not own a shard in its parent's name.
    guard gate.value == 0 else { throw superseded() }
    guard let registration else {
      throw FormatError(.readOnly, "this handle was opened with access .readOnly", path: path)
    }
    if planted(.ownerNotTaken) { return try body() }
    let wasTakenOver = try shard.acquire(
      registration.owner, Waiter(limit: limit, mayGoOn: mayGoOn), isDead: isDead(owner:))
    defer { shard.release() }
    if wasTakenOver || shard.isTorn { shard.recover(in: self) }
    try checkCurrent()
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

  /// 0 as long as the files are the store.
  @inline(__always)
  package var supersededWord: UInt64 { data.acquire64(Format.stateOffset &+ StateFields.superseded.offset) }

  /// Whether the lock-free path may be used: nothing has happened that a call has to look at first.
  @inline(__always)
  package var isCurrent: Bool { gate.value == 0 && supersededWord == Format.supersededCurrent }

  /// - Throws: `superseded` once another process has replaced or deleted the store.
  func checkCurrent() throws(FormatError) {
    if supersededWord != Format.supersededCurrent { throw superseded() }
  }

  package func superseded() -> FormatError {
    FormatError(
      .superseded,
      supersededWord == Format.supersededDeleted
        ? "the store was deleted: open it again to make a new one"
        : "the store was replaced, and what has its name now can't be used by this handle: open it again",
      path: path, offset: Format.stateOffset)
  }

  /// Nanoseconds of store time.
  package func storeTime() -> UInt64 { UInt64(bitPattern: environment.bootTime() &+ clockBase) }

  /// - Throws: `noSpace`, `descriptorLost`.
  func allocate(_ offset: Int, _ size: Int) throws(FormatError) {
    try mapping.file.checkOurs()
    try System.allocate(mapping.file.descriptor, offset, size, path)
  }

  package func allocatedBytes() throws(FormatError) -> (data: Int, lock: Int) {
    try mapping.file.checkOurs()
    let data = try System.status(mapping.file.descriptor, path)
    return (data.allocated, try System.status(path: StoreFiles(path: path).lock)?.allocated ?? 0)
  }

  /// Writes what is in memory to the disk. On tmpfs there is none.
  ///
  /// - Throws: `descriptorLost`, `noSpace`, `system`.
  package func sync() throws(FormatError) {
    try mapping.file.checkOurs()
    try System.sync(mapping.file.descriptor, path)
  }

  /// What the registry says of this handle.
  package var ownRegistryEntry: (index: Int, pid: Int32) {
    guard let registration else { return (-1, 0) }
    let at = lockGeometry.registryOffset + registration.entry * RegistryFields.structure.size
    return (registration.entry, Int32(bitPattern: lock.load32(at + RegistryFields.pid.offset)))
  }

  /// Whether the path still leads to these files' data file.
  package func isNamed() throws(FormatError) -> Bool {
    mapping.file.status.isSameFile(as: try System.status(path: path))
  }

  /// Stores to `superseded`. The caller has the creation lock.
  func mark(_ word: UInt64) {
    data.release64(Format.stateOffset + StateFields.superseded.offset, word)
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
      if planted(.hitStoresToData) {
        shard.put64(ControlFields.lastStamp, shard.get64(ControlFields.lastStamp) &+ 1)
      }
      if marking, !isReadOnly, !shard.isVisited(candidate.slot) { shard.setVisited(candidate.slot, true) }
    case .miss:
      if !hasLockFile { result = .busy }
    case .busy:
      // Too many changes, or an owner that stopped or died in the middle of one: whoever may hold the shard looks there,
      // and recovers it if need be.
      guard !isReadOnly else { break }
      let locked = try? withShard(shard, limit: Format.readerWait / 2, mayGoOn: false) { () throws(FormatError) in
        unsafe shard.lockedLookup(key, hash: hash, now: storeTime) { copy(shard, $0) }
      }
      result = locked ?? .busy
      if case .hit(let candidate) = result, marking { shard.setVisited(candidate.slot, true) }
    }
    return result
  }

  /// What the checksum of an entry with these private copies ought to be.
  package func checksum(
    hash: UInt64, _ candidate: Candidate, _ metadata: EntryMetadata, stored: [UInt8]
  ) -> UInt64 {
    let index = header.geometry.shardIndex(of: hash)
    return EntryChecksum.value(
      storeID: storeWords, shard: index, slot: candidate.slot.raw, header: candidate.header, metadata: metadata,
      digest: XXH3.hash64(stored, seed: 0))
  }
}
