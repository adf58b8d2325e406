// SPDX-License-Identifier: Apache-2.0
// Numbers as bars of eighths of a cell: one after another as a sparkline, or one lying along a line.

enum Bars {
  private static let rising: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  private static let lying: [String] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]

  /// One character for each number, scaled to the largest or to `top`. A number above zero is never blank.
  static func spark(_ numbers: some Sequence<Double>, top: Double? = nil) -> String {
    let numbers = Array(numbers)
    let top = top ?? numbers.max() ?? 0
    return String(numbers.map { rising[eighths($0, of: top, cells: 1)] })
  }

  /// A bar of at most `width` columns for a part of a whole, without trailing blanks.
  static func lying(_ part: Double, of whole: Double, width: Int) -> String {
    let eighths = eighths(part, of: whole, cells: width)
    let rest = eighths % 8 == 0 ? "" : lying[eighths % 8]
    return String(repeating: "█", count: eighths / 8) + rest
  }

  private static func eighths(_ part: Double, of whole: Double, cells: Int) -> Int {
    guard part > 0, whole > 0, part.isFinite else { return 0 }
    return max(1, min(8 * cells, Int((min(part / whole, 1) * Double(8 * cells)).rounded())))
  }
}
