// SPDX-License-Identifier: Apache-2.0
// Random values of the common types, with the extremes far more often than chance would have them.

import WarpTestSupport

struct SampleGenerator {
  var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func pick<Value>(_ values: [Value]) -> Value { values[random.below(values.count)] }

  mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer {
    switch random.below(4) {
    case 0: pick([.min, .max, 0, 1, .max - 1, .min + 1])
    case 1: Integer(truncatingIfNeeded: random.next() % 7)
    default: (0..<(Integer.bitWidth / 8)).reduce(0) { number, _ in number << 8 | Integer(random.below(128)) }
    }
  }

  mutating func int() -> Int { integer(Int.self) }

  /// Without NaN, so that values can be compared.
  mutating func double() -> Double {
    let number = Double(bitPattern: random.next())
    return pick([0, -0.0, 1.5, .infinity, -.infinity, .leastNonzeroMagnitude, number.isNaN ? 2 : number])
  }

  /// Any bits at all.
  mutating func anyDouble() -> Double {
    pick([.nan, .signalingNaN, -.nan, -0.0, Double(bitPattern: random.next())])
  }

  mutating func anyFloat() -> Float {
    pick([.nan, .signalingNaN, -.nan, -0.0, Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))])
  }

  /// A character of any of the 17 planes, surrogates excepted.
  mutating func scalar() -> Unicode.Scalar {
    let low = UInt32(random.below(0x1_0000))
    return Unicode.Scalar(UInt32(random.below(17)) << 16 | low) ?? pick(["\0", "\u{7F}", "\u{FFFF}", "\u{10FFFF}"])
  }

  mutating func text() -> String {
    var result = ""
    for _ in 0..<random.below(6) {
      result.unicodeScalars.append(random.below(2) == 0 ? scalar() : pick(["a", "b", "é"]))
    }
    return result
  }

  mutating func bytes() -> [UInt8] { list { UInt8(truncatingIfNeeded: $0.random.next()) } }

  mutating func list<Element>(_ make: (inout SampleGenerator) -> Element) -> [Element] {
    (0..<random.below(5)).map { _ in make(&self) }
  }

  mutating func point() -> Point { Point(x: int(), y: double()) }

  mutating func tree(_ depth: Int = 0) -> Tree {
    switch random.below(depth > 4 ? 2 : 4) {
    case 0: .empty
    case 1: .leaf(int())
    default: .node(left: tree(depth + 1), right: tree(depth + 1), name: pick([nil, text()]))
    }
  }
}
