// SPDX-License-Identifier: Apache-2.0
// The memory backend's clock, and the checks of its arguments that do not depend on its types.
//
// The clock is the system's where it has one, and not Swift's: a `Duration` is a number of 128 bits, and to divide it takes as
// long as to read the clock.

import WarpFormat

@usableFromInline package enum MemoryTime {
  /// Nanoseconds since any moment, suspend included. Never goes back.
  @usableFromInline package static let now: @Sendable () -> UInt64 = { UInt64(clamping: System.bootTime()) }

  /// Nanoseconds; 0 for nil.
  ///
  /// - Throws: `invalidTimeToLive`.
  package static func lifetime(_ timeToLive: Duration?) throws(WarpError) -> UInt64 {
    guard let timeToLive else { return 0 }
    return try Expiry.nanoseconds(timeToLive)
  }

  /// When a lifetime that begins now is over, and when it ends to be fresh; 0: never.
  @usableFromInline package static func ends(
    _ now: UInt64, _ lifetime: Lifetime
  ) -> (deadline: UInt64, freshUntil: UInt64) {
    Expiry.ends(now, lifetime)
  }

  /// - Throws: `invalidArgument`.
  static func checkWeights(limit: Int?, shards: Int, hasWeigher: Bool) throws(WarpError) {
    guard (limit != nil) == hasWeigher else {
      throw WarpError(
        .invalidArgument, "a weight limit needs a weigher, and a weigher a limit",
        field: hasWeigher ? "weightLimit" : "weigher")
    }
    guard let limit else { return }
    guard limit >= shards, limit <= MemoryTuning.maximumWeight else {
      throw WarpError(
        .invalidArgument,
        "a weight limit of \(limit) is not in \(shards)...\(MemoryTuning.maximumWeight): each shard needs at least 1",
        field: "weightLimit")
    }
  }
}
