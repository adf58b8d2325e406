// SPDX-License-Identifier: Apache-2.0
// No wait lasts for ever: a child that does not end in time is killed and counts as failed, and a child whose parent is
// gone ends by itself.

import Glibc
import WarpFormat

extension Child {
  /// Waits for its end, and kills it if that takes longer than this.
  func wait(seconds: Double) -> Ending {
    let end = System.bootTime() + Int64(seconds * 1e9)
    var status: Int32 = 0
    while waitpid(id, &status, WNOHANG) == 0 {
      guard System.bootTime() < end else {
        System.explain("child \(id) did not end within \(seconds) s\n")
        Glibc.kill(id, SIGKILL)
        _ = wait()
        return Ending(signal: 0, code: -1)
      }
      System.sleep(200_000)
    }
    return Ending(signal: status & 0x7F, code: (status >> 8) & 0xFF)
  }
}

extension SharedWords {
  /// Waits until a word has reached a value; false after `seconds`.
  func waits(_ index: Int, atLeast value: UInt64, seconds: Double = 30) -> Bool {
    let end = System.bootTime() + Int64(seconds * 1e9)
    while load(index) < value {
      guard System.bootTime() < end else { return false }
      System.sleep(200_000)
    }
    return true
  }
}
