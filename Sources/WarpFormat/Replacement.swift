// SPDX-License-Identifier: Apache-2.0
// Replacing a store by another with other parameters, or with a new lock file (SPEC.md 23.4).
//
// - The replacer is an attached handle. It holds the creation lock and owns every shard, so nothing changes while it
//   copies; hits and misses go on in the old file.
// - `superseded` is stored before the rename and the rename is the commit point. Until then nobody can have stored to the
//   new file, so whoever still reads the old one reads what is current. If the replacer dies before the rename, the name
//   still leads to the old file, and whoever gets the creation lock takes the mark back.
// - The shards are given back after the rename. Nobody can change them any more: `superseded` is looked at under the
//   owner word.

extension Attachment {
  /// P1 to P8. Returns whether it was done: not if the files are no longer the store, or no longer in the state that asks
  /// for it.
  ///
  /// - Parameters:
  ///   - recording: whether the new store has a record of requests.
  ///   - word: what `superseded` is now: 0, or that the lock file was lost.
  ///   - creationWait: nanoseconds to wait for the creation lock.
  ///   - writerWait: nanoseconds to wait for the owner of a shard.
  /// - Throws: `busy` if a living writer keeps a shard; `noSpace`, `fileSizeLimit` and others of a creation. The store is
  ///   then as it was, and nobody is asked for another lock file any more.
  package func replace(
    with header: Header, recording: Recording = .asFound, from word: UInt64 = Format.supersededCurrent,
    creationWait: Int64, writerWait: Int64
  ) throws(FormatError) -> Bool {
    let files = StoreFiles(path: path)
    let creation = try CreationLock(files, waiting: creationWait)
    guard supersededWord == word, try isNamed() else { return false }
    if word == Format.supersededLockLost,
      try mapping.lock.status?.isSameFile(as: System.status(path: files.lock)) == true
    {
      // The lock file is where it was: nothing was lost.
      mark(Format.supersededCurrent)
      return false
    }
    var owned = 0
    defer { for index in 0..<owned { shard(index).release() } }
    do throws(FormatError) {
      for shard in shards {
        try own(shard, limit: writerWait)
        owned += 1
      }
      let record = recording.record(insteadOf: lockGeometry.record)
      try creation.prepare(header, mapping.clock, environment, record: record)
      if header.schemaFingerprint == self.header.schemaFingerprint {
        try copyEntries(to: header, LockGeometry(header.geometry, record: record), files)
      }
      if !planted(.replacedUnmarked) { mark(header.storeWord) }
      try creation.publish()
    } catch {
      creation.discard()
      // Without the first rename the files are what they were. Without the second the store has its new data file, and
      // its lock file is made by whoever opens it next.
      guard try isNamed() else { return true }
      mark(Format.supersededCurrent)
      throw error
    }
    return true
  }

  /// Replaces the files by ones with the same parameters, because the lock file was lost.
  package func replaceLostLock(patience: Int64) throws(FormatError) {
    let drawn = try Header(Parameters(), geometry: header.geometry, environment: environment)
    _ = try replace(
      with: drawn.inheriting(header), from: Format.supersededLockLost,
      creationWait: min(patience, Format.creationWait), writerWait: patience)
  }

  /// Takes a shard as its owner, and leaves it sound.
  private func own(_ shard: Shard, limit: Int64) throws(FormatError) {
    guard let registration else { throw FormatError(.readOnly, "a read-only handle can't replace", path: path) }
    let wasTakenOver = try shard.acquire(
      registration.owner, Waiter(limit: limit, mayGoOn: true), isDead: isDead(owner:))
    if wasTakenOver || shard.isTorn { shard.recover(in: self) }
  }

  private func copyEntries(
    to header: Header, _ lockGeometry: LockGeometry, _ files: StoreFiles
  ) throws(FormatError) {
    let data = try OpenFile(opening: files.newData, .readWrite, reopens: false)
    let lock = try OpenFile(opening: files.newLock, .readWrite, reopens: false)
    // An entry goes when there are too many, and never to make room on a full disk for another: that stops the replacement.
    let policy = policy
    let whenFull: VictimPolicy = { file, shard, isEligible in
      shard.count >= shard.capacity ? policy?(file, shard, isEligible) : nil
    }
    let new = Attachment(
      path: files.newData,
      mapping: Mapping(
        header: header, clock: mapping.clock, file: data,
        data: try Region(descriptor: data.descriptor, size: header.geometry.fileSize, writable: true),
        lock: try LockMapping(
          FoundLock(descriptor: lock.descriptor, status: lock.status, geometry: lockGeometry), writable: true)),
      registration: nil, environment: environment, policy: whenFull)
    var carrier = Carrier(from: self, to: new)
    try carrier.run()
  }
}
