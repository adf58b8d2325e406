// SPDX-License-Identifier: Apache-2.0
// warp-inspect: looks at a store's files without taking part in it. It reads through WarpFormat only, takes no lock and
// changes no byte, so it may be used on a store that is in use or damaged.
//
// Exit status: 0 clean, 1 findings, 2 unreadable or not ours (with a sentence on stderr), 64 wrong usage.

import ArgumentParser
import WarpFormat

@main
struct WarpInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warp-inspect",
    abstract: "Looks at WarpKV stores: what is in them, and whether it is sound.",
    discussion: """
      STORE is a path if it contains a slash or ends in .warp, else the name of a
      store in the user's directory (WARPKV_DIR, or /dev/shm/warpkv-UID on Linux).
      Nothing is locked or changed; the store may be in use.

      Exit status: 0 clean, 1 findings, 2 unreadable or not a store.

      Examples:
        warp-inspect info sessions
        warp-inspect verify ./cache.warp
        warp-inspect dump --json ./cache.warp | jq '.shards[].entries[].key'
        warp-inspect --generate-completion-script bash
      """,
    version: Format.writerName,
    subcommands: [
      Info.self,
      Dump.self,
      Verify.self,
      Export.self,
      Import.self,
      Copy.self,
      Repair.self,
      Validate.self,
    ])
}

/// What every subcommand takes.
struct StoreOptions: ParsableArguments {
  @Argument(
    help: "A path (with a slash, or ending in .warp) or the name of a store.",
    completion: .file(extensions: ["warp"]))
  var store: String

  @Flag(help: "Print one JSON object.")
  var json = false

  var path: String {
    get throws(FormatError) {
      if store.contains("/") || store.hasSuffix(StoreFiles.fileExtension) { return store }
      return try StoreFiles(name: store, directory: StoreDirectory.path()).data
    }
  }

  /// Opens the store, lets `body` write about it, and turns errors into a sentence and an exit status. `body` says
  /// whether the store is clean.
  func inspect(_ body: (FileImage, inout Output) throws -> Bool) throws {
    var isClean = false
    do {
      var output = Output()
      isClean = try body(try FileImage(path: try path), &output)
      try output.flush()
    } catch let error as FormatError {
      // The reader of our pipe went away: nothing to say, and nobody to say it to.
      if error.errno == Output.brokenPipe { throw ExitCode(141) }
      try? System.write(2, Array("warp-inspect: \(error)\n".utf8))
      throw ExitCode(2)
    }
    if !isClean { throw ExitCode(1) }
  }
}
