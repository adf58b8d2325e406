// SPDX-License-Identifier: Apache-2.0
// What can go wrong around a replay, apart from the store itself. Each error has a code to switch over and a sentence
// that says what, where and what to do; the code also decides the exit status.

/// An error of the replay: of its arguments, its trace, its workers or the system.
package struct ReplayError: Error, Equatable, Sendable, CustomStringConvertible {
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
