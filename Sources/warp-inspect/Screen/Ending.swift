// SPDX-License-Identifier: Apache-2.0
// How a command ends: a sentence on standard error and a status, whatever went wrong.

import ArgumentParser
import WarpFormat

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

enum Ending {
  /// Says something on standard error.
  static func say(_ text: String) { try? System.write(2, Array("warp-inspect: \(text)\n".utf8)) }

  /// Runs a command, and turns errors into a sentence and a status. `body` says whether all is well; if not, it has said
  /// why.
  static func run(_ body: () throws -> Bool) throws {
    var isWell = false
    do {
      isWell = try body()
    } catch let error as FormatError {
      // The reader of our pipe went away: nothing to say, and nobody to say it to.
      if error.errno == Output.brokenPipe { throw ExitCode(141) }
      say("\(error)")
      throw ExitCode(2)
    } catch let problem as StreamProblem {
      say("\(problem)")
      throw ExitCode(2)
    }
    if !isWell { throw ExitCode(1) }
  }
}

enum StoreWord {
  /// The data file that a word of the command line means: a path with a slash or the extension, else a name.
  static func path(_ word: String) throws(FormatError) -> String {
    if word.contains("/") || word.hasSuffix(StoreFiles.fileExtension) { return word }
    return try StoreFiles(name: word, directory: StoreDirectory.path()).data
  }

  /// The same for a store that is to be made: the directory of named stores is made too.
  static func newPath(_ word: String) throws(FormatError) -> String {
    let path = try path(word)
    if !word.contains("/"), !word.hasSuffix(StoreFiles.fileExtension) { _ = try StoreDirectory.prepare(nil) }
    return path
  }
}
