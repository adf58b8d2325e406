// SPDX-License-Identifier: Apache-2.0
// Rows for keys: an open-addressing table from the hash of a key to a row number.
//
// - The hash is the key: ids of traces are mixed by a bijection, and a store's own hashes have 64 bits.
// - Row numbers are small and used again; whoever has columns of data keeps them by row.
// - At most half the cells are taken, and a removal shifts cells back, so a search ends at an empty cell.

/// A table of keys that knows nothing about what is kept for them.
package final class KeyTable {
  /// A row of 0 is an empty cell; rows are counted from 1 here and from 0 outside.
  private struct Cell {
    var hash: UInt64
    var row: UInt32
  }

  private var cells: UnsafeMutableBufferPointer<Cell>
  private var freeRows: [UInt32] = []
  /// Rows given out so far: the size that columns need.
  package private(set) var rows = 0
  package private(set) var count = 0

  package init() { cells = KeyTable.empty(1 << 10) }

  deinit { cells.deallocate() }

  private static func empty(_ count: Int) -> UnsafeMutableBufferPointer<Cell> {
    let cells = UnsafeMutableBufferPointer<Cell>.allocate(capacity: count)
    cells.initialize(repeating: Cell(hash: 0, row: 0))
    return cells
  }

  private func home(_ hash: UInt64) -> Int {
    // Sampled keys have small hashes, so the place must not come from the high bits alone.
    Int(truncatingIfNeeded: (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15 >> 16) & (cells.count - 1)
  }

  package func row(of hash: UInt64) -> Int? {
    var at = home(hash)
    // Bound: there is an empty cell.
    while cells[at].row != 0 {
      if cells[at].hash == hash { return Int(cells[at].row) - 1 }
      at = (at + 1) & (cells.count - 1)
    }
    return nil
  }

  /// The row of a key, a new one if it has none.
  package func insert(_ hash: UInt64) -> (row: Int, isNew: Bool) {
    if let row = row(of: hash) { return (row, false) }
    if 2 * (count + 1) > cells.count { grow() }
    let row = freeRows.popLast() ?? UInt32(rows)
    if Int(row) == rows { rows += 1 }
    place(hash, row + 1)
    count += 1
    return (Int(row), true)
  }

  private func place(_ hash: UInt64, _ row: UInt32) {
    var at = home(hash)
    while cells[at].row != 0 { at = (at + 1) & (cells.count - 1) }
    cells[at] = Cell(hash: hash, row: row)
  }

  private func grow() {
    let old = cells
    cells = KeyTable.empty(2 * old.count)
    for cell in old where cell.row != 0 { place(cell.hash, cell.row) }
    old.deallocate()
  }

  /// Gives a key's row back.
  package func remove(_ hash: UInt64) {
    var hole = home(hash)
    while cells[hole].row != 0, cells[hole].hash != hash { hole = (hole + 1) & (cells.count - 1) }
    guard cells[hole].row != 0 else { return }
    freeRows.append(cells[hole].row - 1)
    count -= 1
    var at = (hole + 1) & (cells.count - 1)
    while cells[at].row != 0 {
      // A cell may fill the hole unless its home lies behind the hole.
      let distance = (at - home(cells[at].hash)) & (cells.count - 1)
      if distance >= (at - hole) & (cells.count - 1) {
        cells[hole] = cells[at]
        hole = at
      }
      at = (at + 1) & (cells.count - 1)
    }
    cells[hole].row = 0
  }

  /// Removes every key whose hash is above a limit.
  func removeAll(above limit: UInt64) {
    for hash in cells.filter({ $0.row != 0 && $0.hash > limit }).map(\.hash) { remove(hash) }
  }
}

/// Counts distinct keys in bounded memory: exactly up to `most`, beyond it from a sample whose threshold falls as
/// needed (the fixed-size sampling of Waldspurger et al., "Efficient MRC Construction with SHARDS", FAST '15).
package struct KeyCensus {
  private let table = KeyTable()
  private let most: Int
  private var limit = UInt64.max

  package init(most: Int = 1 << 20) { self.most = most }

  package var isExact: Bool { limit == .max }
  /// Distinct keys in the sample.
  package var sampled: Int { table.count }
  /// The standard error is about 1 over the square root of `sampled` where it is not exact.
  package var count: Int {
    isExact ? table.count : Int((Double(table.count) / (Double(limit) / 0x1p64)).rounded())
  }

  package mutating func add(_ hash: UInt64) {
    guard hash <= limit else { return }
    _ = table.insert(hash)
    if table.count > most {
      limit /= 2
      table.removeAll(above: limit)
    }
  }
}
