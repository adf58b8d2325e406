// SPDX-License-Identifier: Apache-2.0
// Capacities to try: a geometric row, because what matters is how often a cache is doubled.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

package enum Sizes {
  package static let usualCount = 24
  private static let least = 10

  /// From a thousandth of the keys to all of them, ascending, without repetitions.
  package static func geometric(keys: Int, count: Int = usualCount) -> [Int] {
    let last = max(1, keys)
    let first = min(last, max(least, last / 1000))
    return between(first, last, count: count)
  }

  /// `count` sizes from the first to the last, each as many times the one before.
  private static func between(_ first: Int, _ last: Int, count: Int) -> [Int] {
    let step = log2(Double(last) / Double(first)) / Double(max(1, count - 1))
    let sizes = (0..<count).map { Int((Double(first) * exp2(step * Double($0))).rounded()) }
    return unique(sizes.dropLast() + [last])
  }

  /// Sizes inside an interval, evenly spread, to look closer at it.
  package static func inside(_ first: Int, _ last: Int, count: Int = usualCount) -> [Int] {
    unique((1...count).map { first + (last - first) * $0 / (count + 1) }).filter { $0 > first && $0 < last }
  }

  /// Ascending, each once.
  package static func unique(_ sizes: some Sequence<Int>) -> [Int] { Set(sizes).sorted() }

  package static func logarithm(_ size: Int) -> Double { log2(Double(max(1, size))) }
  package static func power(_ exponent: Double) -> Double { exp2(exponent) }
}
