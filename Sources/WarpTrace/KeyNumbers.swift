// SPDX-License-Identifier: Apache-2.0
// Numbers for keys, 0 and up, so that whoever works through a trace can use arrays. Published traces mostly have such
// ids already, and then nothing is translated.

/// A small number for every id of a trace.
package struct KeyNumbers {
  /// Distinct ids.
  package let uniques: Int
  /// One more than the largest number given.
  package let limit: Int
  /// nil where an id is its own number.
  private let numbers: [UInt64: Int]?

  /// O(requests).
  package init(_ trace: Trace) {
    var largest: UInt64 = 0
    for index in 0..<trace.count { largest = max(largest, trace.id(at: index)) }
    // Ids this close together cost an array less than a dictionary costs for its keys.
    if largest < UInt64(4 * trace.count + 1024) {
      limit = Int(largest) + 1
      numbers = nil
      var seen = [Bool](repeating: false, count: limit)
      var uniques = 0
      for index in 0..<trace.count {
        let id = Int(trace.id(at: index))
        if !seen[id] {
          seen[id] = true
          uniques += 1
        }
      }
      self.uniques = uniques
    } else {
      var table: [UInt64: Int] = [:]
      for index in 0..<trace.count {
        let id = trace.id(at: index)
        if table[id] == nil { table[id] = table.count }
      }
      numbers = table
      uniques = table.count
      limit = table.count
    }
  }

  /// The number of an id that occurs in the trace.
  package func number(_ id: UInt64) -> Int { numbers?[id] ?? Int(id) }

  /// A tenth of the keys, at least one: a cache that is neither idle nor idle talk.
  package var tenth: Int { max(1, (uniques + 5) / 10) }
}
