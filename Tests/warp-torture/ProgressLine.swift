// SPDX-License-Identifier: Apache-2.0
// How far a long run is, on stderr every ten seconds if a person looks at it.

import Glibc
import WarpFormat

struct ProgressLine {
  private static let interval: Int64 = 10_000_000_000

  private let name: String
  private let total: Int
  private let began = System.bootTime()
  private var last = System.bootTime()
  private let isTerminal = isatty(2) == 1

  /// - Parameter total: 0: nobody knows.
  init(_ name: String, of total: Int = 0) {
    self.name = name
    self.total = total
  }

  mutating func show(_ done: Int, _ more: @autoclosure () -> String = "") {
    let now = System.bootTime()
    guard isTerminal, now - last >= ProgressLine.interval else { return }
    last = now
    let whole = total > 0 ? " of \(total)" : ""
    let rest = more()
    System.explain(
      "\(name): \(done)\(whole) in \((now - began) / 1_000_000_000) s\(rest.isEmpty ? "" : ", ")\(rest)\n")
  }
}
