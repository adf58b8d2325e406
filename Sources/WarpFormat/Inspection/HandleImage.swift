// SPDX-License-Identifier: Apache-2.0
// Who is attached to a store, and who owns its shards, as seen from outside (SPEC.md §5.7 and §23.1).
//
// - No lock is taken: the byte of an entry is only asked about.
// - Death is judged by the same code as in the library, so what is called dead here is what the next writer takes over.
// - Words and entries change while they are read. Whoever seems not to be well is looked up again, and left out if the
//   entry or the owner word is no longer the one that was judged.

/// A registry entry that somebody claimed, and what can be told of its process now.
public struct HandleImage: Equatable, Sendable {
  public enum State: String, Sendable {
    case alive
    /// By a signal, a debugger or the freezer of its control group; shards that it holds wait for it.
    case stopped
    /// Proven by the rules L1 to L6; its shards are free to be taken over.
    case dead
    /// In another PID namespace, and its lock is held.
    case elsewhere
    /// Alive with the file mapped, or not to be told, and nobody holds the lock of its entry.
    case unlocked
  }

  /// The number of the registry entry, from 0.
  public let entry: Int
  public let generation: UInt32
  /// In its own PID namespace.
  public let pid: UInt32
  public let pidNamespace: UInt64
  public let userID: UInt32
  public let state: State
  /// What the process calls itself, any bytes; nil if it can't be seen, or if its number is another process's now.
  public let name: String?
  /// Nanoseconds since it attached; nil if that was on another clock.
  public let age: Int64?

  /// The word that names it as owner of a shard.
  var ownerWord: OwnerWord { OwnerWord(word: UInt64(generation) << 32 | UInt64(entry + 1)) }
}

/// A shard that is owned.
public struct OwnerImage: Equatable, Sendable {
  public let shard: Int
  /// nil if the word names no registry entry, or one that has been claimed by another handle since.
  public let handle: HandleImage?
  /// The number of the registry entry, from 0; nil if the word names none.
  public let entry: Int?
  /// Whether the owner is in the middle of a change of what is linked.
  public let isOdd: Bool

  public var state: HandleImage.State { handle?.state ?? .dead }
}

/// Handles in the order of their entries, owners in that of their shards.
public struct Occupation: Equatable, Sendable {
  public var handles: [HandleImage] = []
  public var owners: [OwnerImage] = []
  /// Keys that are being computed.
  public var leases: [LeaseImage] = []

  /// Nobody.
  package init() {}

  /// The shards that a handle owns.
  public func shards(of handle: HandleImage) -> [Int] {
    owners.filter { $0.handle?.entry == handle.entry }.map(\.shard)
  }

  /// How many keys a handle computes for all.
  public func computations(of handle: HandleImage) -> Int { leases.count { $0.owner == handle.ownerWord } }
}

extension FileImage {
  /// Whether some other handle has the file open, a read-only one too: by the kernel's locks, so without a lock file.
  public var isOpenElsewhere: Bool {
    !System.isByteFree(file.descriptor, at: Format.registryLockOffset, count: Format.registryLockCount)
  }

  /// Who is attached, and who owns which shard; nil without a lock file.
  public func occupation() throws(FormatError) -> Occupation? {
    guard let lock else { return nil }
    let observer = Observer(
      me: System.process(), now: System.bootTime(), isThisBoot: lock.header.bootID == System.bootID(),
      data: file.descriptor)
    // Words before the entries that they name, as in the proof of death.
    let lines = try lock.lines()
    var occupation = Occupation()
    for (index, bytes) in try lock.attached() {
      let handle = observer.handle(index, RegistryEntry(bytes))
      if handle.state != .alive, try lock.registryEntry(index) != bytes { continue }
      occupation.handles.append(handle)
    }
    for (shard, line) in lines where line.owner.word != 0 {
      let handle = occupation.handles.first { $0.ownerWord == line.owner }
      if handle?.state != .alive, try lock.line(shard).owner != line.owner { continue }
      occupation.owners.append(
        OwnerImage(
          shard: shard, handle: handle, entry: line.owner.registryIndex, isOdd: line.sequence & 1 == 1))
    }
    for (shard, line) in lines where line.leases != 0 {
      for cell in 0..<Format.leaseCells where line.leases & 1 << UInt64(cell) != 0 {
        let lease = try lock.lease(shard, cell)
        if lease.owner.word != 0 { occupation.leases.append(lease) }
      }
    }
    return occupation
  }
}

/// Who looks, and from where.
private struct Observer {
  let me: ProcessIdentity
  /// Nanoseconds of the boot clock.
  let now: Int64
  /// Whether the lock file is of this boot.
  let isThisBoot: Bool
  /// The data file, whose bytes stand for the entries.
  let data: Int32

  func handle(_ index: Int, _ entry: RegistryEntry) -> HandleImage {
    let isFree = System.isByteFree(data, at: Format.registryLockOffset + Int64(index))
    let state = state(entry, isByteFree: isFree)
    let isOnOurClock = isThisBoot && entry.timeNamespace == me.timeNamespace
    let age = now.subtractingReportingOverflow(Int64(bitPattern: entry.attached))
    return HandleImage(
      entry: index, generation: entry.generation, pid: entry.pid, pidNamespace: entry.pidNamespace,
      userID: entry.userID, state: state, name: name(entry),
      age: isOnOurClock && !age.overflow && age.partialValue >= 0 ? age.partialValue : nil)
  }

  private func state(_ entry: RegistryEntry, isByteFree: Bool) -> HandleImage.State {
    let sight = RegistrySight(entry, me)
    // No lock outlives a boot, but numbers and start times of processes come again.
    if sight.isDead(isByteFree: isByteFree, isMapped: isMapped(entry)) || (!isThisBoot && isByteFree) {
      return .dead
    }
    if entry.pidNamespace != me.pidNamespace { return .elsewhere }
    if ProcessImage.isStopped(Int32(bitPattern: entry.pid)) { return .stopped }
    // A zombie whose lock is held has threads that run on.
    return sight == .alive && isByteFree ? .unlocked : .alive
  }

  /// The mapping is only there to be compared; nothing is read through it.
  private func isMapped(_ entry: RegistryEntry) -> Bool? {
    guard let own = try? Region(descriptor: data, size: Format.pageSize, writable: false) else { return nil }
    return withExtendedLifetime(own) { entry.isMapped(like: own.window) }
  }

  private func name(_ entry: RegistryEntry) -> String? {
    let process = Int32(bitPattern: entry.pid)
    guard isThisBoot, entry.pidNamespace == me.pidNamespace,
      let status = System.processStatus(of: process), entry.isOf(startTime: status.startTime, me)
    else { return nil }
    return ProcessImage.name(of: process)
  }
}
