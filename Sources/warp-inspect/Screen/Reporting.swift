// SPDX-License-Identifier: Apache-2.0
// How a command ends: what it printed goes out, an error becomes a sentence on standard error, and both an exit status.

import ArgumentParser
import WarpFormat
import WarpTrace

/// What is wrong with a stream that is read, and where.
struct StreamProblem: Error, CustomStringConvertible {
  let path: String
  /// "line 7", "offset 4711".
  let place: String
  let message: String
  /// Of SPEC.md.
  let rule: String

  var description: String { "\(path), \(place): \(message) (\(rule))" }
}

/// An argument that does not fit the store: wrong usage, not a fault of the store.
struct Misuse: Error {
  let message: String

  init(_ message: String) { self.message = message }
}

/// Lets `body` write, and turns errors into a sentence and an exit status. `body` says whether all is well; if not, it
/// has said why.
///
/// - Parameter sentence: what to say of an error.
func reporting(
  _ sentence: (FormatError) -> String = { "\($0)" }, _ body: (inout Output) throws -> Bool
) throws {
  var isWell = false
  do {
    var output = Output()
    isWell = try body(&output)
    try output.flush()
  } catch let error as FormatError {
    // The reader of our pipe went away: nothing to say, and nobody to say it to.
    if error.errno == Output.brokenPipe { throw ExitCode(141) }
    complain(sentence(error))
    throw ExitCode(2)
  } catch let misuse as Misuse {
    complain(misuse.message)
    throw ExitCode.validationFailure
  } catch let problem as StreamProblem {
    complain("\(problem)")
    throw ExitCode(2)
  } catch let error as TraceError {
    complain(error.description)
    throw ExitCode(2)
  }
  if !isWell { throw ExitCode(1) }
}

/// A sentence on standard error.
func complain(_ sentence: String) { Output.complain("warp-inspect: \(sentence)\n") }
