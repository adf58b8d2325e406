// SPDX-License-Identifier: Apache-2.0
// Reads JSON (RFC 8259), strictly: what is no JSON text is refused with the offset at which it goes wrong.
//
// - Numbers stay the digits that they are, so nothing is lost of what is over 2^53.
// - Nesting is bounded; the text is in memory already, and nothing larger than it is made.

/// Where and why a text is no JSON.
struct JSONProblem: Error {
  let offset: Int
  let message: String
}

struct JSONReader {
  private static let deepest = 64

  private let bytes: [UInt8]
  private var at = 0

  /// The value that the bytes are.
  static func value(_ bytes: [UInt8]) throws(JSONProblem) -> JSON {
    var reader = JSONReader(bytes: bytes)
    let value = try reader.value(0)
    reader.skipSpace()
    guard reader.at == bytes.count else { throw reader.problem("there is something behind the value") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func problem(_ message: String) -> JSONProblem { JSONProblem(offset: at, message: message) }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    at += 1
    return true
  }

  private mutating func value(_ depth: Int) throws(JSONProblem) -> JSON {
    guard depth <= JSONReader.deepest else { throw problem("it is nested too deep") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number(try number())
    default: throw problem("a value is missing")
    }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(JSONProblem) -> JSON {
    for byte in word.utf8 {
      guard take(byte) else { throw problem("a word that is no value") }
    }
    return value
  }

  private mutating func object(_ depth: Int) throws(JSONProblem) -> JSON {
    at += 1
    var members: [(String, JSON)] = []
    var names = Set<String>()
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw problem("the name of a member is missing") }
      let name = try string()
      guard names.insert(name).inserted else { throw problem("a member is there twice") }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw problem("a colon is missing") }
      members.append((name, try value(depth + 1)))
      skipSpace()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw problem("an object does not end") }
    return .object(members)
  }

  private mutating func array(_ depth: Int) throws(JSONProblem) -> JSON {
    at += 1
    var values: [JSON] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(values) }
    repeat {
      values.append(try value(depth + 1))
      skipSpace()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw problem("an array does not end") }
    return .array(values)
  }

  private mutating func digits() -> Int {
    let start = at
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { at += 1 }
    return at - start
  }

  private mutating func number() throws(JSONProblem) -> String {
    let start = at
    _ = take(UInt8(ascii: "-"))
    let startsWithZero = next == UInt8(ascii: "0")
    let count = digits()
    guard count > 0, count == 1 || !startsWithZero else { throw problem("a number is not well formed") }
    if take(UInt8(ascii: ".")) {
      guard digits() > 0 else { throw problem("a number is not well formed") }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
      guard digits() > 0 else { throw problem("a number is not well formed") }
    }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  // MARK: Strings

  private mutating func string() throws(JSONProblem) -> String {
    at += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        guard let string = String(validating: text, as: UTF8.self) else { throw problem("a string is no UTF-8") }
        return string
      case UInt8(ascii: "\\"):
        at += 1
        try escape(&text)
      case 0..<0x20: throw problem("a control character in a string is not escaped")
      default:
        text.append(byte)
        at += 1
      }
    }
    throw problem("a string does not end")
  }

  private mutating func escape(_ text: inout [UInt8]) throws(JSONProblem) {
    let plain: [UInt8: UInt8] = [
      UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 8,
      UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
    ]
    guard let letter = next else { throw problem("a string does not end") }
    at += 1
    if let byte = plain[letter] {
      text.append(byte)
      return
    }
    guard letter == UInt8(ascii: "u") else { throw problem("there is no such escape") }
    var code = try unit()
    if (0xD800..<0xDC00).contains(code), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
      let low = try unit()
      guard (0xDC00..<0xE000).contains(low) else { throw problem("half a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw problem("half a surrogate pair") }
    text.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
  }

  private mutating func unit() throws(JSONProblem) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw problem("four hexadecimal digits are missing")
      }
      code = code << 4 | UInt32(digit)
      at += 1
    }
    return code
  }
}

extension JSON {
  /// The member of an object; nil if there is none.
  subscript(_ name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.0 == name }?.1
  }

  /// Whether both say the same: the order of members does not count.
  func isSame(as other: JSON) -> Bool { difference(from: other) == nil }

  /// Where two values differ first, as a path such as `shards[0].entries[1].key`; nil if they say the same.
  func difference(from other: JSON, at path: String = "") -> String? {
    let here = path.isEmpty ? "the document" : path
    switch (self, other) {
    case (.null, .null): return nil
    case (.bool(let left), .bool(let right)): return left == right ? nil : here
    case (.number(let left), .number(let right)): return left == right ? nil : here
    case (.string(let left), .string(let right)): return Array(left.utf8) == Array(right.utf8) ? nil : here
    case (.array(let left), .array(let right)):
      for (index, pair) in zip(left, right).enumerated() {
        if let difference = pair.0.difference(from: pair.1, at: "\(path)[\(index)]") { return difference }
      }
      return left.count == right.count ? nil : "\(path)[\(min(left.count, right.count))]"
    case (.object(let left), .object(let right)):
      let prefix = path.isEmpty ? "" : path + "."
      var rest: [String: JSON] = [:]
      for (name, value) in right { rest[name] = value }
      for (name, value) in left {
        guard let match = rest.removeValue(forKey: name) else { return prefix + name }
        if let difference = value.difference(from: match, at: prefix + name) { return difference }
      }
      return rest.keys.min().map { prefix + $0 }
    default: return here
    }
  }

  var asString: String? { if case .string(let text) = self { text } else { nil } }
  var asBool: Bool? { if case .bool(let flag) = self { flag } else { nil } }

  /// An integer that fits; nil for any other number.
  func asInteger<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
    if case .number(let digits) = self { Number(digits) } else { nil }
  }
}
