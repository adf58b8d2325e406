// SPDX-License-Identifier: Apache-2.0
// The two clocks of a benchmark. A thread's own processor time leaves out what others did on the core meanwhile; wall time is
// for what waits for another process.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

enum Clocks {
  /// Which clock a measurement goes by.
  enum Kind: String { case thread, wall }

  /// Nanoseconds.
  @inline(__always)
  static func now(_ kind: Kind) -> UInt64 {
    var time = timespec()
    clock_gettime(kind == .thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  static func sleep(milliseconds: Int) {
    var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    nanosleep(&time, nil)
  }
}
