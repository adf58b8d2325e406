// SPDX-License-Identifier: Apache-2.0
// How far a long command has come, on standard error: one line that is written over on a terminal, a line a second
// elsewhere. Bytes done of all, percent, and the time that the rest will take if it goes on as it did.
//
// - Never more often than a person reads; asking for the time is all that a step costs.
// - It goes forwards only, although what is counted may begin again.
// - The terminal is left as it was: the line is erased before anything else is said.

import WarpFormat

struct ProgressLine {
  private static let pauseOnTerminal: Int64 = 100_000_000
  private static let pauseElsewhere: Int64 = 1_000_000_000
  /// Before this the rate is a guess.
  private static let leastTime: Int64 = 300_000_000

  /// Bytes.
  let total: Int
  private let isTerminal: Bool
  private let width: Int
  private let began = System.bootTime()
  private var said: Int64?
  private var done = 0
  private var isShown = false

  /// - Parameter total: bytes.
  init(total: Int) {
    self.total = max(1, total)
    isTerminal = System.isTerminal(2) && !Terminal.isDumb
    width = Terminal.width()
  }

  /// - Parameter bytes: done since the beginning.
  mutating func show(_ bytes: Int) {
    done = max(done, min(bytes, total))
    let now = System.bootTime()
    if let said, now - said < (isTerminal ? ProgressLine.pauseOnTerminal : ProgressLine.pauseElsewhere) { return }
    write(now)
  }

  /// Erases the line; elsewhere says that all is done.
  mutating func end() {
    if isTerminal {
      clear()
    } else {
      done = total
      write(System.bootTime())
    }
  }

  /// Before something else is printed on the terminal.
  mutating func clear() {
    if isShown { Output.complain("\r\u{1B}[K") }
    isShown = false
  }

  private mutating func write(_ now: Int64) {
    said = now
    let text = ProgressLine.text(done: done, total: total, elapsed: now - began, width: width)
    Output.complain((isTerminal ? "\r\(text)\u{1B}[K" : text + "\n"))
    isShown = isTerminal
  }

  /// At most `width - 1` columns, so that no terminal wraps it; the percentage always.
  static func text(done: Int, total: Int, elapsed: Int64, width: Int) -> String {
    let percent = "\(Int(Double(done) / Double(total) * 100)) %"
    let bytes = "\(Numbers.grouped(done)) of \(Numbers.grouped(total)) bytes"
    var rest = ""
    if done == total {
      rest = ", \(Numbers.duration(elapsed))"
    } else if done > 0, elapsed >= leastTime {
      let left = Double(elapsed) * (Double(total) / Double(done) - 1)
      rest = ", \(Numbers.duration(Int64(min(left, 1e18)))) left"
    }
    return ["\(percent)  \(bytes)\(rest)", percent + rest].first { $0.utf8.count < width } ?? percent
  }
}
