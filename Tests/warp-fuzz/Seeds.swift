// SPDX-License-Identifier: Apache-2.0
// The inputs to begin with: each store with every operation, each place damaged once, the typed fixtures, some frames.

import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

enum Seeds {
  /// Writes the seeds of the target that the environment names, a file each.
  static func write(to directory: String) {
    do {
      for (index, bytes) in seeds(FuzzState.shared).enumerated() {
        try TestFiles.write("\(directory)/seed-\(index)", bytes)
      }
      FuzzState.shared.stores?.place.remove()
    } catch {
      explain("\(error)\n")
      exit(70)
    }
  }

  private static func seeds(_ state: FuzzState) -> [[UInt8]] {
    switch state.target {
    case .open, .verify: recipes(state.stores?.bases.all ?? []).map(\.bytes)
    case .typed: TypedTarget.seeds
    case .zstd: ZstdTarget.seeds
    }
  }

  private static func recipes(_ bases: [Base]) -> [Recipe] {
    var recipes: [Recipe] = []
    var random = SeededGenerator(seed: 1)
    for base in bases {
      let calls = (0..<24).map { _ in
        Operation(
          kind: UInt8(random.below(StoreCall.allCases.count)), key: UInt8(random.below(30)),
          argument: UInt8(random.below(256)))
      }
      recipes.append(Recipe(base: base.number, operations: calls))
    }
    for place in Place.allCases {
      let base = bases[random.below(bases.count)]
      let damage = Damage(
        place: UInt8(place.rawValue), field: UInt8(random.below(16)), meaning: 0, index: UInt16(random.below(64)),
        value: random.next() % 100)
      recipes.append(Recipe(base: base.number, operations: recipes[0].operations, damages: [damage]))
    }
    return recipes
  }
}
