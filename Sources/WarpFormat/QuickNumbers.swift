// SPDX-License-Identifier: Apache-2.0
// What a quick get needs of an attachment besides its geometry: sums that would be the same in each of them.

/// The seed of a store's hash, and what short keys are mixed with because of it.
struct HashSeed: Sendable {
  let value: UInt64
  let short: XXH3.ShortSecret

  @inline(__always)
  init(_ value: UInt64) {
    self.value = value
    short = XXH3.ShortSecret(seed: value)
  }
}

/// Computed when files are attached.
struct QuickNumbers: Sendable {
  let seed: HashSeed
  /// The longest short key that is looked up the quickest way; -1: none is, because requests are recorded.
  let longestShortKey: Int
  /// The part of the data file that has the shards.
  let shards: Window
  /// Where a shard's slot 0 would be, from the shard's begin.
  let slotZero: Int
  /// The part of the lock file that has the visited bytes, and a shard's share of it.
  let visited: Window
  let visitedStride: Int

  init(_ header: Header, _ lockGeometry: LockGeometry, data: Window, lock: Window, records: Bool) {
    let geometry = header.geometry
    seed = HashSeed(header.hashSeed)
    longestShortKey = records ? -1 : geometry.maxKeySize
    shards = data.part(Format.shardsOffset, geometry.shardCount &* geometry.shardStride)
    slotZero = geometry.slotsOffset &- geometry.slotStride
    visitedStride = lockGeometry.visitedStride
    visited = lock.part(lockGeometry.visitedOffset, geometry.shardCount &* visitedStride)
  }
}
