// SPDX-License-Identifier: Apache-2.0
// What both backends say of a set: under which condition, for how long, and what it did.

/// Under which condition a set is carried out. Condition and set are one step: nobody gets in between.
public enum SetCondition: Sendable, Equatable {
  /// Whatever is there.
  case always
  /// Only if there is no entry, or an expired one.
  case absent
  /// Only if there is an unexpired entry with this revision: nobody has written the key since it was read.
  case revision(UInt64)
}

/// What a set did.
public enum SetResult: Sendable, Equatable {
  /// The key is new, or its entry had expired.
  case stored
  /// The key had another value.
  case replaced
  /// The value is too large, also compressed. It is not stored, and an older value of the key is gone.
  case skipped
  /// The condition did not hold. Nothing has changed.
  case refused
}

/// How long an entry lives, in nanoseconds from the set on; 0: for ever.
@frozen
@usableFromInline package struct Lifetime: Equatable, Sendable {
  /// Until it expires.
  @usableFromInline package var whole: UInt64
  /// Until it is stale; not used if 0, else at most `whole` if that is not 0.
  @usableFromInline package var fresh: UInt64

  @inlinable
  package init(whole: UInt64 = 0, fresh: UInt64 = 0) {
    self.whole = whole
    self.fresh = fresh
  }
}
