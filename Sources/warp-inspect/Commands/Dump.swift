// SPDX-License-Identifier: Apache-2.0
// `warp-inspect dump`: every field of the data file with its absolute offset, entries in insertion order.
//
// It judges nothing and stops at nothing: of a damaged queue it shows what can be walked. Entries are read and printed
// one at a time.

import ArgumentParser
import WarpFormat

struct Dump: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints header, state and entries, each field with its offset.",
    discussion: """
      Entries come shard by shard from oldest to newest, keys and values as bytes.
      A shard that is being written is shown as it was found, marked as unstable.
      With --lock: the lock file, without what is zero throughout.

      Examples:
        warp-inspect dump sessions
        warp-inspect dump --bytes 1024 ./cache.warp
        warp-inspect dump --json ./cache.warp > cache.json
        warp-inspect dump --lock sessions
      """)

  @OptionGroup var options: StoreOptions

  @Option(help: "Show at most this many bytes of a key or value (not with --json).")
  var bytes = 64

  @Flag(help: "Print the lock file instead of the data file.")
  var lock = false

  func validate() throws {
    if bytes < 0 { throw ValidationError("--bytes must not be negative.") }
  }

  func run() throws {
    try options.inspect { image, output in
      if lock {
        try printLock(image, json: options.json, &output)
      } else if options.json {
        try printJSON(image, &output)
      } else {
        try printText(image, &output)
      }
      return true
    }
  }

  static var records: [(Field, Structure)] {
    [
      (StateFields.clockA, ClockFields.structure), (StateFields.clockB, ClockFields.structure),
      (StateFields.detach, DetachFields.structure),
    ]
  }

  // MARK: Text

  private func printText(_ image: FileImage, _ output: inout Output) throws {
    try output.line(output.strong("header"))
    try output.structure(HeaderFields.structure, in: image.headerPage, base: 0)
    let state = try image.state()
    try output.line(output.strong("state block"))
    try output.field(StateFields.superseded, in: state, base: Format.stateOffset)
    for (field, structure) in Dump.records {
      try output.line("  \(field.name)")
      try output.structure(structure, in: state.slice(field), base: Format.stateOffset + field.offset)
    }
    for index in 0..<image.geometry.shardCount {
      let shard = try image.shard(index)
      try output.line(output.strong("shard \(index)" + (shard.isStable ? "" : ", unstable")))
      try output.structure(ControlFields.structure, in: shard.control, base: shard.offset)
      let buckets = shard.bucketsBySlot()
      for slot in shard.queue {
        guard let entry = try image.entry(slot, of: shard, buckets: buckets) else { continue }
        try printEntry(entry, &output)
      }
    }
  }

  private func printEntry(_ entry: EntryImage, _ output: inout Output) throws {
    let bucket = entry.bucket.map { "bucket \($0)" } ?? "in no bucket"
    try output.line(output.strong("  slot \(entry.slot), \(bucket)"))
    try output.structure(MetadataFields.structure, in: entry.metadata, base: entry.metadataOffset)
    try output.structure(SlotFields.structure, in: entry.header, base: entry.offset)
    let keyOffset = entry.offset + SlotFields.structure.size
    try output.line("  key")
    try output.bytes(entry.key, base: keyOffset, limit: bytes)
    try output.line("  value")
    try output.bytes(entry.value, base: keyOffset + (entry.key.count + 7) / 8 * 8, limit: bytes)
  }

  // MARK: JSON

  private func printJSON(_ image: FileImage, _ output: inout Output) throws {
    let header = JSON.object(FieldText.members(HeaderFields.structure, image.headerPage))
    let state = try image.state()
    var members = [(StateFields.superseded.name, FieldText.json(StateFields.superseded, state))]
    for (field, structure) in Dump.records {
      members.append((field.name, .object(FieldText.members(structure, state.slice(field)))))
    }
    try output.write("{\n  \"header\": \(header.text(indent: 2)),\n")
    try output.write("  \"state\": \(JSON.object(members).text(indent: 2)),\n  \"shards\": [")
    for index in 0..<image.geometry.shardCount {
      try output.write(index == 0 ? "\n" : ",\n")
      try printShard(try image.shard(index), image, &output)
    }
    try output.line("\n  ]\n}")
  }

  private func printShard(_ shard: ShardImage, _ image: FileImage, _ output: inout Output) throws {
    let control = JSON.object(FieldText.members(ControlFields.structure, shard.control))
    try output.write("    {\n      \"index\": \(shard.index),\n      \"offset\": \(shard.offset),\n")
    if !shard.isStable { try output.write("      \"stable\": false,\n") }
    try output.write("      \"control\": \(control.text(indent: 6)),\n      \"entries\": [")
    let buckets = shard.bucketsBySlot()
    var separator = "\n"
    for slot in shard.queue {
      guard let entry = try image.entry(slot, of: shard, buckets: buckets) else { continue }
      try output.write(separator + "        " + Dump.json(entry).text(indent: 8))
      separator = ",\n"
    }
    try output.write(separator == "\n" ? "]\n    }" : "\n      ]\n    }")
  }

  static func json(_ entry: EntryImage) -> JSON {
    let place: [(String, JSON)] = [
      ("slot", .number(entry.slot)), ("offset", .number(entry.offset)),
      ("metadataOffset", .number(entry.metadataOffset)), ("bucket", .optional(entry.bucket)),
    ]
    let contents: [(String, JSON)] = [
      ("key", .string(FieldText.hex(entry.key))), ("value", .string(FieldText.hex(entry.value))),
    ]
    return .object(
      place + FieldText.members(SlotFields.structure, entry.header)
        + FieldText.members(MetadataFields.structure, entry.metadata) + contents)
  }
}
