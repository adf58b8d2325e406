// SPDX-License-Identifier: Apache-2.0
// The last resort of a run that promises never to hang: if the run makes no progress for five minutes, it ends with
// a report that says so. The children die with it; the files stay for whoever looks into it.

import Glibc
import Synchronization
import WarpFormat

final class Watchdog: Sendable {
  private static let patience: Int64 = 300_000_000_000

  private let command: String
  private let last = Atomic<Int64>(System.bootTime())

  init(_ command: String) {
    self.command = command
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Watchdog>.fromOpaque(argument!).takeRetainedValue().watch()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    precondition(result == 0, "pthread_create failed")
    pthread_detach(thread)
  }

  /// The run got somewhere.
  func progress() { last.store(System.bootTime(), ordering: .relaxed) }

  private func watch() {
    while System.bootTime() - last.load(ordering: .relaxed) < Watchdog.patience { System.sleep(100_000_000) }
    print("{\"command\": \"\(command)\", \"hangs\": 1, \"stuck\": true}")
    fflush(nil)
    _exit(1)
  }
}
