// SPDX-License-Identifier: Apache-2.0
// Fields in private bytes: explicit little-endian loads and stores, whatever the machine.

import CWarp

extension [UInt8] {
  /// The field's value as an unsigned integer; for fields of at most 8 bytes. `at` is where its structure starts.
  package func integer(_ field: Field, at start: Int = 0) -> UInt64 {
    var value: UInt64 = 0
    for index in (0..<field.size).reversed() {
      value = value << 8 | UInt64(self[start + field.offset + index])
    }
    return value
  }

  /// The same as an Int; values that do not fit become Int.max, which no rule accepts.
  package func count(_ field: Field, at start: Int = 0) -> Int { Int(clamping: integer(field, at: start)) }

  package func slice(_ field: Field, at start: Int = 0) -> [UInt8] {
    [UInt8](self[(start + field.offset)..<(start + field.offset + field.size)])
  }

  /// The index of the first byte in the range that is not zero.
  func firstNonzero(in range: Range<Int>) -> Int? {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the bytes")
    guard !range.isEmpty else { return nil }
    let index = unsafe withUnsafeBytes { raw in
      unsafe warp_first_nonzero(raw.baseAddress! + range.lowerBound, range.count)
    }
    return index == range.count ? nil : range.lowerBound + index
  }

  mutating func set(_ field: Field, _ value: some BinaryInteger, at start: Int = 0) {
    var rest = UInt64(truncatingIfNeeded: value)
    for index in 0..<field.size {
      self[start + field.offset + index] = UInt8(truncatingIfNeeded: rest)
      rest >>= 8
    }
  }

  /// Stores bytes, padded with zeros or cut to the field.
  mutating func set(_ field: Field, bytes: [UInt8], at start: Int = 0) {
    for index in 0..<field.size {
      self[start + field.offset + index] = index < bytes.count ? bytes[index] : 0
    }
  }
}
