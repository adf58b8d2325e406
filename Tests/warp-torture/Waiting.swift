// SPDX-License-Identifier: Apache-2.0
// No wait lasts for ever.

import Synchronization
import WarpFormat

private let busyCalls = Atomic<Int>(0)

/// Calls of this process that were busy and were made again.
var busyRetries: Int { busyCalls.load(ordering: .relaxed) }

/// Makes a call again as long as it is busy: whoever holds the shard may live and have no core.
///
/// - Parameter body: changes nothing if it is busy.
/// - Throws: what `body` throws; `busy` after 30 s.
@discardableResult
func retryingBusy<Result>(_ body: () throws -> Result) throws -> Result {
  let end = System.bootTime() + 30_000_000_000
  while true {
    do {
      return try body()
    } catch let error as FormatError where error.code == .busy && System.bootTime() < end {
      busyCalls.add(1, ordering: .relaxed)
    }
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
