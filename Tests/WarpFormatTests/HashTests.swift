// SPDX-License-Identifier: Apache-2.0
//
// XXH3-64 against vectors of an independent library, and against itself at odd alignments and through each overload.

import Testing
import WarpFormat

@Suite("XXH3-64") struct HashTests {
  /// The input of the vectors; make_hash_vectors.py has the same formula.
  static func input(_ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 * 131 + ($0 >> 8) * 17 + 7) }
  }

  static let rows: [(size: Int, hashes: [UInt64])] = HashVectors.table.split(separator: "\n").map { line in
    let words = line.split(separator: " ")
    return (Int(words[0])!, words.dropFirst().map { UInt64($0, radix: 16)! })
  }

  @Test func equalsTheIndependentLibraryForEverySizeAndSeed() {
    #expect(Self.rows.count > 80 && Self.rows.allSatisfy { $0.hashes.count == HashVectors.seeds.count })
    for (size, hashes) in Self.rows {
      let bytes = Self.input(size)
      for (seed, expected) in zip(HashVectors.seeds, hashes) {
        #expect(XXH3.hash64(bytes, seed: seed) == expected, "size \(size), seed \(seed)")
      }
    }
  }

  @Test func doesNotDependOnAlignmentOrNeighbours() {
    for (size, hashes) in Self.rows where size <= 2049 {
      for shift in 1...7 {
        let bytes = [UInt8](repeating: UInt8(shift), count: shift) + Self.input(size) + [0xEE]
        // The buffer pointer does not leave the closure, and the range lies inside the array.
        let hash = unsafe bytes.withUnsafeBytes {
          unsafe XXH3.hash64(UnsafeRawBufferPointer(rebasing: $0[shift..<(shift + size)]), seed: 1)
        }
        #expect(hash == hashes[1], "size \(size), shift \(shift)")
      }
    }
  }

  @Test func overloadsAgree() {
    for size in [0, 1, 8, 16, 100, 240, 1000] {
      let bytes = Self.input(size)
      let hash = XXH3.hash64(bytes, seed: 42)
      // A byte has no padding that the span could show.
      let throughSpan = unsafe XXH3.hash64(bytes.span.bytes, seed: 42)
      #expect(throughSpan == hash)
      let throughPointer = unsafe bytes.withUnsafeBytes { unsafe XXH3.hash64($0, seed: 42) }
      #expect(throughPointer == hash)
    }
    let withoutBase = unsafe XXH3.hash64(UnsafeRawBufferPointer(start: nil, count: 0), seed: 0)
    #expect(withoutBase == XXH3.hash64([], seed: 0))
  }

  /// Each bit of the input and of the seed must reach the result; a word left out of the mix would show here.
  @Test(arguments: [1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1025, 2500])
  func everyInputBitAndEverySeedBitMatters(size: Int) {
    let bytes = Self.input(size)
    let original = XXH3.hash64(bytes, seed: 7)
    for index in 0..<size {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << bit
        #expect(XXH3.hash64(changed, seed: 7) != original, "byte \(index), bit \(bit)")
      }
    }
    for bit in 0..<64 {
      #expect(XXH3.hash64(bytes, seed: 7 ^ (1 << UInt64(bit))) != original, "seed bit \(bit)")
    }
  }
}
