// SPDX-License-Identifier: Apache-2.0
// How a command ends: what it printed goes out, an error becomes a sentence on standard error, and both an exit status.

import ArgumentParser
import WarpFormat

/// Lets `body` write, and turns errors into a sentence and an exit status. `body` says whether all is well.
///
/// - Parameter sentence: what to say of an error.
func reporting(
  _ sentence: (FormatError) -> String = { "\($0)" }, _ body: (inout Output) throws -> Bool
) throws {
  var isClean = false
  do {
    var output = Output()
    isClean = try body(&output)
    try output.flush()
  } catch let error as FormatError {
    // The reader of our pipe went away: nothing to say, and nobody to say it to.
    if error.errno == Output.brokenPipe { throw ExitCode(141) }
    complain(sentence(error))
    // An argument that does not fit the store is wrong usage, not a fault of the store.
    throw error.code == .invalidArgument ? ExitCode.validationFailure : ExitCode(2)
  }
  if !isClean { throw ExitCode(1) }
}

/// A sentence on standard error.
func complain(_ sentence: String) {
  try? System.write(2, Array("warp-inspect: \(sentence)\n".utf8))
}
