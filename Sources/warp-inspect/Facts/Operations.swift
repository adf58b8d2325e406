// SPDX-License-Identifier: Apache-2.0
// How much a handle has done, as far as the lock file tells (SPEC.md §12).
//
// - A handle counts in the stripe of its registry entry, `1 + entry mod 255`, and nobody takes that back when it leaves.
//   So the number is its own only if nobody else ever had an entry of that stripe; else it is an upper bound.
// - Over a moment in which one handle alone has the stripe, the growth of the stripe is what that handle did.

import WarpFormat

struct Operations {
  private let stripes: [CounterValues]
  private let generations: [UInt32]

  init(_ lock: LockImage) throws(FormatError) {
    stripes = try lock.stripes()
    generations = try lock.generations()
  }

  static func stripe(of entry: Int) -> Int { 1 + entry % (Format.counterStripes - 1) }

  /// Gets, sets and removals, failed ones included.
  static func sum(_ values: CounterValues) -> UInt64 {
    let counted: [Counter] = [
      .hits, .misses, .busyMisses, .insertions, .updates, .removals, .oversizeSkips, .busySets, .noSpaceSets,
      .fullSets,
    ]
    return counted.reduce(0) { $0 &+ values[$1] }
  }

  subscript(_ handle: HandleImage) -> (count: UInt64, isExact: Bool) {
    let stripe = Operations.stripe(of: handle.entry)
    let claims = generations.indices.filter { Operations.stripe(of: $0) == stripe && generations[$0] != 0 }
    return (Operations.sum(stripes[stripe]), claims == [handle.entry] && handle.generation == 1)
  }
}
