// SPDX-License-Identifier: Apache-2.0
// A child that runs one operation an instruction at a time. All calls about one child come from the thread that started
// it: the kernel lets nobody else trace it.
//
// The child opens the store, stops (torture_trace_me), runs the operation, and stops again by a signal of its own. What
// lies between is stepped through; how it came to the first stop and what follows the second is not watched.

import CTorture
import Glibc
import WarpFormat

struct SteppedChild {
  /// Instructions of one operation at most, so that an operation that never ends ends the run.
  private static let mostInstructions = 50_000_000

  let child: Child
  private(set) var instructions = 0

  /// Starts a child, which stands before its operation when this returns.
  init(_ arguments: [String]) throws {
    child = try Child(arguments)
    let stop = torture_trace_begin(child.id)
    guard stop.kind == TRACE_SIGNAL, stop.detail == SIGSTOP else {
      throw FormatError(.system, "the child can't be traced: stop \(stop.kind.rawValue), \(stop.detail)")
    }
  }

  /// What the child calls when the operation is over.
  static func end() { raise(SIGSTOP) }

  /// Runs the operation. `look` is called after each instruction, while the child stands still.
  ///
  /// - Throws: what `look` throws; `system` if the child ends otherwise than by `end`.
  mutating func run(_ look: () throws -> Void) throws {
    var signal: Int32 = 0
    while instructions < SteppedChild.mostInstructions {
      let stop = torture_trace_step(child.id, signal)
      signal = 0
      switch stop.kind {
      case TRACE_STEPPED:
        instructions += 1
        try look()
      case TRACE_SIGNAL where stop.detail == SIGSTOP: return
      case TRACE_SIGNAL: signal = stop.detail
      default:
        throw FormatError(.system, "the operation failed: stop \(stop.kind.rawValue), \(stop.detail)")
      }
    }
    throw FormatError(.busy, "the operation did not end within \(instructions) instructions")
  }

  /// Kills it where it stands.
  func kill() {
    child.send(SIGKILL)
    _ = child.wait(seconds: 10)
  }
}
