// SPDX-License-Identifier: Apache-2.0
// What a cache tells of one entry, and why entries leave.

/// A copy of one entry of a cache.
public struct CachedEntry<Key, Value> {
  /// The key, as it is stored.
  public let key: Key
  /// The value.
  public let value: Value
  /// nil: it does not expire.
  public let remaining: Duration?
  /// Grows with every write to the entry's shard, and is never used again. Never 0.
  public let revision: UInt64
  /// Whether the time for which it was to be fresh is over. It stays a hit until it expires.
  public let isStale: Bool

  @inlinable
  package init(key: Key, value: Value, remaining: Duration?, revision: UInt64, isStale: Bool) {
    self.key = key
    self.value = value
    self.remaining = remaining
    self.revision = revision
    self.isStale = isStale
  }
}

extension CachedEntry: Sendable where Key: Sendable, Value: Sendable {}
extension CachedEntry: Equatable where Key: Equatable, Value: Equatable {}

/// Why an entry, or the older value of one, left a cache in memory.
///
/// Only ``size`` is an eviction; the four are counted apart.
public enum DepartureCause: Sendable, Equatable {
  /// It was given up to make room, by count or by weight.
  case size
  /// Its time was over. That is noticed when its key is set or removed, when room is made, or by one of the few looks
  /// that each new key takes at older entries: later than the deadline, but no get gives it out meanwhile.
  case expired
  /// It was removed or taken, or its key was set to a value too heavy to be stored.
  case removed
  /// Its key was set.
  case replaced
}
