// SPDX-License-Identifier: Apache-2.0
// A handle follows its store: to the files that replaced it, to a registration of its own after a fork, to a descriptor
// of its own after closefrom(3) (SPEC.md 23.4 and 23.5).
//
// - One thread at a time moves the handle; the others wait for it, no longer than a call of theirs may wait.
// - Until the name leads to other files, the old ones are the store: nobody can have stored to the new ones. So while a
//   replacement is under way, gets go on in the old files, and sets wait.
// - A handle never recreates a store that was deleted or given other parameters; it takes what has the name.

import Synchronization
import WarpFormat

/// What a call that found its files no longer current has to do.
enum Standing {
  /// Start over: the handle has moved, or nothing is in the way any more.
  case moved
  /// Go on with the same files: they still are the store.
  case stay
  /// Another thread has been moving the handle for too long.
  case busy
}

/// Which thread of this process may move the handle. After a fork nobody holds it, whoever held it in the parent.
struct MoveLock: ~Copyable, Sendable {
  /// 0, or the fork epoch of the process that holds it.
  private let holder = Atomic<UInt32>(0)

  /// Waits in steps; false after `limit` nanoseconds.
  func take(limit: Int64) -> Bool {
    let mine = System.forkEpoch
    let end = System.bootTime() + limit
    while true {
      let seen = holder.load(ordering: .relaxed)
      if seen != mine, holder.compareExchange(expected: seen, desired: mine, ordering: .acquiring).exchanged {
        return true
      }
      guard System.bootTime() < end else { return false }
      System.sleep(Format.sleepNanoseconds)
    }
  }

  func giveBack() { holder.unlock() }
}

extension SharedStore {
  /// Runs `body` on the files that are the store now, again if they turn out not to be. They stay until it returns.
  ///
  /// - Parameter reads: whether `body` only reads, so that it need not wait for a replacement that is under way.
  /// - Throws: `closed`; `superseded` if there is no store any more that this handle can use; `busy`; what `body` throws.
  func withCurrent<Result>(
    reads: Bool = false, _ body: (Attachment) throws(WarpError) -> Result
  ) throws(WarpError) -> Result {
    var end: Int64?
    var stays = false
    while true {
      let file = attachment
      let trouble: WarpError
      do throws(WarpError) {
        guard stays || file.isCurrent, file.pin() else { throw file.superseded() }
        defer { file.unpin() }
        return try body(file)
      } catch {
        guard error.code == .superseded || error.code == .descriptorLost else { throw error }
        trouble = error
      }
      let now = System.bootTime()
      if let end, now >= end { throw trouble.code == .superseded ? SharedStore.busyMoving(file) : trouble }
      end = end ?? now + writerWait
      let standing = try settle(file, trouble, patience: writerWait)
      stays = false
      switch standing {
      case .moved: break
      case .stay where reads: stays = true
      case .stay, .busy: System.sleep(1_000_000)
      }
    }
  }

  private static func busyMoving(_ file: Attachment) -> WarpError {
    WarpError(.busy, "the store is being replaced, and that takes long: try again", path: file.path)
  }

  /// Brings the handle to where its store is now.
  ///
  /// - Parameters:
  ///   - file: the files that the call has found not to be current.
  ///   - trouble: why; what is thrown if there is nothing better.
  ///   - patience: nanoseconds to wait for others: another thread that is at it, or whoever is at the store's files.
  func settle(_ file: Attachment, _ trouble: WarpError, patience: Int64) throws(WarpError) -> Standing {
    guard isOpen.load(ordering: .relaxed) else { throw SharedStore.closed }
    guard moving.take(limit: patience) else {
      guard isOpen.load(ordering: .relaxed) else { throw SharedStore.closed }
      guard attachment === file else { return .moved }
      // The files are the store as long as they have its name.
      guard file.gate.value == 0, file.supersededWord != Format.supersededDeleted else { return .busy }
      return try file.isNamed() ? .stay : .busy
    }
    defer { moving.giveBack() }
    guard attachment === file else { return .moved }
    // From here on close() waits for the end of this.
    guard file.pin() else { throw SharedStore.closed }
    defer { file.unpin() }
    if file.gate.value & Gate.forked != 0 { return try registerAnew(file, patience) }
    if trouble.code == .descriptorLost { return try reopen(file, trouble, patience) }
    let word = file.supersededWord
    if word == Format.supersededCurrent { return try findLock(file, patience) }
    guard try file.isNamed() else { return try follow(file, patience) }
    if word == Format.supersededLockLost {
      if file.isReadOnly { return file.hasLockFile ? try follow(file, patience) : .stay }
      do throws(WarpError) {
        try file.replaceLostLock(patience: patience)
      } catch {
        // Somebody keeps a shard, or there is no space: the old files go on as they are.
        return .stay
      }
      return .moved
    }
    // The replacer is at work, or died before the rename.
    if !file.isReadOnly, try request.unmarkIfAbandoned(file) { return .moved }
    return .stay
  }

  /// Nothing is wrong any more; but a handle that found no lock file may find one now. What lies there may also be none
  /// of this store: then the handle stays where it is, and looks again the next time.
  private func findLock(_ file: Attachment, _ patience: Int64) throws(WarpError) -> Standing {
    guard !file.hasLockFile else { return .moved }
    guard try request.hasLock(of: file) else { return .stay }
    return try follow(file, patience)
  }

  /// The child of a fork gets a registration of its own in the same files.
  private func registerAnew(_ file: Attachment, _ patience: Int64) throws(WarpError) -> Standing {
    do throws(WarpError) {
      guard let mine = try file.registeredAnew() else { return try follow(file, patience) }
      // The old attachment's gate stays shut: no thread of this process may own a shard in the parent's name.
      take(mine, after: file)
      return .moved
    } catch {
      guard error.code == .descriptorLost else { throw error }
      return try reopen(file, error, patience)
    }
  }

  /// The descriptor is gone: the path gives another, if it still leads to a store.
  private func reopen(
    _ file: Attachment, _ trouble: WarpError, _ patience: Int64
  ) throws(WarpError) -> Standing {
    file.abandonDescriptor()
    do throws(WarpError) {
      return try follow(file, patience)
    } catch {
      throw error.code == .superseded ? trouble : error
    }
  }

  /// Attaches to what has the name now.
  private func follow(_ file: Attachment, _ patience: Int64) throws(WarpError) -> Standing {
    let next: Attachment
    do throws(WarpError) {
      next = try request.following(patience: patience).attach()
    } catch {
      if error.code == .busy { return .busy }
      throw error.code == .notFound ? file.superseded() : error
    }
    let isSame = next.header.schemaFingerprint == file.header.schemaFingerprint
    guard isSame, !next.header.usesZstd || Compression.isAvailable else {
      next.leave()
      throw isSame ? Compression.missing(path: file.path) : file.superseded()
    }
    take(next, after: file)
    file.leave()
    next.forgetEnded()
    return .moved
  }

  /// From here on `next` is the handle's attachment.
  private func take(_ next: Attachment, after file: Attachment) {
    next.keep(file)
    _ = current.exchange(next)
    // If the handle was closed meanwhile, one of the two sees the other.
    if !isOpen.load(ordering: .sequentiallyConsistent) { next.leave() }
  }
}
