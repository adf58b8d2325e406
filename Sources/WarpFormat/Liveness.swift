// SPDX-License-Identifier: Apache-2.0
// The proof that the owner of a shard is dead (SPEC.md §23.1). No time-out makes a living owner dead.
//
// - An owner word that names no registry entry, a withdrawn one, or another generation than the entry's is dead.
// - In the same PID namespace a process that is gone, or that started at another time than the entry says, is dead.
// - Otherwise the kernel decides: the byte lock of the entry is held as long as the process has the file open. It is
//   asked only where the process can't be seen alive: a daemon that closed all its files lives on without its lock.

import CWarp

/// What can be seen of a process of this PID namespace.
enum ProcessSight: Equatable {
  case absent
  /// Ended and not yet waited for; its locks are gone.
  case zombie
  /// `startTime` is nil where the system does not tell.
  case present(startTime: UInt64?)
}

/// What can be told of a registry entry's process by looking at it (L2, L3, L4).
enum RegistrySight: Equatable {
  case dead
  case alive
  /// In another PID namespace, or a zombie: only the kernel's lock tells.
  case unseen

  /// - Parameters:
  ///   - at: where the entry stands in the lock file.
  ///   - me: the process that looks.
  init(_ lock: Window, _ at: Int, _ me: ProcessIdentity) {
    typealias F = RegistryFields
    let process = Int32(bitPattern: lock.load32(at + F.pid.offset))
    guard process != 0 else {
      self = .dead
      return
    }
    guard lock.load64(at + F.pidNamespace.offset) == me.pidNamespace else {
      self = .unseen
      return
    }
    switch System.sight(of: process) {
    case .absent: self = .dead
    case .zombie: self = .unseen
    case .present(let startTime):
      let recorded = lock.load64(at + F.startTime.offset)
      let isComparable = recorded != 0 && lock.load64(at + F.timeNamespace.offset) == me.timeNamespace
      self = isComparable && startTime != nil && startTime != recorded ? .dead : .alive
    }
  }
}

extension RegistrySight {
  /// Whether an entry whose byte lock is free belongs to a process that lives and may still store to the data file: one
  /// that closed its descriptors. One that has called exec has no mapping of it left.
  ///
  /// - Parameter data: this process's own mapping of the data file.
  static func isAliveUnlocked(_ lock: Window, _ at: Int, _ me: ProcessIdentity, data: Window) -> Bool {
    guard RegistrySight(lock, at, me) == .alive else { return false }
    let process = Int32(bitPattern: lock.load32(at + RegistryFields.pid.offset))
    return unsafe System.isMapped(in: process, asAt: data.base) ?? true
  }
}

extension Attachment {
  /// Whether the handle that an owner word names is proven dead.
  func isDead(owner word: UInt64) -> Bool {
    typealias F = RegistryFields
    // The entry is read after the word that names it.
    fenceAcquire()
    let number = UInt32(truncatingIfNeeded: word)
    guard number >= 1, number <= UInt32(Format.registryEntries) else { return true }
    let entry = Int(number) - 1
    if let registration, registration.owner == word { return false }
    let at = lockGeometry.registryOffset + entry * F.structure.size
    guard UInt64(lock.load32(at + F.generation.offset)) == word >> 32 else { return true }
    let me = environment.process()
    let sight = RegistrySight(lock, at, me)
    if sight == .dead { return true }
    guard mapping.file.isOurs,
      System.isByteFree(mapping.file.descriptor, at: Format.registryLockOffset + Int64(entry))
    else { return false }
    return sight == .unseen || !RegistrySight.isAliveUnlocked(lock, at, me, data: data)
  }
}
