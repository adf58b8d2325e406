// SPDX-License-Identifier: Apache-2.0
// `warp-inspect verify --follow`: rounds of the verifier on a store in use, told as they come.
//
// It ends on an interrupt or after its time, always with a summary, and within a slice of sleep or one shard.

import CTerminal
import WarpFormat

struct Following {
  private static let slice: Int64 = 50_000_000

  let isJSON: Bool
  /// From the beginning; nil: until it is interrupted.
  let seconds: Double?
  let interval: Double
  private let began = System.bootTime()
  private let hasStatusLine = System.isTerminal(2) && !Terminal.isDumb
  private var rounds = 0
  /// Shards looked at, and how many of these looks met one that held still.
  private var looks = 0
  private var unstable = 0
  private var findings = 0

  init(isJSON: Bool, seconds: Double?, interval: Double) {
    (self.isJSON, self.seconds, self.interval) = (isJSON, seconds, interval)
  }

  private var elapsed: Int64 { System.bootTime() - began }

  private var isDone: Bool {
    if terminal_interrupted() != 0 { return true }
    guard let seconds else { return false }
    return Double(elapsed) >= seconds * 1e9
  }

  /// Returns whether the store is clean.
  mutating func run(_ path: String, _ output: inout Output) throws(FormatError) -> Bool {
    terminal_catch_interrupts()
    var verifier = try LiveVerifier(path: path)
    do throws(FormatError) {
      // At least one round, and the first one is whole unless it is interrupted.
      repeat {
        let next = elapsed + Int64(interval * 1e9)
        try round(&verifier, &output)
        while elapsed < next, !isDone { System.sleep(min(Following.slice, max(1, next - elapsed))) }
      } while !isDone
    } catch {
      // What was seen before the store went away is worth as much as before.
      try summary(verifier.replacements, &output)
      try output.flush()
      throw error
    }
    try summary(verifier.replacements, &output)
    return findings == 0
  }

  private mutating func round(_ verifier: inout LiveVerifier, _ output: inout Output) throws(FormatError) {
    let start = elapsed
    rounds += 1
    var failure: FormatError?
    var found: [(finding: Finding, seen: Int64)] = []
    let number = rounds
    let summary = try verifier.round(
      isDone: { terminal_interrupted() != 0 || (number > 1 && isDone) }, { found.append(($0, System.realTime())) })
    clearStatus()
    for (finding, seen) in found {
      do throws(FormatError) { try tell(finding, seen, &output) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
    findings += summary.findings
    looks += summary.shards
    unstable += summary.unstable.count
    if isJSON {
      let object = JSON.object([
        ("event", .string("round")), ("round", .number(rounds)), ("shards", .number(summary.shards)),
        ("entries", .number(summary.entries)), ("findings", .number(summary.findings)),
        ("unstable", .array(summary.unstable.map { .number($0) })),
        ("seconds", .real(Double(elapsed - start) / 1e9)),
      ])
      try output.line(object.line)
    }
    // Whoever reads a pipe wants each round when it happens.
    try output.flush()
    showStatus(summary)
  }

  private func tell(_ finding: Finding, _ seen: Int64, _ output: inout Output) throws(FormatError) {
    if isJSON {
      let members: [(String, JSON)] = [("event", .string("finding")), ("round", .number(rounds))]
      try output.line(
        JSON.object(members + finding.members + [("firstSeen", .number(seen))]).line)
      return
    }
    for line in finding.lines(output) { try output.line(line) }
    try output.line("    first seen \(Numbers.date(seen)), round \(rounds)")
  }

  private func summary(_ replacements: Int, _ output: inout Output) throws(FormatError) {
    clearStatus()
    if isJSON {
      let object = JSON.object([
        ("event", .string("summary")), ("rounds", .number(rounds)), ("findings", .number(findings)),
        ("shards", .number(looks)), ("unstable", .number(unstable)), ("replacements", .number(replacements)),
        ("seconds", .real(Double(elapsed) / 1e9)),
      ])
      return try output.line(object.line)
    }
    var text =
      "\(findings == 1 ? "1 finding" : "\(findings) findings") in \(rounds) round\(rounds == 1 ? "" : "s"), "
    text += "\(Numbers.duration(elapsed)); \(unstable) of \(looks) looks at a shard were unstable"
    if replacements > 0 { text += "; the store was replaced \(replacements) time\(replacements == 1 ? "" : "s")" }
    for line in wrapped(text, width: output.width, indent: 4) { try output.line(line) }
  }

  // MARK: Status line

  private func showStatus(_ summary: Verifier.Summary) {
    guard hasStatusLine else { return }
    let text =
      "round \(rounds), \(Numbers.duration(elapsed)): \(findings) findings, \(summary.entries) entries, "
      + "\(summary.unstable.count) of \(summary.shards) shards unstable"
    Output.complain(("\r" + text.prefix(Terminal.width() - 1) + "\u{1B}[K"))
  }

  private func clearStatus() {
    if hasStatusLine, rounds > 0 { Output.complain("\r\u{1B}[K") }
  }
}
