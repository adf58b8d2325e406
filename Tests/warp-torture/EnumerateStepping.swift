// SPDX-License-Identifier: Apache-2.0
// A child that runs one operation, and stands still after each store to the store's files. All calls about one child come
// from the thread that started it: the kernel lets nobody else trace it.
//
// - The child opens the store, stops (torture_trace_me), runs the operation, and stops again by a signal of its own. How it
//   came to the first stop and what follows the second is not watched.
// - What it stops at in between: each instruction that stores to a mapping of the files (torture_watch_stores), or each
//   instruction at all, which takes a hundred times as long in a debug build. Both must show the same images.

import CTorture
import Glibc
import WarpFormat

struct SteppedChild {
  /// How often a child stops.
  enum Grain { case stores, instructions }

  /// Stops of one operation at most, so that an operation that never ends ends the run.
  private static let mostStops = 50_000_000

  let child: Child
  private let grain: Grain
  /// The system has no blocks for it.
  private let hasFullDisk: Bool
  /// Stores, or instructions.
  private(set) var stops = 0

  /// Starts a child, which stands before its operation when this returns.
  init(_ arguments: [String], _ grain: Grain, hasFullDisk: Bool) throws {
    self.grain = grain
    self.hasFullDisk = hasFullDisk
    child = try Child(arguments + (grain == .stores ? ["--watch"] : []))
    let stop = torture_trace_begin(child.id)
    guard stop.kind == TRACE_SIGNAL, stop.detail == SIGSTOP else {
      throw FormatError(.system, "the child can't be traced: stop \(stop.kind.rawValue), \(stop.detail)")
    }
  }

  /// The child's part: it can be traced when this returns.
  static func begin(_ path: String, _ grain: Grain) throws {
    guard torture_trace_me() == 0 else { throw FormatError(.system, "this process can't be traced") }
    guard grain == .instructions || torture_watch_stores(path) == 0 else {
      throw FormatError(.system, "the stores of this process can't be watched", errno: errno)
    }
  }

  /// What the child calls when the operation is over.
  static func end() { raise(SIGSTOP) }

  /// Runs the operation. `look` is called at each stop, while the child stands still.
  ///
  /// - Throws: what `look` throws; `system` if the child ends otherwise than by `end`.
  mutating func run(_ look: () throws -> Void) throws {
    var signal: Int32 = 0
    var isRefused = false
    while stops < SteppedChild.mostStops {
      let stop = goOn(signal)
      signal = 0
      switch stop.kind {
      case TRACE_STEPPED:
        stops += 1
        try look()
        // It makes the files read-only again.
        if grain == .stores { signal = SIGTRAP }
      case TRACE_CALL: try pass(&isRefused)
      case TRACE_SIGNAL where stop.detail == SIGSTOP: return
      case TRACE_SIGNAL: signal = stop.detail
      default:
        throw FormatError(.system, "the operation failed: stop \(stop.kind.rawValue), \(stop.detail)")
      }
    }
    throw FormatError(.busy, "the operation did not end within \(stops) stops")
  }

  private func goOn(_ signal: Int32) -> TraceStop {
    if grain == .instructions { return torture_trace_step(child.id, signal) }
    return hasFullDisk ? torture_trace_next_call(child.id, signal) : torture_trace_continue(child.id, signal)
  }

  /// At a system call, or its end: refuses to allocate blocks.
  private func pass(_ isRefused: inout Bool) throws {
    var call = TraceCall()
    if isRefused {
      isRefused = false
      guard torture_trace_set_result(child.id, -Int64(ENOSPC)) == 0 else {
        throw FormatError(.system, "no result can be given", errno: errno)
      }
    } else if torture_trace_call(child.id, &call) == 0, call.number == torture_call_allocate,
      call.result == -Int64(ENOSYS)
    {
      // That is the result at the entry.
      isRefused = torture_trace_skip_call(child.id) == 0
    }
  }

  /// Kills it where it stands.
  func kill() {
    child.send(SIGKILL)
    _ = child.wait(seconds: 10)
  }
}
