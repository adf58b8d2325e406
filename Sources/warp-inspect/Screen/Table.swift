// SPDX-License-Identifier: Apache-2.0
// A table that fits a screen: columns that matter least are left out first, and a name that is too long for its column
// stands on a line of its own.

struct Table {
  struct Column {
    let title: String
    /// Of those that do not fit, the highest goes first; 0 stays.
    let rank: Int
    var isNumber = true
  }

  /// The first column is the name.
  let columns: [Column]
  private static let gap = 2
  private static let leastName = 8

  /// The lines of each row, of as many cells as there are columns. Before them, the line with the titles.
  func lines(_ rows: [[String]], width: Int) -> [[String]] {
    var shown = Array(columns.indices)
    func size(_ column: Int) -> Int {
      max(columns[column].title.unicodeScalars.count, rows.map { $0[column].unicodeScalars.count }.max() ?? 0)
    }
    func rest() -> Int { shown.dropFirst().reduce(0) { $0 + size($1) + Table.gap } }
    // Bound: the columns.
    while rest() + Table.leastName > width,
      let worst = shown.dropFirst().max(by: { columns[$0].rank < columns[$1].rank }),
      columns[worst].rank > 0
    {
      shown.removeAll { $0 == worst }
    }
    let name = min(size(0), max(Table.leastName, width - rest()))
    return ([columns.map(\.title)] + rows).map { row in
      let numbers = shown.dropFirst().map { column in
        String(repeating: " ", count: Table.gap)
          + (columns[column].isNumber ? row[column].leftPadded(size(column)) : row[column].padded(size(column)))
      }
      let isLong = row[0].unicodeScalars.count > name
      let line = Table.trimmed((isLong ? "" : row[0]).padded(name) + numbers.joined())
      return isLong ? folded(row[0], width: width) + [line] : [line]
    }
  }

  private static func trimmed(_ line: String) -> String {
    guard let last = line.lastIndex(where: { $0 != " " }) else { return "" }
    return String(line[...last])
  }
}
