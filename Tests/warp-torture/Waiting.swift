// SPDX-License-Identifier: Apache-2.0
// No wait lasts for ever.

import WarpFormat

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
