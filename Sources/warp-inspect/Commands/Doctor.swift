// SPDX-License-Identifier: Apache-2.0
// `warp-inspect doctor`: is the store well, what is not, and what to do. The checks are in Checks/.

import ArgumentParser
import WarpFormat

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says whether a store is well, what is not, and what to do.",
    discussion: """
      Runs verify and looks at permissions, free space, the lock file, who is
      attached, deadlines, probe lengths, sizes, and what the counters tell of the
      use. Each thing that is not well has a severity, what it means, and what to
      do: a command or a setting.
      - note: worth knowing;
      - warning: look at it this week;
      - error: something is broken, or operations fail.

      Unlike other commands the exit status is that of a monitor's plug-in:
      0 fine (notes included), 1 warnings, 2 errors, or the store can't be read.

      Examples:
        warp-inspect doctor sessions
        warp-inspect doctor --all ./cache.warp
        warp-inspect doctor --json sessions | jq '.checks[] | select(.advice)'
        warp-inspect doctor sessions >/dev/null || mail -s "sessions" me < /dev/null
      """)

  private static let margin = 2

  @OptionGroup var options: StoreOptions

  @Flag(help: "Show what is well, too, and how sizes and times are spread.")
  var all = false

  func run() throws {
    var worst = Severity.ok
    try options.inspect { image, output in
      let facts = try Examination(image)
      let results = Checks.diagnose(facts)
      worst = results.map(\.diagnosis.severity).max() ?? .ok
      if options.json {
        try printJSON(facts, results, worst, &output)
      } else {
        try printText(facts, results, &output)
      }
      return true
    }
    if worst.status != 0 { throw ExitCode(worst.status) }
  }

  private typealias Result = (check: any Check.Type, diagnosis: Diagnosis)

  private func printText(_ facts: Examination, _ results: [Result], _ output: inout Output) throws {
    try output.line(output.strong(facts.path.shown))
    for (check, diagnosis) in results where all || diagnosis.severity > .ok {
      try output.line(output.palette.paint("\(diagnosis.severity)", diagnosis.severity.tone) + ": \(check.name)")
      try paragraph(diagnosis.text, "", &output)
      if let advice = diagnosis.advice { try paragraph(advice, "-> ", &output) }
    }
    if all {
      for distribution in facts.distributions.all where distribution.count > 0 { try table(distribution, &output) }
    }
    let counts = Severity.allCases.reversed().compactMap { severity -> String? in
      let count = results.count { $0.diagnosis.severity == severity }
      return count == 0 ? nil : "\(count) \(severity)" + (count == 1 || severity == .ok ? "" : "s")
    }
    for line in wrapped(counts.joined(separator: ", "), width: output.width, indent: 0) { try output.line(line) }
  }

  private func paragraph(_ text: String, _ mark: String, _ output: inout Output) throws {
    var margin = String(repeating: " ", count: Doctor.margin) + mark
    for line in wrapped(text, width: output.width - margin.count, indent: 0) {
      try output.line(margin + line)
      margin = String(repeating: " ", count: margin.count)
    }
  }

  /// One line for each range, and a bar as long as its share of the fullest.
  private func table(_ distribution: Distribution, _ output: inout Output) throws {
    try output.line(output.strong(distribution.name))
    let summary =
      "\(Numbers.grouped(distribution.count)) entries; median \(Numbers.grouped(distribution.median)), "
      + "99 % \(Numbers.grouped(distribution.p99)), largest \(Numbers.grouped(distribution.max)) \(distribution.unit)"
    try paragraph(summary, "", &output)
    let most = Double(distribution.bins.map(\.count).max() ?? 0)
    let ranges = distribution.bins.map {
      $0.range.lowerBound == $0.range.upperBound
        ? "\($0.range.lowerBound)" : "\($0.range.lowerBound) to \($0.range.upperBound)"
    }
    let width = ranges.map(\.count).max() ?? 0
    let numbers = distribution.bins.map { Numbers.grouped($0.count) }
    let digits = numbers.map(\.count).max() ?? 0
    let room = output.width - Doctor.margin - width - digits - 2
    for ((bin, range), number) in zip(zip(distribution.bins, ranges), numbers) {
      let bar = room > 0 && bin.count > 0 ? " " + Bars.lying(Double(bin.count), of: most, width: room) : ""
      let cells = String(repeating: " ", count: Doctor.margin + width - range.count) + range
      try output.line(cells + " " + String(repeating: " ", count: digits - number.count) + number + bar)
    }
  }

  private func printJSON(
    _ facts: Examination, _ results: [Result], _ worst: Severity, _ output: inout Output
  ) throws {
    let checks = results.map { check, diagnosis in
      JSON.object([
        ("check", .string(check.name)), ("severity", .string("\(diagnosis.severity)")),
        ("text", .string(diagnosis.text)), ("advice", diagnosis.advice.map { .string($0) } ?? .null),
      ])
    }
    let object = JSON.object([
      ("path", .string(facts.path)), ("severity", .string("\(worst)")), ("checks", .array(checks)),
      ("findings", .array(facts.findings.map { .object($0.members) })),
      ("findingCount", .number(facts.summary.findings)),
      ("distributions", .array(facts.distributions.all.map(\.json))),
    ])
    try output.line(object.text())
  }
}
