// SPDX-License-Identifier: Apache-2.0
// Numbers that are the same in every run: a seeded generator, and the Zipf distribution.

/// splitmix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA '14).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SplitMix.mix(state)
  }

  /// In 0 up to 1, with 53 bits.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// The generator's finaliser: a bijection, so distinct numbers stay distinct.
  static func mix(_ number: UInt64) -> UInt64 {
    var z = number
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Ranks 1 to `count`, rank k with a probability proportional to k^-exponent. By rejection and inversion (Hörmann, Derflinger,
/// "Rejection-inversion to generate variates from monotone discrete distributions", 1996): exact, without a table.
struct Zipf {
  private let count: Double
  private let exponent: Double
  private let first: Double
  private let last: Double
  private let slack: Double

  init(count: Int, exponent: Double = 0.99) {
    precondition(count > 0 && exponent > 0 && exponent != 1)
    self.count = Double(count)
    self.exponent = exponent
    first = Zipf.integral(1.5, exponent) - 1
    last = Zipf.integral(self.count + 0.5, exponent)
    slack = 2 - Zipf.inverse(Zipf.integral(2.5, exponent) - Zipf.power(2, -exponent), exponent)
  }

  mutating func rank(_ random: inout SplitMix) -> Int {
    // Each try is accepted with a probability of well over a half, so this ends; the bound is for the reader.
    for _ in 0..<10_000 {
      let area = last + random.unit() * (first - last)
      let x = Zipf.inverse(area, exponent)
      let rank = min(max((x + 0.5).rounded(.down), 1), count)
      if rank - x <= slack || area >= Zipf.integral(rank + 0.5, exponent) - Zipf.power(rank, -exponent) {
        return Int(rank)
      }
    }
    return 1
  }

  private static func integral(_ x: Double, _ exponent: Double) -> Double {
    (power(x, 1 - exponent) - 1) / (1 - exponent)
  }

  private static func inverse(_ area: Double, _ exponent: Double) -> Double {
    power(max(1 + area * (1 - exponent), .leastNormalMagnitude), 1 / (1 - exponent))
  }

  private static func power(_ base: Double, _ exponent: Double) -> Double { Powers.power(base, exponent) }
}
