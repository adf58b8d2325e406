// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, section 4) with padding, without Foundation.

enum Base64 {
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let pad = UInt8(ascii: "=")

  static func encoded(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var word = 0
      for index in 0..<3 { word = word << 8 | (index < count ? Int(bytes[start + index]) : 0) }
      for place in 0..<4 {
        text.append(place <= count ? letters[word >> (18 - 6 * place) & 63] : pad)
      }
    }
    return text
  }

  /// nil if it is anything else than what `encoded` makes.
  static func decoded(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    let padding = text.suffix(2).reversed().prefix { $0 == pad }.count
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var word = 0
    for (index, letter) in text.enumerated() {
      let isPadding = index >= text.count - padding
      guard let value = isPadding ? 0 : value(letter) else { return nil }
      word = word << 6 | value
      if index % 4 == 3 {
        for place in 0..<3 { bytes.append(UInt8(truncatingIfNeeded: word >> (16 - 8 * place))) }
        word = 0
      }
    }
    // What padding stands for is zero, or another text would mean the same bytes.
    guard bytes.suffix(padding).allSatisfy({ $0 == 0 }) else { return nil }
    return Array(bytes.dropLast(padding))
  }

  private static func value(_ letter: UInt8) -> Int? {
    switch letter {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(letter - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(letter - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(letter - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
