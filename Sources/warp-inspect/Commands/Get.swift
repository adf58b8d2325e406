// SPDX-License-Identifier: Apache-2.0
// `warp-inspect get`: one entry, without a mark in its visited byte and without counting a hit.

import ArgumentParser
import WarpFormat

struct Get: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows one entry: its value, sizes, deadline and place.",
    usage: "warp-inspect get <store> <key> [<options>]",
    discussion: """
      A value is shown as text, escaped, if it is UTF-8 that people can read, else as
      bytes. With --type, and in a typed store by itself, it is decoded as chapter 22
      of SPEC.md says. With --raw or --output it is written as the program stored it,
      byte for byte, and nothing else.

      An expired entry is shown as long as it is there. Exit status: 0 found; 1 not
      there, expired or damaged, with a sentence; 2 unreadable.

      Examples:
        warp-inspect get sessions user:42
        warp-inspect get sessions 0x00ff10 --hex
        warp-inspect get --int 42 ./users-0123456789abcdef.warp
        warp-inspect get --raw sessions page:/ > page.html
        warp-inspect get --json sessions user:42 | jq .deadline
      """)

  private static let nameWidth = 13

  @OptionGroup var options: StoreOptions
  @OptionGroup var key: KeyArgument

  @Flag(help: "Show the value as bytes, also if it is text.")
  var hex = false

  @Flag(help: "Write the value as it is, and nothing else.")
  var raw = false

  @Option(help: "Write the value as it is to this file.", completion: .file())
  var output: String?

  @Flag(help: "Decode the value as one of a typed program; show it as JSON.")
  var type = false

  @Option(help: "Show at most this many bytes of the value.")
  var bytes = 4096

  func validate() throws {
    if bytes < 0 { throw ValidationError("--bytes must not be negative.") }
    if (raw || output != nil) && options.json {
      throw ValidationError("--json goes with neither --raw nor --output.")
    }
  }

  func run() throws {
    try options.inspect { image, screen in
      let facts: EntryFacts
      switch try image.lookup(key.bytes) {
      case .found(let entry): facts = try EntryFacts(entry, in: image)
      case .absent: return try missing("there is no key \(BytesText.quoted(key.bytes))", &screen)
      case .unstable: return try missing("the shard was being written all the time: try again", &screen)
      }
      if raw || output != nil {
        try write(facts, image.path, &screen)
      } else if options.json {
        try screen.line(JSON.object(facts.json + typedMembers(facts, image)).text())
      } else {
        try print(facts, image, &screen)
      }
      if facts.isExpired { complain("the entry has expired: a get misses it") }
      if case .broken(let why) = facts.content { complain("the value can't be decoded: \(why)") }
      if !facts.isSealed { complain("the entry's checksum does not match") }
      if case .broken = facts.content { return false }
      return !facts.isExpired && facts.isSealed
    }
  }

  private func missing(_ sentence: String, _ screen: inout Output) throws(FormatError) -> Bool {
    if options.json {
      try screen.line(JSON.object([("found", .bool(false)), ("key", .string(FieldText.hex(key.bytes)))]).text())
    }
    complain(sentence)
    return false
  }

  /// The value's bytes and nothing else.
  private func write(_ facts: EntryFacts, _ path: String, _ screen: inout Output) throws(FormatError) {
    switch facts.content {
    case .needsZstd: throw Compression.missing(path: path)
    case .broken(let why):
      throw FormatError(.corruptShard, "the value can't be decoded: \(why)", path: path, offset: facts.entry.offset)
    case .bytes(let bytes):
      if let output { try OutputFile.write(bytes, to: output) } else { try System.write(1, bytes) }
    }
  }

  // MARK: Text

  private func print(_ facts: EntryFacts, _ image: FileImage, _ screen: inout Output) throws(FormatError) {
    let nameWidth = min(Get.nameWidth, max(9, screen.width / 4))
    for (name, value) in facts.lines {
      var margin = screen.palette.paint(name.padded(nameWidth), .faint)
      for line in folded(value, width: max(8, screen.width - nameWidth)) {
        try screen.line(margin + line)
        margin = "".padded(nameWidth)
      }
    }
    switch facts.content {
    case .needsZstd:
      try screen.line("value".padded(nameWidth) + "a zstd frame; this build has no zstd (package trait Zstd)")
    case .broken(let why): try screen.line("value".padded(nameWidth) + screen.palette.paint(why, .bad))
    case .bytes(let bytes): try print(value: bytes, facts, image, nameWidth, &screen)
    }
  }

  private func print(
    value: [UInt8], _ facts: EntryFacts, _ image: FileImage, _ nameWidth: Int, _ screen: inout Output
  ) throws(FormatError) {
    let name = screen.palette.paint("value".padded(nameWidth), .faint)
    if type {
      switch typed(value) {
      case .success(let document):
        try screen.line(name)
        try screen.line(TypedText.json(document).text())
        return
      case .failure(let error):
        try screen.line(name + "no typed value: \(error.code.rawValue) at byte \(error.offset)")
      }
    } else if !hex, isTyped(facts, image), case .success(let document) = typed(value) {
      return try print(text: TypedText.text(document), nameWidth, &screen)
    }
    let shown = [UInt8](value.prefix(bytes))
    if !hex, let text = BytesText.readable(shown), shown.count == value.count {
      return try print(text: JSON.quoted(text), nameWidth, &screen)
    }
    if !type { try screen.line(name) }
    let lines = HexLines(shown, base: 0, [], palette: screen.palette, width: screen.width)
    for line in lines.lines { try screen.line(line) }
    if shown.count < value.count {
      try screen.line("  \(Numbers.grouped(value.count - shown.count)) more bytes: --raw writes all")
    }
  }

  /// A value in one column, however long it is: its blanks stay as they are.
  private func print(text: String, _ nameWidth: Int, _ screen: inout Output) throws(FormatError) {
    let scalars = Array(text.unicodeScalars)
    let room = max(8, screen.width - nameWidth)
    for start in stride(from: 0, to: max(1, scalars.count), by: room) {
      let part = String(String.UnicodeScalarView(scalars[start..<min(start + room, scalars.count)]))
      let margin = (start == 0 ? "value" : "").padded(nameWidth)
      try screen.line(screen.palette.paint(margin, .faint) + part)
    }
  }

  // MARK: Types

  private func isTyped(_ facts: EntryFacts, _ image: FileImage) -> Bool {
    key.isTyped || TypedText.isTypedStore(image.path)
  }

  private func typed(_ value: [UInt8]) -> Result<TypedValue, TypedEncodingError> {
    Result { () throws(TypedEncodingError) in try TypedText.decode(value, .value) }
  }

  private func typedMembers(_ facts: EntryFacts, _ image: FileImage) -> [(String, JSON)] {
    guard type || isTyped(facts, image), case .bytes(let bytes) = facts.content else { return [] }
    switch typed(bytes) {
    case .success(let document): return [("typed", TypedText.json(document))]
    case .failure(let error):
      return [("typed", .null), ("typedProblem", .string("\(error.code.rawValue) at byte \(error.offset)"))]
    }
  }
}
