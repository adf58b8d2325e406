// SPDX-License-Identifier: Apache-2.0
// Store time as an inspector can know it (SPEC.md §11): of this boot exactly, of another boot not at all.

import WarpFormat

struct StoreTime {
  /// Nanoseconds; nil if the clock record is of another boot, or there is none.
  let now: UInt64?

  init(_ image: FileImage) throws(FormatError) { self.init(ClockRecord.current(try image.state())) }

  init(_ clock: ClockRecord?) {
    guard let clock, clock.bootID == System.bootID() else {
      now = nil
      return
    }
    now = UInt64(bitPattern: System.bootTime() &+ clock.base)
  }

  init(now: UInt64?) { self.now = now }

  func isExpired(_ deadline: UInt64) -> Bool {
    guard let now, deadline != 0 else { return false }
    return now >= deadline
  }

  /// When a deadline is, or was, for people.
  func text(deadline: UInt64) -> String {
    if deadline == 0 { return "none" }
    guard let now else { return Numbers.date(Int64(clamping: deadline)) }
    if now >= deadline { return "expired " + Numbers.duration(Int64(clamping: now - deadline)) + " ago" }
    return "in " + Numbers.duration(Int64(clamping: deadline - now))
  }

  /// How long ago something happened, for people.
  func text(since instant: UInt64) -> String {
    guard let now else { return Numbers.date(Int64(clamping: instant)) }
    if instant > now { return "in " + Numbers.duration(Int64(clamping: instant - now)) }
    return Numbers.duration(Int64(clamping: now - instant)) + " ago"
  }
}
