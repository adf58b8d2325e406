// SPDX-License-Identifier: Apache-2.0
// The page that the workers of a run share: a barrier, the current window, and what each did in each window.
//
//   0        64        128      192      256
//   | arrived | window | end    | stop   | worker 0: for each window 4 words | worker 1 …
//
// - A window begins when all workers have arrived, and ends for all at the same moment of the wall clock.
// - Each worker writes only its own words, in lines of its own.

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

struct Board: @unchecked Sendable {
  // Sendable: all words are atomic, and the mapping stays until the process ends.
  let path: String?
  let workers: Int
  let windows: Int
  private let base: UnsafeMutableRawPointer

  /// Flags for a file that must not be there yet.
  static let new = O_CREAT | O_EXCL

  private static let head = 256
  /// Operations, nanoseconds of processor time, nanoseconds of the window, the sum of what was read.
  private static let words = 4

  private static func size(_ workers: Int, _ windows: Int) -> Int { head + workers * lineSize(windows) }
  private static func lineSize(_ windows: Int) -> Int { (windows * words * 8 + 63) & ~63 }

  /// In memory for threads, or, with a path, in a new file for processes.
  init(workers: Int, windows: Int, path: String? = nil) throws {
    (self.workers, self.windows, self.path) = (workers, windows, path)
    let size = Board.size(workers, windows)
    guard let path else {
      base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
      base.initializeMemory(as: UInt8.self, repeating: 0, count: size)
      return
    }
    base = try Board.map(path, size, Board.new)
  }

  /// The board of the parent process.
  init(inherited path: String, workers: Int, windows: Int) throws {
    (self.workers, self.windows, self.path) = (workers, windows, path)
    base = try Board.map(path, Board.size(workers, windows), 0)
  }

  /// Maps a file of so many bytes, shared.
  static func map(_ path: String, _ size: Int, _ flags: Int32) throws -> UnsafeMutableRawPointer {
    let descriptor = open(path, O_RDWR | O_CLOEXEC | flags, 0o600)
    guard descriptor >= 0 else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    guard flags == 0 || ftruncate(descriptor, off_t(size)) == 0 else {
      throw BenchError("\(path) can't be made longer")
    }
    let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let base, base != MAP_FAILED else { throw BenchError("\(path) can't be mapped") }
    return base
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  // MARK: Windows

  var isStopped: Bool { word(192).pointee.load(ordering: .relaxed) != 0 }
  func stop() { word(192).pointee.store(1, ordering: .relaxed) }
  var arrived: UInt64 { word(0).pointee.load(ordering: .acquiring) }

  /// Waits until all workers are there, then returns when the window ends, in nanoseconds of the wall clock. Nil if the run
  /// was stopped, or if somebody does not come for ten seconds.
  func enter(_ window: Int, nanoseconds: UInt64) -> (begin: UInt64, end: UInt64)? {
    let all = UInt64(workers) * UInt64(window + 1)
    if word(0).pointee.add(1, ordering: .acquiringAndReleasing).newValue == all {
      // The last one starts it, a little ahead, so that those who spin begin together.
      word(128).pointee.store(Clocks.now(.wall) &+ 20_000, ordering: .relaxed)
      word(64).pointee.store(UInt64(window + 1), ordering: .releasing)
    }
    let patience = Clocks.now(.wall) &+ 10_000_000_000
    var rounds = 0
    while word(64).pointee.load(ordering: .acquiring) < UInt64(window + 1) {
      rounds += 1
      if rounds & 0xFF == 0 {
        if isStopped || Clocks.now(.wall) > patience { return nil }
        sched_yield()
      }
    }
    let begin = word(128).pointee.load(ordering: .relaxed)
    return (begin, begin &+ nanoseconds)
  }

  // MARK: Results

  struct Share {
    var operations = 0
    var processor: UInt64 = 0
    var window: UInt64 = 0
    var sum: UInt64 = 0
  }

  func publish(_ share: Share, window: Int, worker: Int) {
    let at = Board.head + worker * Board.lineSize(windows) + window * Board.words * 8
    for (index, value) in [UInt64(share.operations), share.processor, share.window, share.sum].enumerated() {
      word(at + index * 8).pointee.store(value, ordering: .relaxed)
    }
  }

  func share(window: Int, worker: Int) -> Share {
    let at = Board.head + worker * Board.lineSize(windows) + window * Board.words * 8
    func value(_ index: Int) -> UInt64 { word(at + index * 8).pointee.load(ordering: .relaxed) }
    return Share(operations: Int(value(0)), processor: value(1), window: value(2), sum: value(3))
  }
}
