// SPDX-License-Identifier: Apache-2.0
// The text form of an export, JSON Lines (SPEC.md 24.2): a line about the store, one for each entry, one about the whole.
//
// - The first line is made from the field table of the binary form's header, so the two forms say the same.
// - Keys and values are strings where they are text, base64 under another name where they are not: nobody has to guess.
// - The last line has a digest of all before it, so that a cut or changed file is noticed.

import WarpFormat

/// Lines to and from what they say.
enum ExportLines {
  private static let omitted = [
    ExportHeaderFields.magic, ExportHeaderFields.headerSize, ExportHeaderFields.checksum,
  ].map(\.name)
  private static let kind = ("warpkv", JSON.string("export"))
  /// A longer first line is none.
  static let longestHeader = 1 << 16

  /// The longest line that an entry of a store with these sizes can take: six letters for each byte.
  static func longest(_ parameters: Parameters) -> Int {
    let value = max(parameters.maxValueSize, parameters.maxRawSize ?? 0)
    return 4096 + 6 * (parameters.maxKeySize + value)
  }

  /// The digest of the lines so far, with one more.
  static func digest(_ line: [UInt8], after last: UInt64) -> UInt64 { XXH3.hash64(line, seed: last) }

  // MARK: Header

  static func line(_ header: ExportHeader) -> [UInt8] {
    let members = FieldText.members(ExportHeaderFields.structure, header.encoded())
    return compact([kind] + members.filter { !omitted.contains($0.0) })
  }

  /// nil with the reason if it is none.
  static func header(_ line: JSON) throws(FormatError) -> ExportHeader {
    func fail(_ message: String) -> FormatError { FormatError(.notAStore, message, rule: "WKV-I01") }
    guard line["warpkv"]?.asString == kind.1.asString else { throw fail("the first line is not that of an export") }
    var bytes = [UInt8](repeating: 0, count: ExportHeaderFields.structure.size)
    for field in ExportHeaderFields.structure.fields where !omitted.contains(field.name) {
      guard let value = line[field.name].flatMap({ ExportLines.bytes(field, $0) }) else {
        throw fail("the first line has no usable \(field.name)")
      }
      for (index, byte) in value.enumerated() { bytes[field.offset + index] = byte }
    }
    let magic = Format.exportMagic
    for (index, byte) in magic.enumerated() { bytes[index] = byte }
    bytes[ExportHeaderFields.headerSize.offset] = UInt8(ExportHeaderFields.structure.size)
    let checksum = ExportHeaderFields.checksum
    var digest = XXH3.hash64([UInt8](bytes.prefix(checksum.offset)), seed: 0)
    for index in 0..<checksum.size {
      bytes[checksum.offset + index] = UInt8(truncatingIfNeeded: digest)
      digest >>= 8
    }
    return try ExportHeader(verifying: bytes)
  }

  /// A field's bytes from what chapter 20 prints of it.
  private static func bytes(_ field: Field, _ value: JSON) -> [UInt8]? {
    switch field.kind {
    case .integer, .nanoseconds:
      guard let number = value.asInteger(UInt64.self),
        field.size == 8 || number < UInt64(1) << UInt64(8 * field.size)
      else { return nil }
      return littleEndian(number, field.size)
    case .hex:
      guard let text = value.asString, let number = hexNumber(text) else { return nil }
      return littleEndian(number, field.size)
    case .bytes:
      guard let text = value.asString, let bytes = ExportLines.hex(text), bytes.count == field.size else {
        return nil
      }
      return bytes
    case .text:
      guard let text = value.asString, text.utf8.count <= field.size else { return nil }
      return Array(text.utf8)
    }
  }

  private static func littleEndian(_ number: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
  }

  static func hexNumber(_ text: String) -> UInt64? {
    guard text.hasPrefix("0x"), text.utf8.count <= 18 else { return nil }
    return UInt64(text.dropFirst(2), radix: 16)
  }

  private static func hex(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }

  // MARK: Entries

  static func line(_ entry: ExportedEntry, _ header: ExportHeader) -> [UInt8] {
    var line = content("{", "key", entry.key) + content(",", "value", entry.value)
    var members: [(String, JSON)] = []
    if entry.codec != Format.codecRaw {
      members += [("codec", .number(entry.codec)), ("rawSize", .number(entry.rawSize))]
    }
    members += [("revision", .number(entry.revision)), ("age", .number(entry.age))]
    if let expiresIn = entry.expiresIn {
      members.append(("expiresIn", .number(expiresIn)))
      members.append(("expiresAt", .number(moment(expiresIn, header))))
    }
    if let freshFor = entry.freshFor { members.append(("freshFor", .number(freshFor))) }
    if entry.isVisited { members.append(("visited", .bool(true))) }
    // The object goes on where its two long members end.
    line.append(UInt8(ascii: ","))
    line += compact(members).dropFirst()
    return line
  }

  /// A relative time as nanoseconds since 1970.
  private static func moment(_ relative: Int64, _ header: ExportHeader) -> Int64 {
    Int64(bitPattern: header.realTime) &+ relative
  }

  /// A member with bytes: as a string where they are text, else as base64.
  private static func content(_ separator: String, _ name: String, _ bytes: [UInt8]) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    // Plain ASCII, which nearly all text is, needs neither a string nor an escape.
    if bytes.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != quote && $0 != UInt8(ascii: "\\") }) {
      return Array("\(separator)\"\(name)\":\"".utf8) + bytes + [quote]
    }
    if let text = String(validating: bytes, as: UTF8.self),
      !text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) })
    {
      return Array("\(separator)\"\(name)\":\(JSON.quoted(text))".utf8)
    }
    return Array("\(separator)\"\(name)Base64\":\"".utf8) + Base64.encoded(bytes) + [quote]
  }

  /// The entry of a line, or what is wrong with it and the rule that it breaks.
  static func entry(
    _ line: JSON, _ header: ExportHeader
  ) -> Result<ExportedEntry, LineProblem> {
    guard let key = bytes("key", line), let value = bytes("value", line) else {
      return .failure(LineProblem("WKV-I06", "key and value must each be there once, as text or as base64"))
    }
    func time(_ name: String) -> Int64?? {
      guard let member = line[name] else { return .some(nil) }
      return member.asInteger(Int64.self).map { .some($0) }
    }
    guard let codec = line["codec"] == nil ? 0 : line["codec"]?.asInteger(UInt8.self),
      let rawSize = line["rawSize"] == nil ? value.count : line["rawSize"]?.asInteger(Int.self),
      let revision = line["revision"] == nil ? 0 : line["revision"]?.asInteger(UInt64.self),
      let age = time("age"), let expiresIn = time("expiresIn"), let freshFor = time("freshFor"),
      let expiresAt = time("expiresAt"),
      let isVisited = line["visited"] == nil ? false : line["visited"]?.asBool
    else { return .failure(LineProblem("WKV-I06", "a member has a value that it can't have")) }
    if let expiresAt, expiresIn.map({ moment($0, header) }) != expiresAt {
      return .failure(LineProblem("WKV-I06", "expiresIn and expiresAt say different times"))
    }
    return .success(
      ExportedEntry(
        key: key, value: value, rawSize: rawSize, codec: codec, isVisited: isVisited, revision: revision,
        age: age ?? 0, expiresIn: expiresIn, freshFor: freshFor))
  }

  private static func bytes(_ name: String, _ line: JSON) -> [UInt8]? {
    switch (line[name], line[name + "Base64"]) {
    case (.string(let text), nil): Array(text.utf8)
    case (nil, .string(let text)): Base64.decoded(Array(text.utf8))
    default: nil
    }
  }

  // MARK: End

  /// - Parameter digest: that of the lines before.
  static func line(_ end: ExportEnd, digest: UInt64) -> [UInt8] {
    let counts = FieldText.members(ExportEndFields.structure, end.payload())
    return compact([("end", .object(counts)), ("checksum", .string(checksum(end, digest)))])
  }

  /// Of the lines before and of the counts, however they are written.
  static func checksum(_ end: ExportEnd, _ digest: UInt64) -> String {
    let digits = String(XXH3.hash64(end.payload(), seed: digest), radix: 16)
    return "0x" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  /// What the last line says; nil if it is not the last line.
  static func end(_ line: JSON) -> (end: ExportEnd, checksum: String)? {
    guard let counts = line["end"], let checksum = line["checksum"]?.asString,
      let entries = counts["entries"]?.asInteger(UInt64.self),
      let expired = counts["expired"]?.asInteger(UInt64.self),
      let damaged = counts["damaged"]?.asInteger(UInt64.self),
      let unstable = counts["unstable"]?.asInteger(UInt64.self)
    else { return nil }
    var end = ExportEnd()
    (end.entries, end.expired, end.damaged, end.unstable) = (entries, expired, damaged, unstable)
    return (end, checksum)
  }

  /// An object on one line.
  private static func compact(_ members: [(String, JSON)]) -> [UInt8] { Array(JSON.object(members).line.utf8) }
}

/// What is wrong with a line, and the rule that it breaks.
struct LineProblem: Error {
  let rule: String
  let message: String

  init(_ rule: String, _ message: String) {
    self.rule = rule
    self.message = message
  }
}
