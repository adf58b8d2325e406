// SPDX-License-Identifier: Apache-2.0
// An export of either form, read entry by entry (SPEC.md, chapter 24). The form is told by the first byte.
//
// Every entry that is handed out is in order by itself. Whether the whole is complete is known at its end: until `next` has
// returned nil, what came may be the beginning of a cut file.

import WarpFormat

struct ExportReader {
  let header: ExportHeader
  /// What the end says; nil before it.
  private(set) var end: ExportEnd?
  private let stream: ByteStream
  private var form: Form
  private var count: UInt64 = 0
  private let lineLimit: Int

  private enum Form {
    /// The digest of the lines so far.
    case lines(UInt64)
    case frames(ExportFrames)
  }

  /// - Parameter path: "-" is standard input.
  /// - Throws: `FormatError`, `StreamProblem`.
  init(_ path: String) throws {
    let stream = try ByteStream(path)
    do throws(FormatError) {
      if try stream.peek() == Format.exportMagic[0] {
        let bytes = try stream.take(ExportHeaderFields.structure.size)
        header = try ExportHeader(verifying: bytes)
        form = .frames(ExportFrames(bytes))
      } else {
        guard case .whole(let line) = try stream.line(limit: ExportLines.longestHeader),
          let json = try? JSONReader.value(line)
        else { throw FormatError(.notAStore, "it does not begin as an export", rule: "WKV-I01") }
        header = try ExportLines.header(json)
        form = .lines(ExportLines.digest(line, after: 0))
      }
    } catch {
      guard let rule = error.rule else { throw error }
      throw StreamProblem(path: stream.path, place: "its beginning", message: error.message, rule: rule)
    }
    lineLimit = ExportLines.longest(header.parameters)
    self.stream = stream
  }

  /// The next entry; nil behind the last one, when the whole was found complete.
  mutating func next() throws -> ExportedEntry? {
    guard end == nil else { return nil }
    let place: String
    let found: ExportedEntry?
    switch form {
    case .lines(let digest):
      found = try nextLine(digest)
      place = "line \(stream.lines)"
    case .frames(let frames):
      place = "offset \(stream.offset)"
      found = try nextFrame(frames)
    }
    guard let entry = found else { return nil }
    if let problem = entry.problem {
      throw StreamProblem(path: stream.path, place: place, message: problem, rule: "WKV-I04")
    }
    count += 1
    return entry
  }

  // MARK: Lines

  private mutating func nextLine(_ digest: UInt64) throws -> ExportedEntry? {
    let line: [UInt8]
    switch try stream.line(limit: lineLimit) {
    case .whole(let bytes): line = bytes
    case .cut: throw problem("line \(stream.lines)", "it ends within a line: it was cut", "WKV-I05")
    case .end: throw problem("line \(stream.lines + 1)", "the last line is missing: it was cut", "WKV-I05")
    case .tooLong:
      throw problem("line \(stream.lines + 1)", "the line is longer than any entry of that store", "WKV-I06")
    }
    let place = "line \(stream.lines)"
    let json: JSON
    do throws(JSONProblem) {
      json = try JSONReader.value(line)
    } catch {
      throw problem(place, "\(error.message), at byte \(error.offset)", "WKV-I06")
    }
    if let last = ExportLines.end(json) {
      guard last.checksum == ExportLines.checksum(last.end, digest) else {
        throw problem(place, "the checksum does not match: lines were changed or are missing", "WKV-I02")
      }
      try finish(last.end, place)
      return nil
    }
    form = .lines(ExportLines.digest(line, after: digest))
    switch ExportLines.entry(json, header) {
    case .success(let entry): return entry
    case .failure(let failure): throw problem(place, failure.message, failure.rule)
    }
  }

  // MARK: Frames

  private mutating func nextFrame(_ before: ExportFrames) throws -> ExportedEntry? {
    var frames = before
    let place = "offset \(stream.offset)"
    let head = try stream.take(ExportFrames.headSize)
    guard head.count == ExportFrames.headSize else {
      throw problem(place, "the end is missing: it was cut", "WKV-I05")
    }
    guard let (kind, size) = frames.announced(head) else {
      throw problem(place, "there is no such frame", "WKV-I03")
    }
    let payload = try stream.take(size)
    guard payload.count == size else { throw problem(place, "it ends within a frame: it was cut", "WKV-I05") }
    guard frames.accepts(head, payload) else {
      throw problem(place, "the checksum of the frame does not match", "WKV-I02")
    }
    form = .frames(frames)
    switch kind {
    case .entry:
      guard let entry = ExportedEntry(payload: payload) else {
        throw problem(place, "the sizes of the entry do not add up", "WKV-I03")
      }
      return entry
    case .end:
      guard let end = ExportEnd(payload: payload) else {
        throw problem(place, "the end has another size", "WKV-I03")
      }
      try finish(end, place)
      return nil
    }
  }

  // MARK: The end

  private mutating func finish(_ end: ExportEnd, _ place: String) throws {
    guard end.entries == count else {
      throw problem(place, "there are \(count) entries, and the end says \(end.entries)", "WKV-I05")
    }
    guard try stream.peek() == nil else { throw problem(place, "something comes behind the end", "WKV-I05") }
    self.end = end
  }

  private func problem(_ place: String, _ message: String, _ rule: String) -> StreamProblem {
    StreamProblem(path: stream.path, place: place, message: message, rule: rule)
  }
}
