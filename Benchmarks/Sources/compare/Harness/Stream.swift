// SPDX-License-Identifier: Apache-2.0
// What a benchmark asks for: keys of 16 hex digits, values that follow from the key, and a recorded stream of keys.
//
// - A key is its entry's number, mixed, in hex: 16 bytes that differ all over.
// - A value's first 8 bytes are the mixed number, so that the sum over all hits says whether every variant read the same.
// - The stream's keys lie one behind the other in the order of the operations, so fetching a key costs next to nothing.

enum Content {
  static let keySize = 16

  static func writeKey(_ entry: Int, to target: UnsafeMutableRawPointer) {
    let number = SplitMix.mix(UInt64(entry) &+ 1)
    for index in 0..<keySize {
      let digit = UInt8(truncatingIfNeeded: number &>> UInt64(60 - 4 * index)) & 15
      target.storeBytes(of: digit < 10 ? digit &+ 48 : digit &+ 87, toByteOffset: index, as: UInt8.self)
    }
  }

  static func key(_ entry: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: keySize) { buffer, count in
      writeKey(entry, to: UnsafeMutableRawPointer(buffer.baseAddress!))
      count = keySize
    }
  }

  static func text(_ entry: Int) -> String { String(decoding: key(entry), as: UTF8.self) }

  /// At least 8 bytes.
  static func value(_ entry: Int, size: Int) -> [UInt8] {
    var value = [UInt8](repeating: UInt8(truncatingIfNeeded: entry), count: size)
    let number = SplitMix.mix(UInt64(entry) &+ 1)
    for index in 0..<8 { value[index] = UInt8(truncatingIfNeeded: number &>> UInt64(8 * index)) }
    return value
  }
}

enum Distribution: String {
  case zipf, uniform
}

/// A recorded stream of operations, in memory that never moves.
final class Stream: @unchecked Sendable {
  // Sendable: filled in the initialiser, only read afterwards.
  let entries: Int
  let distribution: Distribution
  /// The entry's number of each operation.
  let ids: [UInt32]
  private let bytes: UnsafeMutableRawPointer

  /// - Parameter draw: gives the entry of each operation.
  init(count: Int, entries: Int, distribution: Distribution, draw: (Int) -> Int) {
    self.entries = entries
    self.distribution = distribution
    let ids = (0..<count).map { UInt32(truncatingIfNeeded: draw($0)) }
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * Content.keySize, alignment: 64)
    for (index, id) in ids.enumerated() { Content.writeKey(Int(id), to: bytes + index * Content.keySize) }
    (self.ids, self.bytes) = (ids, bytes)
  }

  /// A stream over `entries` entries; the ranks of a Zipf distribution are dealt out to them at random.
  convenience init(count: Int, entries: Int, _ distribution: Distribution, seed: UInt64 = 1) {
    var random = SplitMix(seed: seed &+ UInt64(entries))
    switch distribution {
    case .uniform:
      self.init(count: count, entries: entries, distribution: .uniform) { _ in
        Int(random.next() % UInt64(entries))
      }
    case .zipf:
      let deal = (0..<UInt32(entries)).shuffled(using: &random)
      var zipf = Zipf(count: entries)
      self.init(count: count, entries: entries, distribution: .zipf) { _ in
        Int(deal[zipf.rank(&random) - 1])
      }
    }
  }

  deinit { bytes.deallocate() }

  var count: Int { ids.count }

  /// The key of an operation.
  @inline(__always)
  func key(_ operation: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes + operation &* Content.keySize, count: Content.keySize)
  }
}
