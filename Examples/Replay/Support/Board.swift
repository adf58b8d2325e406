// SPDX-License-Identifier: Apache-2.0
// The one page the processes of a replay share besides the store: which request is next, when to begin, and what each
// worker has counted. Eight-byte atomic words; each worker writes a cache line of its own.
//
//   0       64      128             192
//   | next  | gate  | ready         | worker 0: hits, misses, noSpace, retries, end | worker 1 …

import Synchronization
package import WarpTrace

/// The shared counters of a replay, in a scratch file that worker processes inherit. Threads share the value itself.
package struct Board: Sendable {
  /// Requests a worker takes at a time: few enough to share fairly, many enough not to fight over the cursor.
  package static let blockSize = 64

  package enum Gate: Int {
    case waiting = 0
    case open = 1
    case stopped = 2
  }

  /// What a worker has done so far.
  package struct Tally: Equatable, Sendable {
    package var hits = 0
    package var misses = 0
    /// Fills that the file system refused.
    package var noSpace = 0
    /// Calls that ended busy and were made again.
    package var retries = 0
    /// When it finished, in nanoseconds of the monotonic clock; 0 before.
    package var end = 0

    package init() {}
    package var requests: Int { hits + misses }
  }

  package let file: MappedFile
  private let workers: Int

  private static let lineWords = 8
  private static let firstLine = 3

  package init(workers: Int) throws(TraceError) {
    let descriptor = try Files.makeScratch()
    let size = (Board.firstLine + workers) * Board.lineWords * 8
    try Files.setSize(descriptor, size)
    file = try MappedFile(descriptor, size: size, writable: true)
    self.workers = workers
  }

  /// The board of the parent process.
  package init(inherited descriptor: Int32) throws(TraceError) {
    file = try MappedFile(inherited: descriptor, writable: true)
    workers = file.size / (Board.lineWords * 8) - Board.firstLine
    guard workers > 0 else { throw TraceError(.system, "descriptor \(descriptor) is no board") }
  }

  /// The memory is a whole number of lines, zero or written by another Board, and an Atomic<Int> is an aligned Int.
  private func word(_ line: Int, _ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    let word = line * Board.lineWords + index
    precondition(index < Board.lineWords && word * 8 < file.size)
    return (file.base + word * 8).assumingMemoryBound(to: Atomic<Int>.self)
  }

  // MARK: The cursor

  /// The next block of requests that nobody has, nil at the end.
  package func takeBlock(of count: Int) -> Range<Int>? {
    let start = word(0, 0).pointee.add(Board.blockSize, ordering: .relaxed).oldValue
    return start < count ? start..<min(start + Board.blockSize, count) : nil
  }

  /// Requests that were taken; at the end this is over the trace's count by up to a block for each worker.
  package var taken: Int { word(0, 0).pointee.load(ordering: .relaxed) }

  // MARK: The gate

  package var gate: Gate {
    get { Gate(rawValue: word(1, 0).pointee.load(ordering: .acquiring)) ?? .stopped }
    nonmutating set { word(1, 0).pointee.store(newValue.rawValue, ordering: .releasing) }
  }

  /// A worker has the store open and waits for the gate.
  package func reportReady() { word(2, 0).pointee.add(1, ordering: .relaxed) }
  package var ready: Int { word(2, 0).pointee.load(ordering: .relaxed) }

  // MARK: Tallies

  package func publish(_ tally: Tally, worker: Int) {
    let line = Board.firstLine + worker
    for (index, value) in [tally.hits, tally.misses, tally.noSpace, tally.retries, tally.end].enumerated() {
      word(line, index).pointee.store(value, ordering: .relaxed)
    }
  }

  package func tally(worker: Int) -> Tally {
    let line = Board.firstLine + worker
    func value(_ index: Int) -> Int { word(line, index).pointee.load(ordering: .relaxed) }
    var tally = Tally()
    (tally.hits, tally.misses, tally.noSpace, tally.retries, tally.end) =
      (value(0), value(1), value(2), value(3), value(4))
    return tally
  }
}
