// SPDX-License-Identifier: Apache-2.0
// What a replay stores. Keys are an id mixed and written in hex: 16 ASCII bytes that differ all over, as real keys do,
// and that a person can read in an inspector. Values follow from the key and their own size, so every hit can be
// checked, and a value cut short or of another key shows.

import WarpTrace

package enum Content {
  package static let keySize = 16

  /// Distinct ids stay distinct keys.
  package static func mixed(_ id: UInt64) -> UInt64 { Mixing.mixed(id) }

  /// Writes the key: the mixed id as 16 lower-case hex digits.
  package static func writeKey(_ mixed: UInt64, to key: inout [UInt8]) {
    precondition(key.count == keySize)
    for index in 0..<keySize {
      let digit = UInt8(truncatingIfNeeded: mixed >> UInt64(4 * (keySize - 1 - index))) & 15
      key[index] = digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }
  }

  /// Writes a value's first `size` bytes.
  package static func fill(_ value: inout [UInt8], size: Int, of mixed: UInt64) {
    precondition(size <= value.count)
    let seed = seed(mixed, size)
    value.withUnsafeMutableBytes { raw in
      for index in 0..<(size / 8) {
        raw.storeBytes(of: word(seed, index).littleEndian, toByteOffset: 8 * index, as: UInt64.self)
      }
      for offset in (size & ~7)..<size { raw[offset] = byte(seed, offset) }
    }
  }

  /// Whether the first `size` bytes are what ``fill(_:size:of:)`` writes.
  package static func matches(_ value: [UInt8], size: Int, of mixed: UInt64) -> Bool {
    guard size <= value.count else { return false }
    let seed = seed(mixed, size)
    return value.withUnsafeBytes { raw in
      var difference: UInt64 = 0
      for index in 0..<(size / 8) {
        difference |=
          UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
          ^ word(seed, index)
      }
      for offset in (size & ~7)..<size { difference |= UInt64(raw[offset] ^ byte(seed, offset)) }
      return difference == 0
    }
  }

  private static func seed(_ key: UInt64, _ size: Int) -> UInt64 { mixed(key ^ UInt64(size)) }

  private static func word(_ seed: UInt64, _ index: Int) -> UInt64 {
    seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15
  }

  private static func byte(_ seed: UInt64, _ offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: word(seed, offset / 8) >> UInt64(8 * (offset % 8)))
  }
}
