// SPDX-License-Identifier: Apache-2.0
// `warp-inspect hexdump`: the bytes of one place, field by field. What lies where is in Atlas.swift, what it means in
// Annotation.swift, how it looks in HexLines.swift.

import ArgumentParser
import WarpFormat

struct Hexdump: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows bytes with the name, value and meaning of each field.",
    discussion: """
      PLACE is one of:
        header            the first page of the data file
        state             the second: superseded, clock records, clean detach
        lock              the first page of the lock file
        shard:N           a shard's control, and its line in the lock file
        bucket:N          a bucket of shard 0; bucket:SHARD/N of another one
        slot:N            a slot of shard 0 with its metadata; slot:SHARD/N
        key:KEY           all that belongs to a key: bucket, metadata, slot;
                          KEY is text, or 0x and hexadecimal digits
        offset:N          what lies at a byte of the data file; 0x… as well

      The meanings are those of SPEC.md, whose section is named. Values that can't be
      right are marked, and the exit status is then 1; verify knows all rules. Of a
      file with a broken header the first page can still be shown (status 2).

      Examples:
        warp-inspect hexdump --at header sessions
        warp-inspect hexdump --at slot:3/17 ./cache.warp
        warp-inspect hexdump --at key:user:42 sessions
        warp-inspect hexdump --at offset:0x2000 --length 512 ./cache.warp
        warp-inspect hexdump --json --at state sessions | jq '.pieces[].fields'
      """)

  private static let mostLength = 1 << 20

  @OptionGroup var options: StoreOptions

  @Option(help: "What to show; see above.")
  var at: HexPlace

  @Option(help: "Bytes from an offset on, and at most so many of a key or a value.")
  var length = 256

  func validate() throws {
    guard (1...Hexdump.mostLength).contains(length) else {
      throw ValidationError("--length must be 1 to \(Hexdump.mostLength).")
    }
  }

  func run() throws {
    try showBrokenHeader()
    try options.inspect { image, output in
      let found = try at.resolved(in: image, length: length)
      if let sentence = found.missing {
        complain(sentence)
        if options.json { try output.line(Hexdump.json(image.path, "\(at)", [], []).text()) }
        return false
      }
      let annotator = Annotator(image: image, time: try StoreTime(image))
      var pieces: [HexPiece] = []
      for piece in found.pieces { pieces.append(try HexPiece(piece, found.window, length, image, annotator)) }
      if options.json {
        try output.line(Hexdump.json(image.path, "\(at)", found.facts, pieces).text())
      } else {
        try Hexdump.write(image.path, found.facts, pieces, &output)
      }
      return !pieces.contains { $0.annotations.contains { $0.problem != nil } }
    }
  }

  // MARK: Text and JSON

  private static func write(
    _ path: String, _ facts: [String], _ pieces: [HexPiece], _ output: inout Output
  ) throws(FormatError) {
    for line in facts.flatMap({ wrapped($0, width: output.width, indent: 2) }) { try output.line(line) }
    for (number, piece) in pieces.enumerated() {
      if number > 0 || !facts.isEmpty { try output.line() }
      let file = piece.piece.file == .lock ? " of the lock file" : ""
      let title =
        "\(piece.piece.title), SPEC §\(piece.piece.section), \(Numbers.grouped(piece.piece.size)) bytes at "
      for (row, line) in wrapped(title + "\(piece.piece.offset)" + file, width: output.width, indent: 2)
        .enumerated()
      {
        try output.line(row == 0 ? output.strong(line) : line)
      }
      let lines = HexLines(
        piece.bytes, base: piece.start, piece.annotations, palette: output.palette, width: output.width)
      for line in lines.lines { try output.line(line) }
      if piece.rest > 0 { try output.line("  \(Numbers.grouped(piece.rest)) more bytes") }
    }
  }

  private static func json(_ path: String, _ place: String, _ facts: [String], _ pieces: [HexPiece]) -> JSON {
    .object([
      ("path", .string(path)), ("at", .string(place)), ("facts", .array(facts.map { .string($0) })),
      ("pieces", .array(pieces.map(\.json))),
      (
        "problems",
        .number(pieces.reduce(0) { $0 + $1.annotations.count { $0.problem != nil } })
      ),
    ])
  }

  /// The first page of a file that is one of ours and whose header is refused: shown before the error is told.
  private func showBrokenHeader() throws {
    guard !options.json, at.isNearHeader, let path = try? options.path else { return }
    do throws(FormatError) {
      _ = try FileImage(path: path)
    } catch {
      guard let page = try? Hexdump.firstPage(path), page.starts(with: Format.dataMagic) else { return }
      let annotator = Annotator(image: nil, time: StoreTime(now: nil), refusal: error)
      var output = Output()
      let annotations = try annotator.annotations(Atlas.header, page)
      let lines = HexLines(page, base: 0, annotations, palette: output.palette, width: output.width)
      try output.line(output.strong("header, as far as it can be read"))
      for line in lines.lines { try output.line(line) }
      try output.flush()
    }
  }

  private static func firstPage(_ path: String) throws(FormatError) -> [UInt8] {
    let descriptor = try System.open(path, .readOnly)
    defer { System.close(descriptor) }
    guard try System.status(descriptor, path).isRegular else { return [] }
    return try System.read(descriptor, at: 0, count: Format.pageSize, path)
  }
}

/// A piece with the bytes of it that are shown.
private struct HexPiece {
  let piece: Piece
  /// Offset of the first byte shown.
  let start: Int
  let bytes: [UInt8]
  let annotations: [Annotation]
  /// Bytes behind those shown that are left out.
  let rest: Int

  /// - Parameter window: what was asked for by offsets; nil shows the piece from its beginning.
  init(
    _ piece: Piece, _ window: Range<Int>?, _ length: Int, _ image: FileImage, _ annotator: Annotator
  ) throws(FormatError) {
    let wanted = (window ?? piece.range).clamped(to: piece.range)
    var read = piece
    switch piece.kind {
    // What is told of these is told of the whole.
    case .structure, .key, .visited: break
    case .value, .padding, .unused:
      read = piece.part(wanted.lowerBound..<min(wanted.upperBound, wanted.lowerBound + length))
    }
    let all: [UInt8]
    switch piece.file {
    case .data: all = try image.bytes(at: read.offset, count: read.size)
    case .lock: all = try image.lock?.bytes(at: read.offset, count: read.size) ?? []
    }
    let shown = wanted.clamped(to: read.offset..<(read.offset + all.count))
    self.piece = piece
    start = shown.lowerBound
    bytes = [UInt8](all[(shown.lowerBound - read.offset)..<(shown.upperBound - read.offset)])
    annotations = try annotator.annotations(read, all).filter { $0.range.overlaps(shown) }
    rest = window == nil ? piece.range.upperBound - shown.upperBound : 0
  }

  var json: JSON {
    .object([
      ("name", .string(piece.title)), ("section", .string(piece.section)),
      ("file", .string(piece.file == .lock ? "lock" : "data")), ("offset", .number(piece.offset)),
      ("size", .number(piece.size)), ("shownFrom", .number(start)), ("bytes", .string(FieldText.hex(bytes))),
      (
        "fields",
        .array(
          annotations.map { field in
            .object([
              ("name", .string(field.name)), ("offset", .number(field.offset)), ("size", .number(field.size)),
              ("value", .string(field.value)), ("note", field.note.map { .string($0) } ?? .null),
              ("meaning", .string(field.meaning)), ("section", .string(field.section)),
              ("problem", field.problem.map { .string($0) } ?? .null),
            ])
          })
      ),
    ])
  }
}
