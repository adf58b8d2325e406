// SPDX-License-Identifier: Apache-2.0
// warp-inspect: looks at a store's files without taking part in it. It reads through WarpFormat only, takes no lock and
// changes no byte, so it may be used on a store that is in use or damaged.
//
// Exit status: 0 clean, 1 findings, 2 unreadable or not ours (with a sentence on stderr), 64 wrong usage. Of doctor:
// 0 fine, 1 warnings, 2 errors or unreadable.

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
      Nothing is locked or changed, except by rm; the store may be in use.

      Exit status: 0 clean, 1 findings, 2 unreadable or not a store.

      Examples:
        warp-inspect list
        warp-inspect info sessions
        warp-inspect top sessions
        warp-inspect verify ./cache.warp
        warp-inspect dump --json ./cache.warp | jq '.shards[].entries[].key'
        warp-inspect --generate-completion-script bash
      """,
    version: Format.writerName,
    groupedSubcommands: [
      CommandGroup(name: "Look", subcommands: [Info.self, List.self, Top.self, Map.self]),
      CommandGroup(name: "Entries and bytes", subcommands: [Get.self, Keys.self, Hexdump.self, Dump.self]),
      CommandGroup(name: "Health", subcommands: [Verify.self, Doctor.self, Advise.self, Report.self]),
      CommandGroup(
        name: "Move and mend", subcommands: [Export.self, Import.self, Copy.self, Repair.self, Rm.self]),
      CommandGroup(name: "For implementers", subcommands: [Validate.self]),
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

  var names: StoreNames { StoreNames(asked: store) }

  var path: String { get throws(FormatError) { try names.path } }

  /// Opens the store, lets `body` write about it, and turns errors into a sentence and an exit status. `body` says
  /// whether the store is clean.
  func inspect(_ body: (FileImage, inout Output) throws -> Bool) throws {
    try reporting(names.sentence) { output in try body(try names.open(), &output) }
  }

  /// The same for a command that opens the store itself, perhaps more than once.
  func watch(_ body: (String, inout Output) throws -> Bool) throws {
    try reporting(names.sentence) { output in try body(try path, &output) }
  }
}
