// SPDX-License-Identifier: Apache-2.0
// The parameters that a store is given one after another while it is in use.
//
// - Each holds at least twice the keys of the run and every value that is set, so no replacement excuses a loss.
// - Small and large alternate, so two in a row always differ.

import Synchronization
import WarpFormat
import WarpKV
import WarpTestSupport

struct Shapes {
  /// Bytes of the largest value that workers set.
  static let valueSize = 200
  /// More than any of them takes, before or after compression.
  static let oversize = 1 << 19

  let keys: Int
  private var random: SeededGenerator
  private var isLarge = false

  init(keys: Int, seed: UInt64) {
    self.keys = keys
    random = SeededGenerator(seed: seed)
  }

  /// The judged keys and one more.
  static func smallest(_ keys: Int) -> Int { max(16, 4 * keys) }

  /// The one that every process begins with.
  static func first(_ keys: Int, _ ifDifferent: StoreConfiguration.IfDifferent = .replace) -> StoreConfiguration {
    StoreConfiguration(
      capacity: smallest(keys), maxKeySize: 64, maxValueSize: valueSize, shards: 1, ifDifferent: ifDifferent)
  }

  mutating func next() -> StoreConfiguration {
    isLarge.toggle()
    let small = Shapes.smallest(keys)
    let capacity = isLarge ? max(1024, 4 * small) : small
    // A shard of a small store must hold all keys that may meet there.
    let shards = isLarge || keys > 7 ? [1, 2, 4][random.below(3)] : 1
    let compression: StoreConfiguration.Compression =
      Compression.isAvailable && random.below(2) == 0 ? .zstd(level: 1, threshold: 32) : .none
    return StoreConfiguration(
      capacity: capacity, maxKeySize: [64, 100, 300][random.below(3)],
      maxValueSize: [Shapes.valueSize, 1000, 5000, 20_000][random.below(4)], shards: shards,
      compression: compression)
  }
}

/// Opens stores, and counts those that were made on the way: each draws one id.
final class Maker: Sendable {
  private let made = Atomic<Int>(0)

  var count: Int { made.load(ordering: .relaxed) }

  /// One opening, again as long as it is busy, and the stores that were made in it.
  static func open(_ path: String, _ configuration: StoreConfiguration) throws -> (store: SharedStore, made: Int) {
    let maker = Maker()
    let store = try retryingBusy { try maker.open(path, configuration) }
    return (store, maker.count)
  }

  func open(_ path: String, _ configuration: StoreConfiguration) throws -> SharedStore {
    var world = Environment.system
    world.entropy = { [self] (count) throws(FormatError) in
      if count == 16 { made.add(1, ordering: .relaxed) }
      return try Environment.system.entropy(count)
    }
    return try SharedStore.open(StoreFiles(path: path), configuration, world)
  }
}
