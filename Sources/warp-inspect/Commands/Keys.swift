// SPDX-License-Identifier: Apache-2.0
// `warp-inspect keys`: lists entries, all of them or the first few in an order. Reading is in KeyScan.swift, telling in
// KeyReport.swift.

import ArgumentParser
import WarpFormat

struct Keys: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists keys: all, the largest, the oldest, the next to expire.",
    usage: "warp-inspect keys <store> [<options>]",
    discussion: """
      Sizes are bytes of key and stored value. Without an order keys come as they lie
      in the file. Keys are shown as text, escaped, or as 0x and digits; both can be
      given to get. Those of a typed store, or with --type, are decoded. Lines end at
      the width of the screen; --json has everything, one object a line.

      Orders look at each entry of a store up to 1,000,000 entries, and at a sample of
      so many of a larger one; the last line then says what that means. --exact looks
      at all. A list without an order is always exact.

      Examples:
        warp-inspect keys sessions
        warp-inspect keys --prefix user: --limit 10 sessions
        warp-inspect keys --largest 10 sessions
        warp-inspect keys --expiring 20 ./cache.warp
        warp-inspect keys --json sessions | jq -r 'select(.size > 4096).key'
      """)

  enum Order: String, ExpressibleByArgument, CaseIterable { case size, age, deadline, key }

  private static let exactEntries = 1_000_000
  private static let mostRows = 1_000_000

  @OptionGroup var options: StoreOptions

  @Option(help: "Only keys that begin so: text, or 0x and hexadecimal digits.")
  var prefix: String?

  @Option(help: ArgumentHelp("The N largest entries, the largest first.", valueName: "n"))
  var largest: Int?

  @Option(help: ArgumentHelp("The N entries that were written longest ago.", valueName: "n"))
  var oldest: Int?

  @Option(help: ArgumentHelp("The N entries that were written last.", valueName: "n"))
  var newest: Int?

  @Option(help: ArgumentHelp("The N entries that expire next.", valueName: "n"))
  var expiring: Int?

  @Option(help: "At most so many keys.")
  var limit: Int?

  @Option(help: ArgumentHelp("Look only at about N entries, chosen evenly.", valueName: "n"))
  var sample: Int?

  @Option(help: "Sort by this: size (largest first), age (oldest first), deadline, key.")
  var sort: Order?

  @Flag(help: "Look at every entry, however many there are.")
  var exact = false

  @Flag(help: "Decode keys of typed programs.")
  var type = false

  func validate() throws {
    let numbers = [largest, oldest, newest, expiring, limit, sample].compactMap { $0 }
    guard numbers.allSatisfy({ (0...Keys.mostRows).contains($0) }) else {
      throw ValidationError("Numbers of keys are 0 to \(Keys.mostRows).")
    }
    let orders = [largest, oldest, newest, expiring].count { $0 != nil } + (sort == nil ? 0 : 1)
    guard orders <= 1 else {
      throw ValidationError("Give one of --largest, --oldest, --newest, --expiring and --sort.")
    }
    guard !(exact && sample != nil) else { throw ValidationError("Give --exact or --sample, not both.") }
    if let prefix, BytesText.key(prefix) == nil {
      throw ValidationError("Behind 0x there must be pairs of hexadecimal digits.")
    }
  }

  func run() throws {
    try options.inspect { image, output in
      var scan = try KeyScan(image)
      if let sample {
        scan.sample(sample)
      } else if isOrdered, !exact, scan.entries > Keys.exactEntries {
        scan.sample(Keys.exactEntries)
      }
      var report = try KeyReport(
        image, isJSON: options.json, isTyped: type || TypedText.isTypedStore(image.path), showsAge: showsAge)
      if isOrdered {
        try listOrdered(scan, &report, &output)
      } else {
        try listAll(scan, &report, &output)
      }
      try report.end(scan, isCut: isCut(report), &output)
      return true
    }
  }

  private var isOrdered: Bool { sort != nil || largest != nil || oldest != nil || newest != nil || expiring != nil }
  private var showsAge: Bool { oldest != nil || newest != nil || sort == .age }
  private func isCut(_ report: KeyReport) -> Bool { !isOrdered && limit.map { report.listed >= $0 } ?? false }

  private var start: [UInt8]? { prefix.flatMap { BytesText.key($0) } }

  // MARK: In the order of the file

  private func listAll(_ scan: KeyScan, _ report: inout KeyReport, _ output: inout Output) throws(FormatError) {
    if limit == 0 { return }
    try scan.each { (glance) throws(FormatError) in
      guard glance.keySize >= start?.count ?? 0, let row = try scan.row(glance) else { return true }
      if let start, !row.key.starts(with: start) { return true }
      report.count(glance)
      try report.list(row, &output)
      return report.listed < limit ?? .max
    }
  }

  // MARK: The first few in an order

  /// What an entry is ranked by; lower comes first. Keys are kept only to be sorted by.
  private struct Candidate {
    let rank: UInt64
    let key: [UInt8]
    let glance: KeyGlance

    func precedes(_ other: Candidate) -> Bool {
      if rank != other.rank { return rank < other.rank }
      if key != other.key { return key.lexicographicallyPrecedes(other.key) }
      return (glance.shard, glance.slot) < (other.glance.shard, other.glance.slot)
    }
  }

  private func listOrdered(_ scan: KeyScan, _ report: inout KeyReport, _ output: inout Output) throws(FormatError) {
    let wanted = largest ?? oldest ?? newest ?? expiring ?? Keys.mostRows
    var shortlist = Shortlist<Candidate>(most: min(wanted, limit ?? .max)) { $0.precedes($1) }
    let time = report.time
    try scan.each { (glance) throws(FormatError) in
      var key: [UInt8] = []
      if start != nil || sort == .key {
        guard glance.keySize >= start?.count ?? 0, let row = try scan.row(glance) else { return true }
        if let start, !row.key.starts(with: start) { return true }
        if sort == .key { key = row.key }
      }
      report.count(glance)
      let rank: UInt64
      if largest != nil || sort == .size {
        rank = .max - UInt64(glance.size)
      } else if oldest != nil || sort == .age {
        rank = try scan.written(glance)
      } else if newest != nil {
        rank = .max - (try scan.written(glance))
      } else if expiring != nil {
        guard glance.deadline != 0, !time.isExpired(glance.deadline) else { return true }
        rank = glance.deadline
      } else {
        rank = sort == .key ? 0 : glance.deadline == 0 ? .max : glance.deadline
      }
      shortlist.add(Candidate(rank: rank, key: key, glance: glance))
      return true
    }
    for candidate in shortlist.first() {
      if let row = try scan.row(candidate.glance) { try report.list(row, &output) }
    }
  }
}
