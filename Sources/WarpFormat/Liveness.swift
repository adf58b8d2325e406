// SPDX-License-Identifier: Apache-2.0
// The proof that the owner of a shard is dead (SPEC.md §23.1). No time-out makes a living owner dead.
//
// - An owner word that names no registry entry, a withdrawn one, or another generation than the entry's is dead.
// - In the same PID namespace a process that is gone, or that started at another time than the entry says, is dead.
// - Otherwise the kernel decides: the byte lock of the entry is held as long as the process has the file mapped or open.
// - A process that is seen alive without the lock is dead for us only if it has no mapping of the file left, as after
//   exec: whoever has one may yet store to it.

import CWarp

/// What can be seen of a process of this PID namespace.
enum ProcessSight: Equatable {
  case absent
  /// Ended and not yet waited for; its locks are gone.
  case zombie
  /// There is one, and nothing can be told about it.
  case hidden
  /// `startTime` is nil where the system does not tell.
  case present(startTime: UInt64?)
}

/// What the kernel tells of a process.
struct ProcessStatus: Equatable {
  /// A letter, as `ps` shows it.
  let state: String
  /// In the kernel's ticks; nil where the system does not tell.
  let startTime: UInt64?
  let threads: Int?

  var isZombie: Bool { state == "Z" || state == "X" }
  /// By a signal or a debugger.
  var isStopped: Bool { state == "T" || state == "t" }
}

/// A private copy of what a registry entry says, for those who map the lock file and those who only read it.
struct RegistryEntry: Equatable, Sendable {
  let generation: UInt32
  /// 0: nobody.
  let pid: UInt32
  let startTime: UInt64
  let pidNamespace: UInt64
  let timeNamespace: UInt64
  let attached: UInt64
  let userID: UInt32

  /// - Parameter at: where the entry stands in the mapped lock file.
  init(_ lock: Window, _ at: Int) {
    typealias F = RegistryFields
    generation = lock.load32(at + F.generation.offset)
    pid = lock.load32(at + F.pid.offset)
    startTime = lock.load64(at + F.startTime.offset)
    pidNamespace = lock.load64(at + F.pidNamespace.offset)
    timeNamespace = lock.load64(at + F.timeNamespace.offset)
    attached = lock.load64(at + F.attached.offset)
    userID = lock.load32(at + F.uid.offset)
  }

  /// - Parameter bytes: the entry's 64 bytes.
  init(_ bytes: [UInt8]) {
    typealias F = RegistryFields
    generation = UInt32(truncatingIfNeeded: bytes.integer(F.generation))
    pid = UInt32(truncatingIfNeeded: bytes.integer(F.pid))
    startTime = bytes.integer(F.startTime)
    pidNamespace = bytes.integer(F.pidNamespace)
    timeNamespace = bytes.integer(F.timeNamespace)
    attached = bytes.integer(F.attached)
    userID = UInt32(truncatingIfNeeded: bytes.integer(F.uid))
  }

  /// Whether a process with this start time can be the one that claimed the entry, as far as that can be compared.
  func isOf(startTime seen: UInt64?, _ me: ProcessIdentity) -> Bool {
    guard let seen, startTime != 0, timeNamespace == me.timeNamespace else { return true }
    return seen == startTime
  }
}

/// What can be told of a registry entry's process by looking at it (L2, L3, L4).
enum RegistrySight: Equatable {
  case dead
  case alive
  /// In another PID namespace, hidden, or a zombie: only the kernel's lock tells.
  case unseen

  /// - Parameter me: the process that looks.
  init(_ entry: RegistryEntry, _ me: ProcessIdentity) {
    guard entry.pid != 0 else {
      self = .dead
      return
    }
    guard entry.pidNamespace == me.pidNamespace else {
      self = .unseen
      return
    }
    switch System.sight(of: Int32(bitPattern: entry.pid)) {
    case .absent: self = .dead
    case .zombie, .hidden: self = .unseen
    case .present(let startTime): self = entry.isOf(startTime: startTime, me) ? .alive : .dead
    }
  }

  /// L4 to L6: whether the handle is proven dead.
  ///
  /// - Parameter isMapped: whether the process has the data file mapped; nil if that can't be told.
  func isDead(isByteFree: @autoclosure () -> Bool, isMapped: @autoclosure () -> Bool?) -> Bool {
    switch self {
    case .dead: true
    case .alive: isByteFree() && isMapped() == false
    case .unseen: isByteFree()
    }
  }
}

extension RegistryEntry {
  /// Whether the entry's process has the file mapped that this process has mapped there; nil if that can't be told.
  func isMapped(like data: Window) -> Bool? {
    unsafe System.isMapped(in: Int32(bitPattern: pid), asAt: data.base)
  }

  /// Whether an entry whose byte lock is free belongs to a process that lives and may still store to the data file.
  ///
  /// - Parameter data: this process's own mapping of the data file.
  func isAliveUnlocked(_ me: ProcessIdentity, _ data: Window) -> Bool {
    RegistrySight(self, me) == .alive && isMapped(like: data) != false
  }
}

extension Attachment {
  /// Whether the handle that an owner word names is proven dead.
  func isDead(owner word: UInt64) -> Bool {
    // The entry is read after the word that names it.
    fenceAcquire()
    let owner = OwnerWord(word: word)
    guard let index = owner.registryIndex else { return true }
    if planted(.theLivingAreDead) { return true }
    if planted(.theDeadLive) { return false }
    if let registration, registration.owner == word { return false }
    let entry = RegistryEntry(lock, lockGeometry.registryOffset + index * RegistryFields.structure.size)
    guard UInt64(entry.generation) == owner.generation else { return true }
    let file = mapping.file
    return RegistrySight(entry, environment.process()).isDead(
      isByteFree: file.isOurs
        && System.isByteFree(file.descriptor, at: Format.registryLockOffset + Int64(index)),
      isMapped: entry.isMapped(like: data))
  }
}
