// SPDX-License-Identifier: Apache-2.0
// A store whose clock record is of another boot (SPEC.md 23.6): it goes on if the last to leave had written everything to
// the disk and said so, and starts empty otherwise.
//
// A checksum proves that an entry is whole, not that it is the newest: after a loss of power values could come back that had
// been replaced or removed. The record proves that the disk has what the memory had; the checksums are verified all
// the same.

extension OpenRequest {
  /// Makes the store one of this boot.
  ///
  /// - Throws: `clockDomainMismatch` for a read-only handle, and if somebody uses the store under another boot id.
  func awaken(_ opened: OpenedData, _ wanted: Geometry) throws(FormatError) {
    guard !readOnly else {
      throw FormatError(
        .clockDomainMismatch, "the store was last used in another boot: open it with access .readWrite once",
        offset: Format.stateOffset, rule: "WKV-S02")
    }
    let creation = try CreationLock(files, waiting: creationWait)
    guard try opened.file.status.isSameFile(as: System.status(path: files.data)) else { return }
    let isAlone = try creation.whileAlone(opened.file) { () throws(FormatError) in
      // As it is now, under the lock.
      let state = try System.read(
        opened.file.descriptor, at: Format.stateOffset, count: Format.pageSize, files.data)
      guard let clock = ClockRecord.current(state), try clock.bootID != environment.bootID() else { return }
      if let left = DetachRecord(state), left.bootID == clock.bootID {
        try goOn(opened, clock, left, creation)
      } else {
        try startAnew(opened, wanted, creation)
      }
    }
    guard isAlone else {
      throw FormatError(
        .clockDomainMismatch, "it is in use under another boot id: processes of two hosts can't share a store",
        offset: Format.stateOffset, rule: "WKV-S02")
    }
  }

  private func startAnew(
    _ opened: OpenedData, _ wanted: Geometry, _ creation: borrowing CreationLock
  ) throws(FormatError) {
    let keepsParameters = ifDifferent == .useExisting
    let geometry = keepsParameters ? opened.header.geometry : wanted
    var header = try Header(parameters, geometry: geometry, environment: environment)
    if keepsParameters { header = header.inheriting(opened.header) }
    let record = recording.record(insteadOf: keepsParameters ? try lastRecord(opened.header) : nil)
    try creation.create(header, environment, record: record)
  }

  /// B1 to B4. Each step may be the last one that happens: before B3 is on the disk the store is as it was left, but for
  /// entries that were not sound; after it, it is of this boot, and its lock file is made as for any other.
  private func goOn(
    _ opened: OpenedData, _ clock: ClockRecord, _ left: DetachRecord, _ creation: borrowing CreationLock
  ) throws(FormatError) {
    let geometry = opened.header.geometry
    let file = Attachment(
      path: files.data,
      mapping: Mapping(
        header: opened.header, clock: clock, file: opened.file,
        data: try opened.file.map(geometry.fileSize, writable: true),
        lock: try LockMapping(zerosFor: geometry)),
      registration: nil, environment: environment, policy: nil)
    var latest = max(left.detached, UInt64(bitPattern: environment.realTime()))
    for shard in file.shards { latest = max(latest, shard.dropUnsound(file)) }
    let next = ClockRecord(
      generation: clock.generation &+ 1, bootID: try environment.bootID(),
      base: Int64(bitPattern: latest &- UInt64(bitPattern: environment.bootTime())))
    let state = file.data.bytes(Format.stateOffset, Format.pageSize)
    let isInA = ClockRecord(state, at: StateFields.clockA.offset) == clock
    file.data.storeState(isInA ? StateFields.clockB : StateFields.clockA, next.encoded())
    file.data.storeState(StateFields.detach, [UInt8](repeating: 0, count: StateFields.detach.size))
    try System.sync(opened.file.descriptor, files.data)
    let record = recording.record(insteadOf: try lastRecord(opened.header))
    try creation.rebuildLock(opened.header, environment, data: opened.file.status, record: record)
  }
}

extension Shard {
  /// Frees every slot whose entry fails its checksum, or is not zero where it must be; recovery then leaves it out. Returns
  /// the latest store time at which one of the others was written. O(used slots + bytes).
  fileprivate func dropUnsound(_ file: Attachment) -> UInt64 {
    var latest: UInt64 = 0
    for slot in usedSlots {
      let control = controlWord(slot)
      guard control.state == .live else { continue }
      let metadata = metadata(slot)
      if let header = header(slot) {
        let candidate = Candidate(slot: slot, header: header, control: control)
        let sum = file.checksum(hash: metadata.hash, candidate, metadata, stored: storedBytes(candidate))
        if sum == metadata.checksum && isZeroPadded(slot, header) || planted(.damagedEntryKept) {
          latest = max(latest, metadata.written)
          continue
        }
      }
      setControl(slot, control.with(.free))
    }
    return latest
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
