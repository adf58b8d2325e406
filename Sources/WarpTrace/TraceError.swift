// SPDX-License-Identifier: Apache-2.0
// What can go wrong around a trace: reading it, and replaying it through a store. Each error has a code to switch over
// and a sentence that says what, where and what to do; the code also decides the exit status. A replay's own codes are
// here too, so that one type is thrown all the way up.

/// An error of a trace or of its replay: of arguments, the file, workers or the system.
package struct TraceError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The trace's name says no format that we read.
    case unknownFormat
    case traceMissing, traceEmpty, traceTruncated, traceMalformed, needsZstd
    /// A worker ended early.
    case workerFailed
    /// A get returned other bytes than were set.
    case wrongValue
    /// The store stayed busy, or did something its documentation rules out.
    case store
    case interrupted
    case system
  }

  package let code: Code
  package let description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// Whether the command line was wrong, and not the world.
  package var isUsage: Bool { code == .unknownFormat }
}
