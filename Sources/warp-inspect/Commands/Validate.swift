// SPDX-License-Identifier: Apache-2.0
// `warp-inspect validate`: the files of another implementation against the rules, against what is said of them, and against the golden
// files.

import ArgumentParser
import WarpFormat

struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks another implementation's files against rules and fixtures.",
    discussion: """
      Of each NAME.warp in the directory:
      - if NAME.json is {"rule": …, "offset": …}, this finding must be there;
      - otherwise verify must find nothing, and if NAME.json is a dump (SPEC.md,
        chapter 20) it must be ours; so must NAME.lock.json, of the lock file;
      - with --golden DIR, DIR/NAME.warp must have the same bytes, or at least the same
        dump but for the name of the writer. One that is missing is a difference.

      fixtures/README.md says how an implementation is proved with it.

      Exit status: 0 all are right, 1 some are not, 2 the directory is no use.

      Examples:
        warp-inspect validate fixtures/v1/valid
        warp-inspect validate fixtures/v1/invalid --json | jq '.files[].detail'
        warp-inspect validate ./mine --golden fixtures/v1/valid
      """)

  @Argument(help: "A directory.", completion: .directory)
  var directory: String

  @Option(help: "A directory of golden files.", completion: .directory)
  var golden: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    try reporting { _ in
      let validation = Validation(directory: directory, golden: golden)
      let names = try validation.names()
      var output = Output()
      var wrong = 0
      var verdicts: [JSON] = []
      var progress = Progress()
      let column = min(names.map(\.unicodeScalars.count).max() ?? 0, max(8, output.width / 3))
      for (index, name) in names.enumerated() {
        progress.show("file \(index + 1) of \(names.count)")
        let verdict = validation.verdict(name)
        if !verdict.isRight { wrong += 1 }
        if json {
          verdicts.append(verdict.json)
        } else {
          progress.clear()
          for line in lines(verdict, column, output) { try output.line(line) }
        }
      }
      progress.clear()
      if json {
        try output.line(
          JSON.object([
            ("files", .array(verdicts)), ("right", .number(names.count - wrong)), ("wrong", .number(wrong)),
          ]).text())
      } else {
        try output.line("\(names.count - wrong) of \(names.count) files are right")
      }
      try output.flush()
      return wrong == 0
    }
  }

  private func lines(_ verdict: FileVerdict, _ column: Int, _ output: Output) -> [String] {
    let word = verdict.isRight ? "ok" : "WRONG"
    let mark = output.palette.paint(word, verdict.isRight ? .good : .bad) + "".padded(6 - word.utf8.count)
    // Names come from a directory, and may be anything.
    let isPlain = verdict.name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F }
    let name = isPlain ? verdict.name : JSON.quoted(verdict.name)
    let width = output.width - column - 7
    if width < 30 || name.unicodeScalars.count > column {
      return [mark + name] + wrapped(verdict.detail, width: output.width - 2, indent: 0).map { "  " + $0 }
    }
    let details = wrapped(verdict.detail, width: width, indent: 0)
    return [mark + name.padded(column + 1) + details[0]]
      + details.dropFirst().map { "".padded(column + 7) + $0 }
  }
}
