// SPDX-License-Identifier: Apache-2.0
// `warp-inspect export`: all entries of a store as JSON Lines or as a binary stream (SPEC.md, chapter 24).
//
// The store may be in use. Of each shard the entries of one moment are written; a shard that never holds still is copied
// entry by entry, and the end says so.

import ArgumentParser
import WarpFormat

struct Export: ParsableCommand {
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case jsonl, binary
  }

  static let configuration = CommandConfiguration(
    abstract: "Writes all entries to a file or a pipe, to be imported elsewhere.",
    discussion: """
      Each line, or frame, is an entry: key, value, and how long it still lives. So
      entries expire when they would have, also in another boot or on another
      machine. Values are decompressed unless --stored (or --raw) is given.

      A file gets its name when it is whole. The last line has a count and a
      checksum, by which import sees a file that was cut.

      Exit status: 0 all, 1 damaged entries were left out, 2 unreadable.

      Examples:
        warp-inspect export sessions > sessions.jsonl
        warp-inspect export sessions -o sessions.wkx --format binary
        warp-inspect export ./a.warp --format binary | warp-inspect import - b
        warp-inspect export ./a.warp --prefix user: | jq -r .key
      """)

  @OptionGroup var options: StoreOptions

  @Option(name: .shortAndLong, help: "Write to this file instead of standard output.")
  var output: String?

  @Option(help: "jsonl or binary.")
  var format = Form.jsonl

  @Option(help: "Only keys that begin so.")
  var prefix = ""

  @Flag(name: [.customLong("stored"), .customLong("raw")], help: "Values as they are stored, compressed ones too.")
  var stored = false

  @Flag(help: "Expired entries too.")
  var expired = false

  func validate() throws {
    if options.json, format == .binary { throw ValidationError("--json and --format binary exclude each other.") }
    if format == .binary, output == nil, System.isTerminal(1) {
      throw ValidationError("The binary form is not for a terminal: give --output, or a pipe.")
    }
  }

  func run() throws {
    try options.inspect { image, _ in
      let moment = try image.moment()
      let sink = try ByteSink(output)
      var first: [UInt8] = []
      var writer = ExportWriter(ExportHeader(image.header, moment), isBinary: format == .binary, first: &first)
      try sink.write(first)
      var end = ExportEnd()
      var progress = Progress()
      defer { progress.clear() }
      for index in 0..<image.geometry.shardCount {
        progress.show("shard \(index + 1) of \(image.geometry.shardCount), \(Numbers.grouped(end.entries)) entries")
        let harvest = try image.harvest(index)
        if !harvest.isConsistent { end.unstable += 1 }
        end.damaged += UInt64(harvest.damaged.values.reduce(0, +))
        for entry in harvest.entries where entry.key.starts(with: prefix.utf8) {
          if entry.isExpired(moment.now), !expired {
            end.expired += 1
          } else if let written = try decoded(entry, image.path) {
            try sink.write(writer.bytes(ExportedEntry(written, now: moment.now)))
            end.entries += 1
          } else {
            end.damaged += 1
          }
        }
      }
      try sink.write(writer.bytes(end))
      try sink.finish()
      progress.clear()
      return report(end, moment)
    }
  }

  /// The entry as it is to be written; nil if its value can't be decoded.
  private func decoded(_ entry: CarriedEntry, _ path: String) throws(FormatError) -> CarriedEntry? {
    guard entry.codec != Format.codecRaw, !stored else { return entry }
    guard Compression.isAvailable else {
      throw FormatError(
        .needsZstd,
        "the store holds zstd values, and this build has no zstd: say --stored to write them as they are",
        path: path)
    }
    guard let value = Compression.value(entry.value, rawSize: entry.rawSize) else { return nil }
    var copy = entry
    (copy.value, copy.codec) = (value, Format.codecRaw)
    return copy
  }

  /// Says what is not as it might be expected, on standard error.
  private func report(_ end: ExportEnd, _ moment: StoreMoment) -> Bool {
    if !moment.isExact {
      complain("the store was last used in another boot: what its entries still have to live is estimated")
    }
    if end.unstable > 0 {
      complain("\(end.unstable) shards never held still: their entries are whole, but of different moments")
    }
    if end.damaged > 0 { complain("\(end.damaged) damaged entries were left out: see verify") }
    return end.damaged == 0
  }
}
