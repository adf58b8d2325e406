// SPDX-License-Identifier: Apache-2.0
// Whether bytes are JSON (RFC 8259), to the letter: Foundation's reader forgives commas and more.

struct StrictJSON {
  private let bytes: [UInt8]
  private var at = 0

  /// One value and nothing else but white space.
  static func accepts(_ bytes: [UInt8]) -> Bool {
    var parser = StrictJSON(bytes)
    return parser.value(depth: 0) && parser.next() == nil
  }

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  private var here: UInt8? { at < bytes.count ? bytes[at] : nil }

  /// The next byte that is no white space, which stays.
  private mutating func next() -> UInt8? {
    while let byte = here, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { at += 1 }
    return here
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard here == byte.asciiValue else { return false }
    at += 1
    return true
  }

  private mutating func word(_ text: String) -> Bool {
    guard bytes[at...].starts(with: text.utf8) else { return false }
    at += text.utf8.count
    return true
  }

  private mutating func value(depth: Int) -> Bool {
    guard depth < 100, let byte = next() else { return false }
    switch Character(Unicode.Scalar(byte)) {
    case "{": return list("{", "}", depth) { $0.next() != nil && $0.string() && $0.next() != nil && $0.take(":") }
    case "[": return list("[", "]", depth) { _ in true }
    case "\"": return string()
    case "t": return word("true")
    case "f": return word("false")
    case "n": return word("null")
    default: return number()
    }
  }

  private mutating func list(
    _ open: Character, _ close: Character, _ depth: Int, _ name: (inout StrictJSON) -> Bool
  ) -> Bool {
    guard take(open) else { return false }
    _ = next()
    if take(close) { return true }
    // Bound: each turn takes a byte at least.
    while true {
      guard name(&self), value(depth: depth + 1) else { return false }
      _ = next()
      if take(close) { return true }
      guard take(",") else { return false }
    }
  }

  private mutating func string() -> Bool {
    guard take("\"") else { return false }
    while let byte = here {
      at += 1
      switch byte {
      case 0x22: return true
      case 0..<0x20, 0x80...: return false  // Ours is ASCII only.
      case 0x5C:
        if take("u") {
          for _ in 0..<4 {
            guard let digit = here, Character(Unicode.Scalar(digit)).isHexDigit else { return false }
            at += 1
          }
        } else {
          guard let escaped = here, Array("\"\\/bfnrt".utf8).contains(escaped) else { return false }
          at += 1
        }
      default: break
      }
    }
    return false
  }

  private mutating func digits() -> Bool {
    let start = at
    while let byte = here, (0x30...0x39).contains(byte) { at += 1 }
    return at > start
  }

  private mutating func number() -> Bool {
    _ = take("-")
    if !take("0"), !digits() { return false }
    if take("."), !digits() { return false }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      return digits()
    }
    return true
  }
}
