// SPDX-License-Identifier: Apache-2.0
// Would compression pay, or does it? A sample of the values is compressed as the library would do it, if this build can;
// otherwise their entropy tells.

import WarpFormat

struct CompressionCheck: Check {
  private static let least = 16
  /// Smaller values don't get smaller.
  private static let leastSize = 128
  private static let level = 3
  /// Bytes that were compressed, before anything is said about it.
  private static let leastCompressed = 1_048_576.0
  /// Of the size, left after compression.
  private static let pays = 0.6
  private static let useless = 0.95

  static let name = "compression"
  static let fine = "it would not pay, or does"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let (from, to) = (facts.counter(.compressedFrom), facts.counter(.compressedTo))
    if facts.usesZstd, from >= leastCompressed {
      guard to / from > useless else { return [] }
      return [
        Diagnosis(
          .note, "compressed values still take \(Numbers.percent(to / from)) of their size: the time is lost",
          do: "compression: .none")
      ]
    }
    let values = facts.distributions.plain.elements.filter { $0.count >= leastSize }
    guard !facts.usesZstd, values.count >= least else { return [] }
    let size = values.reduce(0) { $0 + $1.count }
    let smaller = Compression.isAvailable ? compressed(values) : entropy(values)
    let part = smaller / Double(max(1, size))
    guard part <= pays else { return [] }
    let how = Compression.isAvailable ? "zstd, level \(level)" : "by their entropy, as this build has no zstd"
    return [
      Diagnosis(
        .note,
        "values would take \(Numbers.percent(part)) of their size (\(how); a sample of \(values.count))",
        do: "compression: .zstd(), and a lower maxValueSize, since slots have a fixed size")
    ]
  }

  static func compressed(_ values: [[UInt8]]) -> Double {
    values.reduce(0.0) { (sum, value) -> Double in
      let frame = value.withUnsafeBytes { Compression.compress($0, level: level, limit: value.count) }
      return sum + Double(frame?.count ?? value.count)
    }
  }

  /// Bytes, if each byte value took as many bits as its share in its own value asks for (Shannon). zstd does better on
  /// text, which repeats itself.
  static func entropy(_ values: [[UInt8]]) -> Double {
    var bits = 0.0
    for value in values {
      var counts = [Int](repeating: 0, count: 256)
      for byte in value { counts[Int(byte)] += 1 }
      for count in counts where count > 0 { bits += Double(count) * log2(Double(value.count) / Double(count)) }
    }
    return bits / 8
  }

  /// Of a number from 1 on; by squaring, so that no mathematics library is needed. 20 bits behind the point.
  static func log2(_ value: Double) -> Double {
    var result = Double(value.exponent)
    var rest = value.significand
    var weight = 0.5
    for _ in 0..<20 {
      rest *= rest
      if rest >= 2 {
        rest /= 2
        result += weight
      }
      weight /= 2
    }
    return result
  }
}
