// SPDX-License-Identifier: Apache-2.0
// From a cache's options to the lifetime of one value. All of it happens before anything is locked.

import Synchronization
import WarpFormat

/// A cache's rules of how long values stay, checked and in nanoseconds.
final class LifetimeRules: Sendable {
  private let normal: Lifetime
  /// 0: as other values.
  private let negative: UInt64
  private let jitter: Double
  /// The state of SplitMix64 (Steele, Lea, Flood 2014): each draw adds a constant and mixes the sum, so threads need no
  /// lock to share it.
  private let state: Atomic<UInt64>

  /// - Throws: `invalidTimeToLive`, `invalidArgument`.
  init(timeToLive: Duration?, _ options: CacheOptions) throws(WarpError) {
    normal = try LifetimeRules.lifetime(timeToLive, options.freshFor, options.staleFor)
    negative = try MemoryTime.lifetime(options.negativeTimeToLive)
    guard options.jitter >= 0, options.jitter < 1 else {
      throw WarpError(
        .invalidArgument, "a jitter of \(options.jitter) is not at least 0 and below 1", field: "jitter")
    }
    jitter = options.jitter
    state = Atomic(options.jitterSeed ?? UInt64.random(in: .min ... .max))
  }

  /// The lifetime of every value; nil: it depends on the value, or on chance.
  var common: Lifetime? { negative == 0 && jitter == 0 ? normal : nil }

  /// Whether entries can be stale.
  var knowsStale: Bool { normal.fresh != 0 }

  /// The lifetime of a value by the rules.
  func lifetime<Value>(of value: Value) -> Lifetime {
    if negative != 0, let optional = value as? any OptionalValue, optional.isNil {
      return shortened(Lifetime(whole: negative))
    }
    return shortened(normal)
  }

  /// The lifetime that the caller asks for, by the rules where nothing is asked.
  ///
  /// - Throws: `invalidTimeToLive`, `invalidArgument`.
  func lifetime<Value>(of value: Value, timeToLive: Duration?) throws(WarpError) -> Lifetime {
    guard let timeToLive else { return lifetime(of: value) }
    return shortened(Lifetime(whole: try MemoryTime.lifetime(timeToLive)))
  }

  private static func lifetime(
    _ timeToLive: Duration?, _ freshFor: Duration?, _ staleFor: Duration?
  ) throws(WarpError) -> Lifetime {
    let whole = try MemoryTime.lifetime(timeToLive)
    let fresh = try MemoryTime.lifetime(freshFor)
    let stale = try MemoryTime.lifetime(staleFor)
    guard stale == 0 || fresh != 0, stale == 0 || whole == 0 else {
      throw WarpError(
        .invalidArgument,
        fresh == 0
          ? "staleFor needs freshFor: a value is stale when it is no longer fresh"
          : "give timeToLive or staleFor: a value lives for freshFor and staleFor together", field: "staleFor")
    }
    guard whole == 0 || fresh <= whole else {
      throw WarpError(
        .invalidArgument, "freshFor is longer than timeToLive: a value can't be fresh after it has expired",
        field: "freshFor")
    }
    // Each is at most 2^62.
    return Lifetime(whole: stale == 0 ? whole : fresh + stale, fresh: fresh)
  }

  private func shortened(_ lifetime: Lifetime) -> Lifetime {
    guard jitter > 0 else { return lifetime }
    let part = 1 - jitter * draw()
    func shorten(_ time: UInt64) -> UInt64 { time == 0 ? 0 : max(1, UInt64(Double(time) * part)) }
    return Lifetime(whole: shorten(lifetime.whole), fresh: shorten(lifetime.fresh))
  }

  /// At least 0, below 1.
  private func draw() -> Double {
    var word = state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((word ^ (word >> 31)) >> 11) * 0x1p-53
  }
}

private protocol OptionalValue {
  var isNil: Bool { get }
}

extension Optional: OptionalValue {
  fileprivate var isNil: Bool { self == nil }
}
