// SPDX-License-Identifier: Apache-2.0
// `warp-inspect verify`: runs the verifier and prints each finding as it comes. With --follow it goes round a store in
// use until it is told to stop (Facts/Following.swift).

import ArgumentParser
import WarpFormat

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks every rule of the format and prints what is broken.",
    discussion: """
      Each finding has the id of its rule in SPEC.md, the offset of the field in the
      data file (rules WKV-L..: in the lock file), shard and slot. A broken header
      (rules WKV-H.. and WKV-G..) makes the file unreadable: status 2.
      Shards that are being written all the time are named as unstable; that is no
      finding, and verify can be run again.

      On a terminal, or with --progress, standard error shows the bytes done, of
      those that the file really holds, and the time left; holes are skipped.

      --follow goes round and round until it is interrupted, or for --seconds but
      at least one round. A finding counts if two looks find it; it is told once,
      with the time when it was first seen. Files that replace the store are opened anew. With --json it
      prints JSON Lines: an object for each finding and each round, and a summary
      at the end.

      Examples:
        warp-inspect verify sessions
        warp-inspect verify --json ./cache.warp | jq '.findings[].rule'
        warp-inspect verify --progress ./large.warp
        warp-inspect verify --follow --interval 10 sessions
        warp-inspect verify --follow --seconds 60 --json sessions | jq -c .rule
      """)

  @OptionGroup var options: StoreOptions

  @Flag(help: "Show how far it has come, also if standard error is no terminal.")
  var progress = false

  @Flag(help: "Go on with another round, again and again.")
  var follow = false

  @Option(help: "With --follow: end after so many seconds.")
  var seconds: Double?

  @Option(help: "With --follow: seconds from one round to the next.")
  var interval = 1.0

  func validate() throws {
    if let seconds, !(seconds >= 0 && seconds <= 1e9) { throw ValidationError("--seconds must be 0 to 1e9.") }
    if !(interval >= 0 && interval <= 1e6) { throw ValidationError("--interval must be 0 to 1e6.") }
    if seconds != nil && !follow { throw ValidationError("--seconds goes with --follow.") }
  }

  func run() throws {
    if follow {
      try options.watch { path, output in
        var following = Following(isJSON: options.json, seconds: seconds, interval: interval)
        return try following.run(path, &output)
      }
      return
    }
    try options.inspect { image, output in
      options.json ? try printJSON(image, &output) : try printText(image, &output)
    }
  }

  /// Runs the verifier, with its progress on standard error if somebody looks.
  private func verify(
    _ image: FileImage, _ report: (Finding) throws(FormatError) -> Void
  ) throws(FormatError) -> Verifier.Summary {
    var failure: FormatError?
    var line = try VerifyProgress(image, isWanted: progress)
    let summary = try Verifier(image).run { finding in
      line?.clear()
      do throws(FormatError) { try report(finding) } catch { failure = failure ?? error }
    } progress: {
      line?.show($0)
    }
    line?.end()
    if let failure { throw failure }
    return summary
  }

  private func printText(_ image: FileImage, _ output: inout Output) throws -> Bool {
    let summary = try verify(image) { (finding) throws(FormatError) in
      for line in finding.lines(output) { try output.line(line) }
    }
    try output.line(summary.text)
    if let text = summary.unstableText {
      for line in wrapped(text, width: output.width, indent: 4) { try output.line(line) }
    }
    return summary.findings == 0
  }

  private func printJSON(_ image: FileImage, _ output: inout Output) throws -> Bool {
    var separator = "\n"
    try output.write("{\n  \"findings\": [")
    let summary = try verify(image) { (finding) throws(FormatError) in
      try output.write(separator + "    " + JSON.object(finding.members).text(indent: 4))
      separator = ",\n"
    }
    try output.write(separator == "\n" ? "],\n" : "\n  ],\n")
    try output.write("  \"shards\": \(summary.shards),\n  \"entries\": \(summary.entries),\n")
    let unstable = JSON.array(summary.unstable.map { .number($0) })
    try output.line("  \"unstable\": \(unstable.text(indent: 2))\n}")
    return summary.findings == 0
  }
}
