// SPDX-License-Identifier: Apache-2.0
// What standard output is: a terminal or not, how wide, with colours or without.

import CTerminal
import WarpFormat

enum Terminal {
  /// Of a screen that nobody told us the size of, and of everything that is no terminal.
  static let usualSize = (columns: 80, rows: 24)
  /// Below this nothing can be drawn; lines are then longer than the screen.
  static let leastWidth = 20

  /// Columns to write for: COLUMNS if it is a number, what the terminal says, else 80.
  static func width() -> Int { max(leastWidth, size().columns) }

  static func size() -> (columns: Int, rows: Int) {
    var columns = Int32(usualSize.columns)
    var rows = Int32(usualSize.rows)
    _ = terminal_size(1, &columns, &rows)
    return (environment("COLUMNS") ?? Int(columns), environment("LINES") ?? Int(rows))
  }

  /// Whether colours are shown: on a terminal that knows them, unless NO_COLOR is set (no-color.org).
  static func isColored(_ descriptor: Int32) -> Bool {
    System.isTerminal(descriptor) && (System.environment("NO_COLOR") ?? "").isEmpty && !isDumb
  }

  /// No cursor can be moved on it.
  static var isDumb: Bool { ["dumb", "", nil].contains(System.environment("TERM")) }

  private static func environment(_ name: String) -> Int? {
    System.environment(name).flatMap { Int($0) }.flatMap { (1...10_000).contains($0) ? $0 : nil }
  }
}
