// SPDX-License-Identifier: Apache-2.0
// `warp-inspect rm`: deletes a store as the library does (SPEC.md §10.1), after it asked. The only command here that
// changes anything.
//
// - Whoever has the store open is told by the mark that the library sets, and goes on in the next store of that name.
// - What is no store is deleted only where stores live, and only when told so.

import ArgumentParser
import CTerminal
import WarpFormat

struct Rm: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Deletes a store, asking first.",
    discussion: """
      It asks on a terminal; elsewhere it needs --force. It refuses a store that
      somebody has open, unless --force: who has it open then gets errors, until
      somebody makes a store of that name.

      A file whose header is no store's is not deleted, unless with --force and in
      the directory of stores.

      Exit status: 0 deleted, 1 kept, 2 there is none, 64 it could not ask.

      Examples:
        warp-inspect rm sessions
        warp-inspect rm --force ./cache.warp
        warp-inspect rm --force --json sessions | jq .entries
      """)

  @OptionGroup var options: StoreOptions

  @Flag(name: [.short, .long], help: "Don't ask, and don't mind who has it open.")
  var force = false

  func run() throws {
    try reporting(options.names.sentence) { output in
      let path = try options.path
      let victim = try Victim(options.names, force: force)
      if !force {
        if let reason = victim.reasonToKeep {
          complain("\(path.shown) is kept: \(reason). --force deletes it all the same")
          return false
        }
        guard System.isTerminal(0) else {
          complain("rm asks on a terminal; elsewhere say --force")
          throw ExitCode(64)
        }
        guard Rm.isConfirmed("Delete \(path.shown) with \(victim.text)? [y/N] ") else {
          complain("\(path.shown) is kept")
          return false
        }
      }
      try victim.delete()
      if options.json {
        try output.line(victim.json.text())
      } else {
        try output.line("deleted \(path.shown) with \(victim.text)")
      }
      return true
    }
  }

  private static func isConfirmed(_ question: String) -> Bool {
    try? System.write(2, Array(question.utf8))
    var answer = [CChar](repeating: 0, count: 16)
    let count = terminal_read_line(0, &answer, Int32(answer.count))
    let word = answer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }
    return ["y", "yes"].contains(String(decoding: word, as: UTF8.self).lowercased())
  }
}
