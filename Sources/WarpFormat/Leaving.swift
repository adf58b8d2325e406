// SPDX-License-Identifier: Apache-2.0
// How an attachment ends: its registration is given back, its memory too, and the last to leave says that the store was
// left clean (SPEC.md 10.1 and 23.6).
//
// - Whoever may hold a shard, or needs the mappings to stay, pins the attachment. The last one out ends it, so that no
//   owner word names an entry that somebody else has claimed meanwhile.
// - Lock-free readers don't pin. What they may still look at is replaced by private zeros at the same addresses: a
//   reader in there finds nothing, then finds the gate closed, and asks again where the store is now.

import Synchronization

/// Who still needs an attachment. It is over once, when it was left and the last of those who stayed is out.
struct Stay: ~Copyable, Sendable {
  private let pins = Atomic<Int>(0)
  private let isLeaving = Atomic<Bool>(false)
  private let over = Atomic<Bool>(false)
  /// The attachment that the same handle used before.
  let before = AttachmentCell(nil)

  var isOver: Bool { over.load(ordering: .sequentiallyConsistent) }

  /// False if it is being left. Whether or not, `unpin` is to follow.
  func pin() -> Bool {
    pins.add(1, ordering: .sequentiallyConsistent)
    return !isLeaving.load(ordering: .sequentiallyConsistent)
  }

  /// True for the one who has to end it.
  ///
  /// - Parameter meanwhile: what others do between the two steps of this; for tests.
  @inline(__always)
  func unpin(meanwhile: () -> Void = {}) -> Bool {
    let left = pins.subtract(1, ordering: .sequentiallyConsistent).newValue
    meanwhile()
    return left == 0 && ends()
  }

  /// True for the one who has to end it.
  func leave() -> Bool {
    isLeaving.store(true, ordering: .sequentiallyConsistent)
    return ends()
  }

  /// The pins are looked at after the sign: before it, somebody else may have come in since they were none.
  private func ends() -> Bool {
    guard isLeaving.load(ordering: .sequentiallyConsistent),
      planted(.pinsTrusted) || pins.load(ordering: .sequentiallyConsistent) == 0
    else { return false }
    return !over.exchange(true, ordering: .sequentiallyConsistent)
  }
}

/// A reference to an attachment that one thread changes while others read it.
@usableFromInline
package struct AttachmentCell: ~Copyable, Sendable {
  /// A retained reference, 0: none.
  private let bits: Atomic<UInt>

  package init(_ first: Attachment?) { bits = Atomic(AttachmentCell.retained(first)) }

  /// - Precondition: nobody gives up the attachment meanwhile.
  package var value: Attachment? {
    unsafe AttachmentCell.reference(bits.load(ordering: .sequentiallyConsistent))?.takeUnretainedValue()
  }

  /// The attachment, which is there, without a reference of its own.
  ///
  /// - Precondition: somebody keeps the attachment as long as it is used.
  @inline(__always)
  package var unowned: Unmanaged<Attachment> {
    unsafe Unmanaged.fromOpaque(UnsafeRawPointer(bitPattern: bits.load(ordering: .acquiring)).unsafelyUnwrapped)
  }

  /// Puts another one in, and returns the one that was there.
  package func exchange(_ next: Attachment?) -> Attachment? {
    let old = bits.exchange(AttachmentCell.retained(next), ordering: .sequentiallyConsistent)
    return unsafe AttachmentCell.reference(old)?.takeRetainedValue()
  }

  @inline(__always)
  private static func reference(_ bits: UInt) -> Unmanaged<Attachment>? {
    unsafe UnsafeRawPointer(bitPattern: bits).map { unsafe Unmanaged.fromOpaque($0) }
  }

  private static func retained(_ attachment: Attachment?) -> UInt {
    attachment.map { unsafe UInt(bitPattern: Unmanaged.passRetained($0).toOpaque()) } ?? 0
  }
}

extension Attachment {
  /// Keeps the registration and the mappings until `unpin`; false if they are being given up.
  package func pin() -> Bool {
    if stay.pin() { return true }
    unpin()
    return false
  }

  package func unpin() { if stay.unpin() { end() } }

  /// Gives everything back as soon as nobody pins it. Idempotent.
  package func leave() {
    gate.set(Gate.left)
    if stay.leave() { end() }
  }

  private func end() {
    let file = mapping.file
    // After a fork the registry entry and its lock are the parent's; after closefrom(3) the kernel has the lock back.
    if environment.process().id == processID {
      registration?.withdraw(lock: lock, geometry: lockGeometry)
      if file.isOurs {
        let byte = registration.map { Format.registryLockOffset + Int64($0.entry) } ?? Format.readerLockOffset
        _ = try? System.lockByte(file.descriptor, .none, at: byte, path)
        if !isReadOnly { recordCleanDetach() }
      }
    }
    if !planted(.keepsDescriptors) { file.close() }
    mapping.data.discard()
    mapping.lock.region.discard()
  }

  /// The descriptor was closed by someone else: whatever has its number now is not touched.
  package func abandonDescriptor() { mapping.file.abandon() }

  // MARK: The chain of a handle's attachments

  /// Keeps the attachment that this one takes the place of, until the handle goes away.
  package func keep(_ before: Attachment) { _ = stay.before.exchange(before) }

  /// Gives up those before it that have ended. Where there is only this thread no reader can be inside of one: whatever is
  /// further up on its stack has a reference or a pin.
  package func forgetEnded() {
    guard System.isSingleThreaded else { return }
    var last = self
    while let before = last.stay.before.value {
      if before.stay.isOver {
        _ = last.stay.before.exchange(before.takeBefore())
      } else {
        last = before
      }
    }
  }

  /// Gives up what `keep` was given.
  package func takeBefore() -> Attachment? { stay.before.exchange(nil) }

  // MARK: Clean detachment

  /// D1 to D5: after a sync the last to leave records that everything is on the disk. Where a reboot empties the file
  /// system, and where anything is in the way, there is no record, and the store starts empty after a reboot.
  private func recordCleanDetach() {
    let file = mapping.file
    guard environment.fileSystem(file.descriptor) != FileSystems.tmpfs, supersededWord == Format.supersededCurrent,
      System.isByteFree(file.descriptor, at: Format.registryLockOffset, count: Format.registryLockCount)
        || planted(.aloneUnproven),
      let creation = try? CreationLock(StoreFiles(path: path), waiting: Format.detachWait), (try? isNamed()) == true
    else { return }
    _ = try? creation.whileAlone(file) { () throws(FormatError) in
      guard supersededWord == Format.supersededCurrent, !data.hasDetachRecord else { return }
      if !planted(.recordsBeforeSync) { try System.sync(file.descriptor, path) }
      data.store(DetachRecord(bootID: try environment.bootID(), detached: storeTime()))
      try System.sync(file.descriptor, path)
    }
  }

  /// O10: from the first attachment on, nobody may take the file for one that was left clean. The record is made invalid
  /// on the disk before it is cleared, so whoever finds it cleared may store to the file.
  func clearDetach() throws(FormatError) {
    guard data.hasDetachRecord, !planted(.cleanRecordStays) else { return }
    try CreationLock(StoreFiles(path: path)).hold { () throws(FormatError) in
      guard data.hasDetachRecord else { return }
      data.invalidateDetachRecord()
      try System.sync(mapping.file.descriptor, path)
      data.storeState(StateFields.detach, [UInt8](repeating: 0, count: StateFields.detach.size))
    }
  }

  /// O10, O11: what remains to be done once the registry knows of the handle. False if the files are not the store.
  func settleIn() throws(FormatError) -> Bool {
    let named = try System.status(path: StoreFiles(path: path).lock)
    guard try isNamed(), mapping.lock.status?.isSameFile(as: named) ?? true else { return false }
    if !isReadOnly {
      try clearDetach()
      recoverTorn()
    }
    return true
  }

  // MARK: Forks

  /// C2: the same files with a registration of this process, in the child of a fork; nil if they are no longer the store.
  /// Files that nobody deleted as a store, but whose name is gone, stay what the parent has.
  ///
  /// - Throws: `descriptorLost`, `tooManyProcesses`, `busy`, `system`.
  package func registeredAnew() throws(FormatError) -> Attachment? {
    var mine = mapping
    mine.file = try OpenFile(inheriting: mapping.file, data, writable: !isReadOnly)
    let next = Attachment(
      path: path, mapping: mine, registration: try claimAnew(mine.file), environment: environment, policy: policy)
    do throws(FormatError) {
      // Files that were removed by hand: the child goes on in them as its parent does.
      if supersededWord == Format.supersededCurrent, try System.status(path: path) == nil { return next }
      // C3: a child of a fork that another thread began meanwhile may share the lock.
      if !mine.file.mayBeShared, try next.settleIn() { return next }
    } catch {
      next.leave()
      throw error
    }
    next.leave()
    return nil
  }

  private func claimAnew(_ file: OpenFile) throws(FormatError) -> Registration? {
    for isLast in [false, true] {
      do throws(FormatError) {
        if !isReadOnly {
          return try Registration.claim(
            file, data: data, lock: lock, geometry: lockGeometry, environment: environment)
        }
        guard hasLockFile else { return nil }
        if try System.lockByte(file.descriptor, .read, at: Format.readerLockOffset, path) { return nil }
      } catch {
        guard error.code == .tooManyProcesses, !isLast else { throw error }
      }
      // Whoever makes sure that nobody is attached holds every byte, and the creation lock.
      if !isLast { _ = try CreationLock(StoreFiles(path: path)) }
    }
    throw FormatError(.busy, "the store's lock file is being made anew: try again", path: path)
  }
}
