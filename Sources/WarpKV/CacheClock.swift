// SPDX-License-Identifier: Apache-2.0
// The clock of whatever expires or waits. Tests put their own in, so that nothing has to sleep.

/// A clock that never goes back, and how to wait on it.
public struct CacheClock: Sendable {
  /// Nanoseconds since any moment.
  @usableFromInline let now: @Sendable () -> UInt64
  /// Suspends the task for so long, or throws when it is cancelled.
  @usableFromInline let sleep: @Sendable (Duration) async throws -> Void

  /// A clock of the given parts. Both may be called from any thread, `now` also under a lock: it must not use a cache.
  public init(
    now: @escaping @Sendable () -> UInt64, sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// Any clock of Swift's, such as a test's.
  public init<C: Clock<Duration>>(_ clock: C) {
    let origin = clock.now
    self.init(
      now: { UInt64(clamping: origin.duration(to: clock.now).attoseconds / 1_000_000_000) },
      sleep: { duration in try await clock.sleep(for: duration) })
  }

  /// Counts time that the machine sleeps, too.
  public static let continuous = CacheClock(
    now: MemoryTime.now, sleep: { duration in try await Task.sleep(for: duration) })
}
