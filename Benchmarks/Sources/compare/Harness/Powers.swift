// SPDX-License-Identifier: Apache-2.0
// What is needed of the mathematical library.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

enum Powers {
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

  /// To the base of ten.
  static func logarithm(_ number: Double) -> Double { log10(number) }
}
