// SPDX-License-Identifier: Apache-2.0
// Published traces number their keys 0, 1, 2, …; whoever chooses by hash needs ids that differ all over.

package enum Mixing {
  /// The finaliser of splitmix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA '14): a
  /// bijection, so distinct ids stay distinct.
  @inlinable
  package static func mixed(_ id: UInt64) -> UInt64 {
    var z = id
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
