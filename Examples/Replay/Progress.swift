// SPDX-License-Identifier: Apache-2.0
// A bar on the terminal while the workers run. Nothing at all where stderr is no terminal: logs and scripts want no bar.

import ReplaySupport

struct Progress {
  private let total: Int
  private let isShown: Bool
  private let start = Processes.now()
  private var lastShown = 0

  private static let width = 40
  /// Nanoseconds between two drawings: smooth to the eye, and no load.
  private static let interval = 100_000_000

  init(total: Int, isShown: Bool) {
    self.total = total
    self.isShown = isShown && Terminal.isTerminal(.errors)
  }

  mutating func show(_ done: Int) {
    let now = Processes.now()
    guard isShown, now - lastShown >= Progress.interval else { return }
    lastShown = now
    let filled = done * Progress.width / total
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Progress.width - filled)
    let rate = Double(done) / (Double(max(now - start, 1)) / 1e9)
    Terminal.write(
      "\r[\(bar)] \(done * 100 / total) %  \(Numbers.grouped(Int(rate))) requests/s \u{1B}[K", to: .errors)
  }

  /// Leaves the line as it was.
  func clear() {
    if isShown { Terminal.write("\r\u{1B}[K", to: .errors) }
  }
}
