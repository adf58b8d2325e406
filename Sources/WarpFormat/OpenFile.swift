// SPDX-License-Identifier: Apache-2.0
// A descriptor that is kept open for the locks on it, and for blocks to be asked for later.
//
// - Its number may be somebody else's by the time it is used: a daemon closes every descriptor and then opens files of its
//   own. So before each use the file behind the number is compared with the one that was opened.
// - Its locks live as long as any descriptor or mapping of the open file description does: also after closefrom(3).
// - A forked child must not share them (SPEC.md 23.5): the file is tracked, and the child finds a descriptor and a mapping
//   of its own in the same places, without locks, and the gate's `forked` bit set.

import Synchronization

/// Why the lock-free path may not be used: an atomic word that every call looks at. 0: it may.
package struct Gate: Sendable {
  /// This process is a child; the registration is its parent's.
  package static let forked: UInt32 = 1
  /// The files were left: the handle was closed, or went on to the store's new files.
  package static let left: UInt32 = 2

  private let word: GateWord

  init(_ word: GateWord) { self.word = word }

  @inline(__always)
  package var value: UInt32 { planted(.gateIgnored) ? 0 : word.load() }
  func set(_ bit: UInt32) { word.set(bit) }
}

/// An open file of a store, and the duty to close it.
final class OpenFile: Sendable {
  let descriptor: Int32
  let path: String
  let status: FileStatus
  let gate: Gate
  private let word: GateWord
  /// How many forks had begun when it was opened.
  private let forks: UInt32
  /// Closed by us, or lost to a program that closed all its descriptors.
  private let isGone = Atomic<Bool>(false)

  /// - Parameter reopens: whether a forked child opens the file afresh, or has no use for it.
  /// - Throws: what `open` and `fstat` say; `system` without memory.
  init(opening path: String, _ access: System.Access, reopens: Bool = true) throws(FormatError) {
    forks = System.forks
    descriptor = try System.open(path, access)
    do throws(FormatError) {
      status = try System.status(descriptor, path)
      word = try GateWord(tracking: descriptor, status, reopens: reopens)
    } catch {
      if !planted(.descriptorLeaks) { System.close(descriptor) }
      throw error
    }
    self.path = path
    gate = Gate(word)
  }

  /// Takes another's open file description and mapping over, under a number and a gate of its own.
  init(inheriting other: OpenFile, _ mapping: Window, writable: Bool) throws(FormatError) {
    try other.checkOurs()
    forks = System.forks
    descriptor = try System.duplicate(other.descriptor, other.path)
    (path, status) = (other.path, other.status)
    do throws(FormatError) {
      word = try GateWord(tracking: descriptor, status, reopens: true)
    } catch {
      System.close(descriptor)
      throw error
    }
    gate = Gate(word)
    word.track(mapping, writable: writable)
    other.close()
  }

  /// Whether a child may share what was locked since the file was opened, because of a fork between the steps.
  var mayBeShared: Bool { System.forks != forks }

  deinit {
    close()
    word.free()
  }

  /// Maps the first `size` bytes; a forked child maps them afresh at the same place.
  func map(_ size: Int, writable: Bool) throws(FormatError) -> Region {
    try Region(descriptor: descriptor, size: size, writable: writable, of: self)
  }

  func track(_ mapping: Window?, writable: Bool) { word.track(mapping, writable: writable) }

  /// Whether the number still stands for this file.
  ///
  /// - Throws: what `fstat` says if it can't tell.
  private func isStill() throws(FormatError) -> Bool {
    if planted(.descriptorTrusted) { return !isGone.load(ordering: .relaxed) }
    guard !isGone.load(ordering: .relaxed), word.isTracked else { return false }
    do throws(FormatError) {
      return try System.status(descriptor, path).isSameFile(as: status)
    } catch {
      if error.isClosedDescriptor { return false }
      throw error
    }
  }

  var isOurs: Bool { (try? isStill()) ?? false }

  /// The same, but true if it can't be told: what is given back must not depend on what else fails. A descriptor that
  /// stays keeps its locks.
  var isNotForeign: Bool { (try? isStill()) ?? true }

  /// - Throws: `descriptorLost`, and what `fstat` says if it can't tell.
  func checkOurs() throws(FormatError) {
    guard try isStill() else {
      throw FormatError(
        .descriptorLost, "the store's file descriptor was closed by someone else: open the store again", path: path)
    }
  }

  /// Gives the descriptor back, and with it every lock on it.
  func close() {
    let isMine = isNotForeign
    guard !isGone.exchange(true, ordering: .relaxed) else { return }
    word.untrack()
    if isMine { System.close(descriptor) }
  }

  /// Forgets a descriptor that was lost, before the number is that of another opening of the same file.
  func abandon() {
    guard !isGone.exchange(true, ordering: .relaxed) else { return }
    // A child must not take the mapping, and the lock that it keeps, for its own.
    word.lose()
  }
}
