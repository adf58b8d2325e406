// SPDX-License-Identifier: Apache-2.0
// `warp-inspect verify`: runs the verifier and prints each finding as it comes.

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

      Examples:
        warp-inspect verify sessions
        warp-inspect verify --json ./cache.warp | jq '.findings[].rule'
      """)

  @OptionGroup var options: StoreOptions

  func run() throws {
    try options.inspect { image, output in
      options.json ? try printJSON(image, &output) : try printText(image, &output)
    }
  }

  private func printText(_ image: FileImage, _ output: inout Output) throws -> Bool {
    var failure: FormatError?
    let showsProgress = System.isTerminal(2) && image.geometry.shardCount > 1
    let summary = try Verifier(image).run { finding in
      do throws(FormatError) {
        for line in Verify.lines(finding, output) { try output.line(line) }
      } catch {
        failure = failure ?? error
      }
    } progress: { index, count in
      if showsProgress { try? System.write(2, Array("\rshard \(index + 1) of \(count)\u{1B}[K".utf8)) }
    }
    if showsProgress { try? System.write(2, Array("\r\u{1B}[K".utf8)) }
    if let failure { throw failure }
    let findings = summary.findings == 1 ? "1 finding" : "\(summary.findings) findings"
    let shards = summary.shards == 1 ? "1 shard" : "\(summary.shards) shards"
    let entries = summary.entries == 1 ? "1 entry" : "\(summary.entries) entries"
    try output.line("\(findings) in \(shards), \(entries)")
    if !summary.unstable.isEmpty {
      let text = "unstable, look again: shard " + summary.unstable.map(String.init).joined(separator: ", ")
      for line in wrapped(text, width: 80, indent: 4) { try output.line(line) }
    }
    return summary.findings == 0
  }

  private static func lines(_ finding: Finding, _ output: Output) -> [String] {
    var place = "at \(finding.offset)"
    if let shard = finding.shard { place += " shard \(shard)" }
    if let slot = finding.slot { place += " slot \(slot)" }
    var lines = wrapped("\(finding.rule) \(place): \(finding.message)", width: 80, indent: 4)
    lines[0] = output.strong(finding.rule) + lines[0].dropFirst(finding.rule.count)
    return lines
  }

  private func printJSON(_ image: FileImage, _ output: inout Output) throws -> Bool {
    var failure: FormatError?
    var separator = "\n"
    try output.write("{\n  \"findings\": [")
    let summary = try Verifier(image).run { finding in
      let object = JSON.object([
        ("rule", .string(finding.rule)), ("offset", .number(finding.offset)),
        ("message", .string(finding.message)), ("shard", .optional(finding.shard)),
        ("slot", .optional(finding.slot)),
      ])
      do throws(FormatError) {
        try output.write(separator + "    " + object.text(indent: 4))
      } catch {
        failure = failure ?? error
      }
      separator = ",\n"
    }
    if let failure { throw failure }
    try output.write(separator == "\n" ? "],\n" : "\n  ],\n")
    try output.write("  \"shards\": \(summary.shards),\n  \"entries\": \(summary.entries),\n")
    let unstable = JSON.array(summary.unstable.map { .number($0) })
    try output.line("  \"unstable\": \(unstable.text(indent: 2))\n}")
    return summary.findings == 0
  }
}
