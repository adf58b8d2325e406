// SPDX-License-Identifier: Apache-2.0
// How far something is, on the standard error of a terminal and nowhere else.

import WarpFormat

struct Progress {
  private let isShown = System.isTerminal(2) && !Terminal.isDumb
  private var isDirty = false
  private var last: Int64 = 0
  /// Nanoseconds between two pictures.
  private static let pause: Int64 = 100_000_000

  mutating func show(_ text: @autoclosure () -> String) {
    guard isShown else { return }
    let now = System.bootTime()
    guard now - last >= Progress.pause else { return }
    last = now
    isDirty = true
    Output.complain("\r\(text())\u{1B}[K")
  }

  /// Takes the line away.
  mutating func clear() {
    if isDirty { Output.complain("\r\u{1B}[K") }
    isDirty = false
  }
}
