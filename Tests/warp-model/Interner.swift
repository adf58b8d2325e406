// SPDX-License-Identifier: Apache-2.0
// Numbers for records of bytes that are equal, and a set of hashes. Both are open-addressing tables in flat memory.

/// Gives equal records of one size (a multiple of eight bytes) the same number. Number 0 is the record of zeros.
final class Interner {
  let size: Int
  private(set) var count = 0
  private var records: UnsafeMutableRawPointer
  private var capacity = 1 << 10
  private var table: UnsafeMutablePointer<UInt32>

  init(size: Int) {
    self.size = size
    records = .allocate(byteCount: size << 10, alignment: 8)
    table = .allocate(capacity: 1 << 11)
    table.initialize(repeating: 0, count: 1 << 11)
    let zeros = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
    zeros.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    _ = number(zeros)
    zeros.deallocate()
  }

  deinit {
    records.deallocate()
    table.deallocate()
  }

  func record(_ number: UInt32) -> UnsafeMutableRawPointer { records + Int(number) * size }

  func number(_ record: UnsafeRawPointer) -> UInt32 {
    var at = Int(truncatingIfNeeded: hashBytes(record, size)) & (2 * capacity - 1)
    while table[at] != 0 {
      if equal(self.record(table[at] - 1), record) { return table[at] - 1 }
      at = (at + 1) & (2 * capacity - 1)
    }
    if count == capacity {
      grow()
      return number(record)
    }
    self.record(UInt32(count)).copyMemory(from: record, byteCount: size)
    count += 1
    table[at] = UInt32(count)
    return UInt32(count - 1)
  }

  private func equal(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer) -> Bool {
    for at in stride(from: 0, to: size, by: 8)
    where a.load(fromByteOffset: at, as: UInt64.self) != b.load(fromByteOffset: at, as: UInt64.self) {
      return false
    }
    return true
  }

  private func grow() {
    let larger = UnsafeMutableRawPointer.allocate(byteCount: size * capacity * 2, alignment: 8)
    larger.copyMemory(from: records, byteCount: size * count)
    records.deallocate()
    records = larger
    capacity *= 2
    table.deallocate()
    table = .allocate(capacity: 2 * capacity)
    table.initialize(repeating: 0, count: 2 * capacity)
    for index in 0..<count {
      var at = Int(truncatingIfNeeded: hashBytes(records + index * size, size)) & (2 * capacity - 1)
      while table[at] != 0 { at = (at + 1) & (2 * capacity - 1) }
      table[at] = UInt32(index + 1)
    }
  }
}

/// The states that were seen, by their hashes. Two different states with one hash would count as one: with a million
/// states that has a probability of about 3 in 10^8.
final class HashSet {
  private(set) var count = 0
  private var capacity = 1 << 12
  private var table: UnsafeMutablePointer<UInt64>

  init() {
    table = .allocate(capacity: capacity)
    table.initialize(repeating: 0, count: capacity)
  }

  deinit { table.deallocate() }

  /// Whether the hash is new.
  func insert(_ hash: UInt64) -> Bool {
    let hash = hash == 0 ? 1 : hash
    var at = Int(truncatingIfNeeded: hash) & (capacity - 1)
    while table[at] != 0 {
      if table[at] == hash { return false }
      at = (at + 1) & (capacity - 1)
    }
    table[at] = hash
    count += 1
    if count * 3 > capacity * 2 { grow() }
    return true
  }

  private func grow() {
    let old = table
    let oldCapacity = capacity
    capacity *= 2
    table = .allocate(capacity: capacity)
    table.initialize(repeating: 0, count: capacity)
    for index in 0..<oldCapacity where old[index] != 0 {
      var at = Int(truncatingIfNeeded: old[index]) & (capacity - 1)
      while table[at] != 0 { at = (at + 1) & (capacity - 1) }
      table[at] = old[index]
    }
    old.deallocate()
  }
}
