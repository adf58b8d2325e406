// SPDX-License-Identifier: Apache-2.0
// Random choices that can be repeated. A test that uses them says its seed when it fails; WARP_SEED sets it.

import WarpFormat

/// What the environment asks of the tests.
public enum TestPlan {
  /// The long versions of the tests run too.
  public static var isDeep: Bool { System.environment("WARP_DEEP") == "1" }

  /// WARP_SEED, else a new one when the tests run deep, else always the same.
  public static func seed(_ fixed: UInt64) -> UInt64 {
    if let seed = System.environment("WARP_SEED").flatMap({ UInt64($0) }) { return seed }
    return isDeep ? UInt64.random(in: 0...UInt64(Int64.max)) : fixed
  }
}

/// A small generator with a printed seed (splitmix64), the same on every platform.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SeededGenerator.mix(state)
  }

  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  public static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Ranks 0..<count with probability proportional to 1 / (rank + 1)^exponent, scattered over the numbers by a hash.
public struct Zipf: Sendable {
  private let cumulative: [Double]

  public init(count: Int, exponent: Double) {
    var sum = 0.0
    cumulative = (0..<count).map { rank in
      sum += 1 / Zipf.power(Double(rank + 1), exponent)
      return sum
    }
  }

  public func next(_ random: inout SeededGenerator) -> UInt64 {
    let target = Double(random.next() >> 11) / Double(1 << 53) * (cumulative.last ?? 0)
    var low = 0
    var high = cumulative.count - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] < target { low = middle + 1 } else { high = middle }
    }
    return SeededGenerator.mix(UInt64(low))
  }

  /// x^y for x >= 1 by repeated square roots, so that no mathematics library is needed. 40 bits of y.
  private static func power(_ x: Double, _ y: Double) -> Double {
    var result = 1.0
    var root = x
    var rest = y
    while rest >= 1 {
      result *= x
      rest -= 1
    }
    for _ in 0..<40 {
      root = root.squareRoot()
      rest *= 2
      if rest >= 1 {
        result *= root
        rest -= 1
      }
    }
    return result
  }
}
