// SPDX-License-Identifier: Apache-2.0
// A key is in a slot if all its bytes are, and in no other. The fingerprint in the bucket hides a comparison that is wrong but
// for readers whose slot becomes another key's meanwhile, so the comparison is tested alone.

import Testing
import WarpTestSupport

@testable import WarpFormat

@Suite struct ProbeKeyTests {
  /// Few values, so that words are often equal, or one's bits are among the other's.
  private static let alphabet: [UInt8] = [0, 1, 0xA4, 0xA5, 0xFF]
  private static let rounds = TestPlan.isDeep ? 1_000_000 : 50_000

  private func expectTold(_ key: [UInt8], _ stored: [UInt8], _ region: Region) {
    let padded = stored + [UInt8](repeating: 0, count: -stored.count & 7)
    // Both stay in scope, and the region has room for 64 bytes.
    unsafe padded.withUnsafeBytes { unsafe region.window.copyIn(0, from: $0) }
    unsafe key.withUnsafeBytes { bytes in
      let whole = unsafe KeyBytes(bytes)
      #expect(whole.isIn(region.window, 0) == (key == stored), "\(key) in \(stored)")
      let short = ShortKey(whole)
      #expect((short != nil) == (9...16 ~= key.count))
      guard let short else { return }
      #expect(short.isIn(region.window, 0) == (key == stored), "\(key) in \(stored)")
      short.withBytes { copy in #expect(copy.count == key.count && copy.isIn(region.window, 0) == (key == stored)) }
    }
  }

  @Test func aKeyIsInNoOthersSlot() throws {
    let region = try Region(anonymous: 4096)
    let seed = TestPlan.seed(0x9E37)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<ProbeKeyTests.rounds {
      let count = random.below(42)
      var key = (0..<count).map { _ in ProbeKeyTests.alphabet[random.below(ProbeKeyTests.alphabet.count)] }
      let stored = key
      for _ in 0..<random.below(3) where count > 0 {
        key[random.below(count)] = ProbeKeyTests.alphabet[random.below(ProbeKeyTests.alphabet.count)]
      }
      expectTold(key, stored, region)
    }
  }

  @Test func eachBitCounts() throws {
    let region = try Region(anonymous: 4096)
    for count in 0...41 {
      for filling in [0x00, 0xFF, 0x5A] as [UInt8] {
        let stored = [UInt8](repeating: filling, count: count)
        expectTold(stored, stored, region)
        for bit in 0..<8 * count {
          var key = stored
          key[bit / 8] ^= 1 << UInt8(bit % 8)
          expectTold(key, stored, region)
        }
      }
    }
  }

  /// A reader of the one key that met the other in its slot took the other's value.
  @Test func whatALongRunFound() throws {
    let region = try Region(anonymous: 4096)
    expectTold([165, 0, 0, 0, 0, 0, 0, 0, 165], [1, 0, 0, 0, 0, 0, 0, 0, 1], region)
  }
}
