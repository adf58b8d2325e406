// SPDX-License-Identifier: Apache-2.0
// Memory that all processes of a run share, apart from the store under test: an array of 64-bit words in a file, each
// accessed atomically, and a barrier built on two of them.

import Glibc
import Synchronization
import WarpFormat

/// A mapped array of atomic words. The mapping lives until `unmap`, or until the process ends.
struct SharedWords: @unchecked Sendable {
  // Sendable: every word is accessed atomically.
  private let base: UnsafeMutablePointer<Atomic<UInt64>>
  let count: Int

  /// Makes the file with `count` zeros, or maps one that is there.
  init(_ path: String, count: Int? = nil) throws {
    let file = try System.open(path, count == nil ? .readWrite : .createExclusive)
    defer { System.close(file) }
    if let count { try System.setSize(file, max(count, 1) * 8, path) }
    let size = try System.status(file, path).size
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), memory != MAP_FAILED else {
      throw FormatError(.system, "mmap failed", path: path)
    }
    base = memory.bindMemory(to: Atomic<UInt64>.self, capacity: size / 8)
    self.count = size / 8
  }

  /// Nothing may use it afterwards.
  func unmap() { munmap(base, max(count, 1) * 8) }

  func load(_ index: Int) -> UInt64 { base[index].load(ordering: .sequentiallyConsistent) }
  func store(_ index: Int, _ value: UInt64) { base[index].store(value, ordering: .sequentiallyConsistent) }
  /// Returns the sum.
  @discardableResult
  func add(_ index: Int, _ value: UInt64) -> UInt64 {
    base[index].wrappingAdd(value, ordering: .sequentiallyConsistent).newValue
  }
  func raise(_ index: Int, to value: UInt64) { base[index].max(value, ordering: .sequentiallyConsistent) }

  /// The bytes of all words, in one go and not atomically.
  func copy(to target: UnsafeMutableRawPointer) { target.copyMemory(from: base, byteCount: count * 8) }

  /// Waits until a word has reached a value.
  ///
  /// - Throws: `busy` after `seconds`.
  func await(_ index: Int, atLeast value: UInt64, seconds: Int64 = 30) throws {
    let end = System.bootTime() + seconds * 1_000_000_000
    while load(index) < value {
      System.sleep(20_000)
      if System.bootTime() > end { throw FormatError(.busy, "word \(index) did not become \(value)") }
    }
  }

  /// Waits until `parties` have called it for the `round`th time (from 1) with the same word.
  ///
  /// - Throws: after 60 s, so that a process that died does not leave the others waiting for ever.
  func barrier(_ index: Int, parties: Int, round: Int) throws {
    add(index, 1)
    let end = System.bootTime() + 60_000_000_000
    while load(index) < UInt64(parties * round) {
      sched_yield()
      if System.bootTime() > end { throw FormatError(.busy, "a party is missing at the barrier") }
    }
  }
}
