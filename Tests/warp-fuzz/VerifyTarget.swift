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
    if let lock = image.lock { _ = try (lock.counters(), lock.stripes(), lock.generations()) }
    var glances: [ShardGlance] = []
    for index in 0..<image.geometry.shardCount { glances.append(try image.glance(index)) }
    for glance in glances { _ = (glance.contradiction, glance.oldest, glance.newest, glance.hand) }
    for limit in [Format.surveySlots, 3] { _ = try image.survey(glances, now: 1 << 62, limit: limit) }
    for index in 0..<image.geometry.shardCount {
      let shard = try image.shard(index)
      let buckets = shard.bucketsBySlot()
      for slot in shard.queue {
        guard let entry = try image.entry(slot, of: shard, buckets: buckets) else { continue }
        for mode in [TypedMode.key, .value] { _ = try? TypedValue(typedBytes: entry.value, mode: mode) }
      }
    }
  }
}
