// SPDX-License-Identifier: Apache-2.0
// A screen that is drawn again and again: the terminal's other page, one write for each picture, keys without Return.
// CTerminal sees to it that the terminal is as it was afterwards, however the process ends.

import CTerminal
import WarpFormat

struct LiveScreen: ~Copyable {
  enum Event: Equatable {
    case keys(String)
    case resized, closed, nothing
  }

  /// nil where no screen can be drawn: standard output is no terminal, or one without a cursor.
  init?() {
    guard System.isTerminal(1), !Terminal.isDumb, terminal_begin(System.isTerminal(0) ? 0 : -1, 1) == 0 else {
      return nil
    }
  }

  deinit { terminal_end() }

  /// Gives the terminal back.
  func end() { terminal_end() }

  /// What the terminal says, whatever the environment says: it may change.
  var size: (columns: Int, rows: Int) {
    var columns: Int32 = 0
    var rows: Int32 = 0
    guard terminal_size(1, &columns, &rows) == 0 else { return Terminal.usualSize }
    return (Int(columns), Int(rows))
  }

  /// False while the process is in the background: then nothing is to be drawn.
  var isVisible: Bool { terminal_is_live() == 1 }

  /// Puts lines in the place of what was there. They overwrite it, so nothing flickers; what is longer is erased.
  func draw(_ lines: [String]) throws(FormatError) {
    guard isVisible else { return }
    let text = "\u{1B}[H" + lines.joined(separator: "\u{1B}[K\r\n") + "\u{1B}[K\u{1B}[J"
    try System.write(1, Array(text.utf8))
  }

  /// Waits for something to happen, at most so many nanoseconds.
  func wait(_ nanoseconds: Int64) -> Event {
    var keys = [CChar](repeating: 0, count: 32)
    // Rounded up, so that the caller does not come back just before its time.
    let milliseconds = Int32(clamping: max(0, nanoseconds + 999_999) / 1_000_000)
    let result = terminal_wait(milliseconds, &keys, Int32(keys.count))
    switch result {
    case Int32(TERMINAL_RESIZED): return .resized
    case Int32(TERMINAL_CLOSED): return .closed
    case 1...:
      return .keys(String(decoding: keys.prefix(Int(result)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    default: return .nothing
    }
  }
}
