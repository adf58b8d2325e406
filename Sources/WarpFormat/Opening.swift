// SPDX-License-Identifier: Apache-2.0
// From a path to an attachment (SPEC.md §10.1): open, check, map, register; create, replace or start anew on the way.
//
// Other processes may be creating, replacing or deleting the files at any moment. So each round looks at them afresh, and
// attached means: registered in files that still have the names.

/// How to open.
package struct OpenRequest: Sendable {
  /// What to do with a store whose parameters differ from those asked for.
  package enum IfDifferent: Sendable { case replace, useExisting, fail }

  package var files: StoreFiles
  package var parameters: Parameters
  package var readOnly: Bool
  /// Make the store if there is none.
  package var creates: Bool
  package var ifDifferent: IfDifferent
  package var environment: Environment
  package var policy: VictimPolicy?
  /// Nanoseconds to wait for the creation lock.
  var creationWait = Format.creationWait
  /// Nanoseconds that a replacement waits for the owner of a shard.
  package var writerWait = Format.writerWait
  /// Whether the store is to have a record of requests. A store in use keeps the one that it has.
  package var recording = Recording.asFound

  package init(
    files: StoreFiles, parameters: Parameters, readOnly: Bool, creates: Bool, ifDifferent: IfDifferent,
    environment: Environment, policy: VictimPolicy? = nil
  ) throws(FormatError) {
    try files.checkPath()
    self.files = files.absolute()
    self.parameters = parameters
    self.readOnly = readOnly
    self.creates = creates
    self.ifDifferent = readOnly ? .useExisting : ifDifferent
    self.environment = environment
    self.policy = policy
  }
}

/// A data file that is open and verified, not yet mapped.
struct OpenedData {
  let file: OpenFile
  let header: Header
  let clock: ClockRecord
  /// The state block's page as it was.
  let state: [UInt8]

  var superseded: UInt64 { state.integer(StateFields.superseded) }
}

extension OpenRequest {
  /// The request of a handle that follows its store: it takes what is there, and has only so many nanoseconds.
  package func following(patience: Int64) -> OpenRequest {
    var request = self
    request.creates = false
    request.ifDifferent = .useExisting
    request.recording = .asFound
    request.creationWait = min(patience, Format.creationWait)
    return request
  }

  /// Takes the mark `superseded` back if whoever stored it died before it took the files' name away; false if it is at
  /// work.
  package func unmarkIfAbandoned(_ attachment: Attachment) throws(FormatError) -> Bool {
    do throws(FormatError) {
      try CreationLock(files, waiting: 0).hold { () throws(FormatError) in
        if try attachment.isNamed() { attachment.mark(Format.supersededCurrent) }
      }
      return true
    } catch {
      guard error.code == .busy else { throw error }
      return false
    }
  }

  /// What one opening has done already, so that it does it once.
  private struct Progress {
    var hasReplaced = false
    var waitsForPlace = 0
  }

  /// - Throws: whatever is wrong with the arguments, the files or the system; nothing has then changed.
  package func attach() throws(FormatError) -> Attachment {
    guard 1.littleEndian == 1 else {
      throw FormatError(.unsupportedPlatform, "stores are little-endian; this machine is not")
    }
    let wanted = try Geometry(parameters)
    let bootID = try environment.bootID()
    guard bootID.contains(where: { $0 != 0 }) else {
      throw FormatError(
        .unsupportedPlatform,
        "the system tells no boot id, so nobody could see that a store is of another boot: mount /proc",
        path: files.data)
    }
    // It is asked for once: it is what it is as long as this process lives.
    var request = self
    request.environment.bootID = { bootID }
    return try request.attach(wanted)
  }

  private func attach(_ wanted: Geometry) throws(FormatError) -> Attachment {
    var progress = Progress()
    for attempt in 0..<Format.attachTries {
      if attempt > 0 { System.sleep(min(Int64(attempt) * 10_000, 1_000_000)) }
      do throws(FormatError) {
        guard let opened = try openData() else {
          guard creates, !readOnly else {
            throw FormatError(.notFound, "there is no store: create it first", path: files.data)
          }
          try create(wanted)
          continue
        }
        if let attachment = try attach(opened, wanted, &progress) { return attachment }
      } catch {
        throw error.at(files.data)
      }
    }
    throw FormatError(.busy, "the store's files kept changing while it was opened: try again", path: files.data)
  }

  private func create(_ geometry: Geometry) throws(FormatError) {
    let header = try Header(parameters, geometry: geometry, environment: environment)
    let creation = try CreationLock(files, waiting: creationWait)
    guard try System.status(path: files.data) == nil else { return }
    try creation.create(header, environment, record: recording.record(insteadOf: nil))
  }

  /// Opens and verifies the data file; nil if there is none.
  private func openData() throws(FormatError) -> OpenedData? {
    let file: OpenFile
    do throws(FormatError) {
      file = try OpenFile(opening: files.data, readOnly ? .readOnly : .readWrite)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
    let (descriptor, status) = (file.descriptor, file.status)
    try status.checkSecure(files.data)
    try FileSystems.check(environment.fileSystem(descriptor), files.data)
    let page = try System.read(descriptor, at: 0, count: Format.pageSize, files.data)
    let header = try Header(verifying: page, fileSize: status.size)
    guard readOnly || header.allowsWriting || planted(.unknownFeaturesWritten) else {
      throw FormatError(
        .unsupportedFeatures, "a newer version's features allow reading only: open with access .readOnly",
        offset: HeaderFields.roCompatFeatures.offset, field: HeaderFields.roCompatFeatures.name, rule: "WKV-V02")
    }
    let state = try System.read(descriptor, at: Format.stateOffset, count: Format.pageSize, files.data)
    guard state.count == Format.pageSize, let clock = ClockRecord.current(state) else {
      throw FormatError(
        .corruptState, "no valid clock record: delete the store", offset: Format.stateOffset, rule: "WKV-S02")
    }
    return OpenedData(file: file, header: header, clock: clock, state: state)
  }

  /// Maps and registers; nil if the files changed meanwhile, or were changed, and must be looked at again.
  private func attach(
    _ opened: OpenedData, _ wanted: Geometry, _ progress: inout Progress
  ) throws(FormatError) -> Attachment? {
    guard opened.superseded == Format.supersededCurrent || opened.superseded == Format.supersededLockLost else {
      if !readOnly { try CreationLock(files, waiting: creationWait).unmark(opened.file) }
      return nil
    }
    guard try opened.clock.bootID == environment.bootID() || planted(.otherBootUsed) else {
      try awaken(opened, wanted)
      return nil
    }
    let difference = ifDifferent == .useExisting ? nil : difference(opened.header, wanted)
    if ifDifferent == .fail, let difference { throw difference }
    guard let attachment = try map(opened, &progress) else { return nil }
    guard difference != nil, !progress.hasReplaced || planted(.replacesAgain) else { return attachment }
    defer { attachment.leave() }
    progress.hasReplaced = try attachment.replace(
      with: Header(parameters, geometry: wanted, environment: environment), recording: recording,
      creationWait: creationWait, writerWait: writerWait)
    return nil
  }

  private func map(_ opened: OpenedData, _ progress: inout Progress) throws(FormatError) -> Attachment? {
    let data = try opened.file.map(opened.header.geometry.fileSize, writable: !readOnly)
    guard let lock = try openLock(opened) else { return nil }
    var registration: Registration?
    do throws(FormatError) {
      if readOnly {
        // Without a lock file there is nothing that must not be made anew.
        var isFree = true
        if lock.status != nil {
          isFree = try System.lockByte(opened.file.descriptor, .read, at: Format.readerLockOffset, files.data)
        }
        guard isFree else { return nil }
      } else {
        registration = try Registration.claim(
          opened.file, data: data.window, lock: lock.region.window, geometry: lock.geometry,
          environment: environment)
      }
    } catch {
      guard error.code == .tooManyProcesses, progress.waitsForPlace < Format.placeWaits else { throw error }
      // Whoever makes sure that nobody is attached holds every place, and the creation lock. Others may do so next.
      progress.waitsForPlace += 1
      _ = try CreationLock(files, waiting: creationWait)
      return nil
    }
    let attachment = Attachment(
      path: files.data,
      mapping: Mapping(
        header: opened.header, clock: opened.clock, file: opened.file, data: data, lock: lock),
      registration: registration, environment: environment, policy: policy)
    // Whoever replaces the files from here on sees our lock. A child of a fork that began meanwhile may share it.
    do throws(FormatError) {
      if !opened.file.mayBeShared, try attachment.settleIn() { return attachment }
    } catch {
      attachment.leave()
      throw error
    }
    attachment.leave()
    return nil
  }

  /// The first parameter in which a store differs from what is asked for, as an error.
  private func difference(_ header: Header, _ wanted: Geometry) -> FormatError? {
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
    guard let (name, has, wants) = pairs.first(where: { $0.1 != $0.2 }) else { return nil }
    return FormatError(
      .parametersDiffer,
      "the store was made with \(name) \(has), not \(wants): ask for the same, open it with ifDifferent "
        + ".useExisting or .replace, or delete it", field: name)
  }
}
