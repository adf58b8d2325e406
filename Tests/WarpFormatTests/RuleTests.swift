// SPDX-License-Identifier: Apache-2.0
// Rules of SPEC.md that no invalid fixture and no other test is named after, one test each.

import Foundation
import Testing
import WarpTestSupport

@testable import WarpFormat

@Suite struct RuleTests {
  private static func bytes(_ value: some WarpEncodable, _ mode: TypedMode = .value) throws -> [UInt8] {
    try value.typedBytes(mode: mode)
  }

  /// WKV-K01: the vectors of chapter 7.1, as they stand there.
  @Test func hashVectorsOfTheDocument() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "SPEC.md"), encoding: .utf8)
    let seeds: [UInt64] = [0, 1, 0x9E37_79B9_7F4A_7C15, .max]
    var rows = 0
    for row in text.matches(
      of: /\| (\d+) \| `([0-9a-f]{16})` \| `([0-9a-f]{16})` \| `([0-9a-f]{16})` \| `([0-9a-f]{16})` \|/)
    {
      let size = Int(row.1)!
      let input = (0..<size).map { UInt8(truncatingIfNeeded: 131 * $0 + 17 * ($0 / 256) + 7) }
      for (seed, expected) in zip(seeds, [row.2, row.3, row.4, row.5]) {
        #expect(XXH3.hash64(input, seed: seed) == UInt64(expected, radix: 16), "\(size) bytes, seed \(seed)")
      }
      rows += 1
    }
    #expect(rows == 9)
  }

  /// WKV-T01: little-endian; a UUID keeps the order of its digits.
  @Test func numbersAreLittleEndian() throws {
    #expect(try Self.bytes(0x0102_0304) == [0x10, 4, 3, 2, 1, 0, 0, 0, 0])
    #expect(try Self.bytes(UInt64(1) << 63) == [0x11, 0, 0, 0, 0, 0, 0, 0, 0x80])
    #expect(try Self.bytes(TypedValue.uuid(1)) == [0x22] + [UInt8](repeating: 0, count: 15) + [1])
  }

  /// WKV-T03, WKV-T04: a tag is one of the table's 19; every other byte is refused where it stands.
  @Test func reservedTagsAreRefused() throws {
    let tags = Set(TypedTag.allCases.map(\.rawValue))
    #expect(
      tags == [
        0x01, 0x02, 0x03, 0x04, 0x10, 0x11, 0x12, 0x13, 0x18, 0x19, 0x20, 0x21, 0x22, 0x30, 0x31, 0x32, 0x33, 0x40,
        0x41,
      ])
    for tag in UInt8.min...UInt8.max where !tags.contains(tag) {
      let behind = [tag] + [UInt8](repeating: 0, count: 32)
      #expect(throws: TypedEncodingError(.unknownTag, at: 0)) { try TypedValue(typedBytes: behind, mode: .value) }
      let inside: [UInt8] = [0x30, 1, 0, 0, 0] + behind
      #expect(throws: TypedEncodingError(.unknownTag, at: 5)) { try TypedValue(typedBytes: inside, mode: .key) }
    }
  }

  /// WKV-T07: two spellings that Swift calls equal are two encodings.
  @Test func textIsNotNormalised() throws {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    #expect(composed == decomposed)
    #expect(try Self.bytes(composed) == [0x20, 2, 0, 0, 0, 0xC3, 0xA9])
    #expect(try Self.bytes(decomposed) == [0x20, 3, 0, 0, 0, 0x65, 0xCC, 0x81])
  }

  /// WKV-T10: only sequences of 8-bit unsigned integers are bytes.
  @Test func bytesAreNotAnArray() throws {
    #expect(try Self.bytes([1, 2] as [UInt8]) == [0x21, 2, 0, 0, 0, 1, 2])
    #expect(try Self.bytes([1] as [Int8]) == [0x30, 1, 0, 0, 0, 0x10, 1, 0, 0, 0, 0, 0, 0, 0])
    #expect(try Self.bytes([UInt16]()) == [0x30, 0, 0, 0, 0])
  }

  /// WKV-T18.
  @Test func sizesOf4GiBAreRefused() throws {
    var writer = TypedWriter(mode: .value)
    try writer.appendSize(Int(UInt32.max))
    #expect(writer.bytes == [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(throws: TypedEncodingError(.tooLarge, at: 4)) { try writer.appendSize(Int(UInt32.max) + 1) }
  }

  /// WKV-T14: keys that become equal in key mode are refused by the writer.
  @Test func theWriterRefusesDuplicates() throws {
    let zeros: [TypedValue] = [.double(0), .double(-0.0)]
    #expect(try TypedValue.set(zeros).typedBytes(mode: .value).count == 5 + 18)
    #expect { try TypedValue.set(zeros).typedBytes(mode: .key) } throws: {
      ($0 as? TypedEncodingError)?.code == .duplicate
    }
    let pairs: [(key: TypedValue, value: TypedValue)] = zeros.map { ($0, .none) }
    #expect { try TypedValue.map(pairs).typedBytes(mode: .key) } throws: {
      ($0 as? TypedEncodingError)?.code == .duplicate
    }
  }

  /// WKV-S03: of two valid clock records with the same generation the first counts; one that is torn is ignored.
  @Test func theCurrentClockRecord() {
    var page = [UInt8](repeating: 0, count: Format.pageSize)
    func record(_ generation: UInt64, _ base: Int64) -> [UInt8] {
      ClockRecord(generation: generation, bootID: [UInt8](repeating: 7, count: 16), base: base).encoded()
    }
    page.set(StateFields.clockA, bytes: record(3, 1))
    page.set(StateFields.clockB, bytes: record(3, 2))
    #expect(ClockRecord.current(page)?.base == 1)
    page.set(StateFields.clockB, bytes: record(4, 2))
    #expect(ClockRecord.current(page)?.base == 2)
    page[StateFields.clockB.offset + ClockFields.base.offset] ^= 1
    #expect(ClockRecord.current(page)?.base == 1)
  }
}
