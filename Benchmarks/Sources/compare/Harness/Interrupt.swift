// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM raise a flag that every loop looks at, so that the run's files and servers are cleared away.

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

enum Interrupt {
  private static let flag = Atomic<Bool>(false)

  static var isRaised: Bool { flag.load(ordering: .relaxed) }

  static func watch() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { _ in Interrupt.flag.store(true, ordering: .relaxed) }
    }
    // A server or a worker that is gone is an error of the write, not the end of the benchmark.
    signal(SIGPIPE, SIG_IGN)
  }
}
