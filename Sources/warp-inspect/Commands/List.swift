// SPDX-License-Identifier: Apache-2.0
// `warp-inspect list`: the user's stores, a line each. What it knows is in Facts/StoreListing.swift.

import ArgumentParser
import WarpFormat

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the user's stores.",
    discussion: """
      The stores in WARPKV_DIR, or /dev/shm/warpkv-UID on Linux, or the directory
      given; below it, those of this major version of the format.

      Allocated is what the file system has given the data file; hits are those of
      all gets since the counters were reset; newest is the time since the newest
      entry was written. Below a line stands what is odd about the store, if
      anything is, and the name that a program gave a typed store, if the file's
      name spells it otherwise. A damaged file gets a line with the reason.

      Exit status: 0, 1 if a file is damaged, 2 if the directory can't be read.

      Examples:
        warp-inspect list
        warp-inspect list --all --directory /var/cache/app
        warp-inspect list --json | jq -r '.stores[] | select(.fill > 0.9) | .name'
      """)

  @Option(help: "The directory that holds v\(Format.majorVersion).", completion: .directory)
  var directory: String?

  @Flag(help: "Also show files that belong to no store, and other versions' directories.")
  var all = false

  @Flag(help: "Print one JSON object.")
  var json = false

  private static let table = Table(columns: [
    .init(title: "name", rank: 0, isNumber: false), .init(title: "entries", rank: 1),
    .init(title: "capacity", rank: 4), .init(title: "fill", rank: 2), .init(title: "allocated", rank: 3),
    .init(title: "hits", rank: 5), .init(title: "attached", rank: 6), .init(title: "newest", rank: 7),
  ])

  func run() throws {
    try reporting { output in
      let listing = try StoreListing(directory, all: all)
      if json {
        try output.line(List.json(listing, all: all).text())
      } else {
        for line in List.lines(listing, width: output.width, output.palette) { try output.line(line) }
      }
      return listing.entries.allSatisfy { if case .success = $0.result { true } else { false } }
    }
  }

  // MARK: Text

  static func lines(_ listing: StoreListing, width: Int, _ palette: Palette) -> [String] {
    var lines: [String] = []
    if listing.entries.isEmpty { lines += folded("no stores in \(listing.directory.shown)", width: width) }
    // All rows at once, so that their columns are as wide as the widest.
    let rows = listing.entries.map(cells)
    var groups = table.lines(rows.compactMap(\.self), width: width)[...]
    let titles = groups.removeFirst()
    if !groups.isEmpty { lines += titles.map { palette.paint($0, .faint) } }
    for (entry, row) in zip(listing.entries, rows) {
      lines += row == nil ? folded(entry.name.shown, width: width) : groups.removeFirst()
      for (remark, tone) in remarks(entry) {
        lines += folded(remark, width: width - 2).map { "  " + palette.paint($0, tone) }
      }
    }
    for leftover in listing.leftovers {
      lines += folded("no store: \(leftover.shown)", width: width).map { palette.paint($0, .faint) }
    }
    return lines
  }

  private static func cells(_ entry: StoreListing.Entry) -> [String]? {
    guard case .success(let summary) = entry.result else { return nil }
    return [
      entry.name.shown, Numbers.grouped(summary.entries), Numbers.grouped(summary.capacity),
      Numbers.tenths(summary.fill * 100) + " %", Numbers.bytes(summary.allocated),
      summary.hitRatio.map { Numbers.tenths($0 * 100) + " %" } ?? "-", summary.attached.map(String.init) ?? "-",
      summary.newest.map { Numbers.duration($0) } ?? "-",
    ]
  }

  private static func remarks(_ entry: StoreListing.Entry) -> [(String, Tone)] {
    var remarks: [(String, Tone)] = []
    switch entry.result {
    case .success(let summary):
      if summary.health.word != .sound { remarks.append((summary.health.text, summary.health.tone)) }
      if let typed = entry.typed, entry.name.dropLast(17) != typed.name {
        remarks.append(("typed, named \(JSON.quoted(typed.name))", .faint))
      }
    case .failure(let error): remarks.append(("not a sound store: " + reason(error), .bad))
    }
    return remarks
  }

  /// Without the path, which the line above tells.
  private static func reason(_ error: FormatError) -> String {
    error.message + (error.rule.map { " (\($0))" } ?? "")
  }

  // MARK: JSON

  static func json(_ listing: StoreListing, all: Bool) -> JSON {
    let stores = listing.entries.map { entry -> JSON in
      var members: [(String, JSON)] = [
        ("name", .string(entry.name)), ("path", .string(entry.path)),
        ("typedName", entry.typed.map { .string($0.name) } ?? .null),
        ("typedHash", entry.typed.map { .string($0.hash) } ?? .null),
      ]
      switch entry.result {
      case .success(let summary):
        members += [
          ("entries", .number(summary.entries)), ("capacity", .number(summary.capacity)),
          ("fill", .number("\(summary.fill)")), ("bytesAllocated", .number(summary.allocated)),
          ("hitRatio", summary.hitRatio.map { .number("\($0)") } ?? .null),
          ("attached", .optional(summary.attached)), ("newestSeconds", StoreFacts.seconds(summary.newest)),
          ("health", .string("\(summary.health.word)")),
          ("reasons", .array(summary.health.reasons.map { .string($0) })), ("error", .null),
        ]
      case .failure(let error):
        members += [
          ("error", .string(error.code.rawValue)), ("message", .string(error.message)),
          ("rule", error.rule.map { .string($0) } ?? .null),
        ]
      }
      return .object(members)
    }
    return .object(
      [("directory", .string(listing.directory)), ("stores", .array(stores))]
        + (all ? [("leftovers", .array(listing.leftovers.map { .string($0) }))] : []))
  }
}
