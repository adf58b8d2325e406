// SPDX-License-Identifier: Apache-2.0
// One worker process: get each key, check the value if there is one, set it if there is none. This is the whole of what
// an application does with a cache.

import ReplaySupport
import WarpFormat
import WarpKV
import WarpTrace

struct Worker {
  private let index: Int
  private let board: Board
  private let trace: Trace
  private let store: SharedStore

  init(_ options: WorkerOptions, store path: String?) throws {
    guard let index = options.workerIndex, let board = options.boardDescriptor, let ids = options.idsDescriptor,
      let path
    else { throw TraceError(.system, "a worker is started by warp-replay itself, not by hand") }
    self.index = index
    self.board = try Board(inherited: board)
    trace = try Trace(inheritedIDs: ids, sizes: options.sizesDescriptor, largestSize: options.largestSize)
    store = try SharedStore.open(
      path: path, StoreConfiguration(ifDifferent: .useExisting, createIfMissing: false))
  }

  func run() throws {
    Interrupt.leaveToParent()
    var desk = Desk(largestSize: trace.largestSize)
    try Shift(worker: index, board: board, trace: trace).run { request, tally in
      try serve(request, &desk, &tally)
    }
    store.close()
  }

  private func serve(_ request: Int, _ desk: inout Desk, _ tally: inout Board.Tally) throws {
    let mixed = Content.mixed(trace.id(at: request))
    Content.writeKey(mixed, to: &desk.key)
    if let size = try get(&desk, &tally) {
      guard Content.matches(desk.value, size: size, of: mixed) else {
        throw TraceError(
          .wrongValue,
          "request \(request): the store gave \(size) bytes that are not what was set for key "
            + String(decoding: desk.key, as: UTF8.self))
      }
      tally.hits += 1
    } else {
      tally.misses += 1
      let size = trace.size(at: request)
      Content.fill(&desk.value, size: size, of: mixed)
      try set(desk, size, &tally)
    }
  }

  /// The value's size, nil if there is none.
  private func get(_ desk: inout Desk, _ tally: inout Board.Tally) throws -> Int? {
    var patience = Patience()
    while true {
      switch try store.get(desk.key, into: &desk.value) {
      case .hit(let size): return size
      case .miss: return nil
      case .busy: try wait(&patience, &tally)
      case .tooSmall(let needed):
        throw TraceError(.wrongValue, "the store gave a value of \(needed) bytes; the trace has none so large")
      }
    }
  }

  private func set(_ desk: Desk, _ size: Int, _ tally: inout Board.Tally) throws {
    var patience = Patience()
    while true {
      do throws(WarpError) {
        let result = try store.set(desk.key.span.bytes, to: desk.value.span.extracting(..<size).bytes)
        guard result != .skipped else {
          throw WarpError(.invalidValueSize, "the store found \(size) bytes too many for a value")
        }
        return
      } catch {
        switch error.code {
        case .busy: try wait(&patience, &tally)
        case .noSpace:
          tally.noSpace += 1
          return
        default: throw error
        }
      }
    }
  }

  /// Before a call that ended busy is made again. The call has waited already.
  private func wait(_ patience: inout Patience, _ tally: inout Board.Tally) throws(TraceError) {
    tally.retries += 1
    guard board.gate == .open else { throw TraceError(.interrupted, "stopped by the parent") }
    guard !patience.isOver else {
      throw TraceError(.store, "the store stayed busy for \(Patience.limit / 1_000_000_000) s with one key")
    }
  }
}

/// The bound of the loops that try again.
private struct Patience {
  /// Nanoseconds: several times what the store itself waits for a writer.
  static let limit = 10_000_000_000

  private var start: Int?

  /// Whether the limit has passed since this was first asked.
  var isOver: Bool {
    mutating get {
      let now = Processes.now()
      guard let start else {
        start = now
        return false
      }
      return now - start >= Patience.limit
    }
  }
}

/// A worker's buffers, used again for each request.
private struct Desk {
  var key = [UInt8](repeating: 0, count: Content.keySize)
  /// Of at least one byte, so that it has an address even in a trace of empty values.
  var value: [UInt8]

  init(largestSize: Int) { value = Array(repeating: 0, count: max(1, largestSize)) }
}
