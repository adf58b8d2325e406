// SPDX-License-Identifier: Apache-2.0
// The target `verify`: hostile files looked at from outside, by the verifier and by all that `warp-inspect` prints.

import WarpFormat
import WarpTestSupport

extension OpenTarget {
  /// Without a handle.
  func runVerify(_ bytes: [UInt8]) {
    guard let recipe = Recipe(bytes) else { return }
    expectTyped {
      try place.write(Image(recipe, bases[recipe.base]))
      try inspect()
    }
  }

  /// Reads everything that can be read.
  func inspect() throws(FormatError) {
    let image = try FileImage(path: place.path)
    _ = try Verifier(image).run { _ in }
    _ = try image.status()
    _ = ClockRecord.current(try image.state())
    _ = try image.occupation()
    if let lock = image.lock { _ = try lock.counters() }
    for index in 0..<image.geometry.shardCount {
      let shard = try image.shard(index)
      let buckets = shard.bucketsBySlot()
      _ = shard.deadlines(now: 1 << 62)
      for slot in shard.queue {
        guard let entry = try image.entry(slot, of: shard, buckets: buckets) else { continue }
        for mode in [TypedMode.key, .value] { _ = try? TypedValue(typedBytes: entry.value, mode: mode) }
      }
    }
  }
}
