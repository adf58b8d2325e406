// SPDX-License-Identifier: Apache-2.0
//
// The typed reader against bytes that nobody's writer made: it throws a typed error, or what it returns encodes to
// exactly the bytes it was given. It never traps.

import Testing
import WarpFormat
import WarpTestSupport

/// A small generator (xorshift64*), so that a printed seed repeats a run.
struct TypedRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state == 0 ? 0x9E37_79B9_7F4A_7C15 : state
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  mutating func text() -> String {
    String((0..<Int.random(in: 0...3, using: &self)).map { _ in "aé€😀".randomElement(using: &self)! })
  }

  mutating func values(_ depth: Int) -> [TypedValue] {
    (0..<Int.random(in: 0...3, using: &self)).map { _ in value(depth: depth + 1) }
  }

  /// Any value of at most five levels; maps and sets may hold a key twice, which the writer refuses.
  mutating func value(depth: Int) -> TypedValue {
    switch Int.random(in: 0..<(depth > 4 ? 11 : 17), using: &self) {
    case 0: return .none
    case 1: return .some(.some(.none))
    case 2: return .bool(.random(using: &self))
    case 3: return .integer(Int128(Int64.random(in: -3...3, using: &self)) << Int128(next() % 120))
    case 4: return .largeInteger(UInt128.max - UInt128(next()))
    case 5: return .double(Double(bitPattern: next() & next()))
    case 6: return .float([-0.0, .nan, 1.5, .infinity].randomElement(using: &self)!)
    case 7: return .string(text())
    case 8: return .bytes((0..<(next() % 5)).map { UInt8(truncatingIfNeeded: $0) })
    case 9: return .uuid(UInt128(next()) << 64)
    case 10: return .codec(name: text(), bytes: Array(text().utf8))
    case 11, 12: return .array(values(depth))
    case 13: return .tuple(values(depth))
    case 14: return .set(values(depth))
    case 15: return .map(values(depth).map { (key: $0, value: value(depth: depth + 1)) })
    default: return .enumCase(name: text(), values: values(depth))
    }
  }
}

@Suite("Typed encoding, hostile bytes") struct TypedHostileTests {
  /// Checks the promise of this file; true if the bytes were accepted.
  @discardableResult
  func decode(_ bytes: [UInt8], _ note: @autoclosure () -> String) throws -> Bool {
    var accepted = false
    for mode in [TypedMode.key, .value] {
      do throws(TypedEncodingError) {
        let value = try TypedValue(typedBytes: bytes, mode: mode)
        let again = try value.typedBytes(mode: mode)
        #expect(again == bytes, "accepted, but not canonical: \(bytes); \(note())")
        accepted = true
      } catch {
        #expect((0...bytes.count).contains(error.offset), "\(error): \(note())")
      }
    }
    return accepted
  }

  @Test func everyPrefixAndEveryChangedByte() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("typed encoding, hostile bytes: seed \(seed)")
    var random = TypedRandom(state: seed)
    for _ in 0..<150 {
      guard let bytes = try? random.value(depth: 0).typedBytes(mode: .value) else { continue }
      for size in 0..<min(bytes.count, 400) {
        #expect(try !decode(Array(bytes[..<size]), "seed \(seed)"))
        for mask: UInt8 in [0x01, 0x80, 0xFF] {
          var changed = bytes
          changed[size] ^= mask
          try decode(changed, "seed \(seed)")
        }
      }
      #expect(try !decode(bytes + [0], "seed \(seed)"))
    }
  }

  /// WKV-T17.
  @Test func randomBytes() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("typed encoding, random bytes: seed \(seed)")
    var random = TypedRandom(state: seed)
    let tags = TypedTag.allCases.map(\.rawValue)
    for _ in 0..<20_000 {
      // Mostly tags and small numbers: purely random bytes rarely get past the first one.
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        switch random.next() % 4 {
        case 0: tags.randomElement(using: &random)!
        case 1, 2: UInt8(random.next() % 3)
        default: UInt8(truncatingIfNeeded: random.next())
        }
      }
      try decode(bytes, "seed \(seed)")
    }
  }

  static let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]

  static let refused: [(bytes: [UInt8], code: TypedEncodingError.Code, offset: Int)] = [
    ([], .truncated, 0),
    ([0x00], .unknownTag, 0),
    ([0x7F], .unknownTag, 0),
    ([0x10, 1, 2], .truncated, 1),
    ([0x20, 1, 0], .truncated, 1),
    ([0x20] + huge, .sizeBeyondEnd, 1),
    ([0x21] + huge + [1, 2, 3], .sizeBeyondEnd, 1),
    ([0x30] + huge + [1, 2, 3], .sizeBeyondEnd, 1),
    ([0x33, 2, 0, 0, 0, 1, 1, 1], .sizeBeyondEnd, 1),
    ([0x40, 1, 0, 0, 0, 0x61] + huge, .sizeBeyondEnd, 6),
    ([0x41, 0, 0, 0, 0] + huge, .sizeBeyondEnd, 5),
    ([0x20, 2, 0, 0, 0, 0xC0, 0x80], .invalidUTF8, 5),
    ([0x20, 3, 0, 0, 0, 0xED, 0xA0, 0x80], .invalidUTF8, 5),
    ([0x40, 1, 0, 0, 0, 0xFF, 0, 0, 0, 0], .invalidUTF8, 5),
    ([0x32, 2, 0, 0, 0, 3, 2], .unsorted, 6),
    ([0x32, 2, 0, 0, 0, 2, 2], .duplicate, 6),
    ([0x33, 2, 0, 0, 0, 3, 1, 2, 1], .unsorted, 7),
    ([0x33, 2, 0, 0, 0, 3, 1, 3, 1], .duplicate, 7),
    ([0x04, 0x02], .unneededSome, 0),
    ([0x04], .truncated, 1),
    ([0x01, 0x01], .trailingBytes, 1),
    ([UInt8](repeating: 0x04, count: 65) + [0x01], .nestedTooDeep, 64),
    ([0x12] + [UInt8](repeating: 0, count: 16), .nonMinimalInteger, 0),
    ([0x13] + [UInt8](repeating: 0, count: 16), .nonMinimalInteger, 0),
  ]

  /// WKV-T15, and with it WKV-T02, WKV-T06, WKV-T08.
  @Test(arguments: refused.indices)
  func eachRuleHasItsErrorAndOffset(index: Int) {
    let (bytes, code, offset) = Self.refused[index]
    #expect(throws: TypedEncodingError(code, at: offset), "\(bytes)") {
      try TypedValue(typedBytes: bytes, mode: .value)
    }
  }

  #if os(Linux)
    /// WKV-T16: a count of 2^28 in front of nothing. Other tests of this process may take memory meanwhile, but not so much.
    @Test func aHugeCountTakesNoMemory() throws {
      _ = TestProcess.resetPeakResidentBytes()
      let before = try #require(TestProcess.residentBytes())
      for tag: UInt8 in [0x30, 0x31, 0x32, 0x33] {
        #expect(throws: TypedEncodingError(.sizeBeyondEnd, at: 1)) {
          try TypedValue(typedBytes: [tag, 0, 0, 0, 0x10, 1], mode: .value)
        }
      }
      #expect(try #require(TestProcess.resetPeakResidentBytes()) - before < 200 << 20)
    }
  #endif

  /// Nested counts that each claim all the remaining bytes: nothing is reserved for them, so this ends at once.
  /// WKV-T16.
  @Test func nestedHugeCountsReserveNothing() {
    var bytes: [UInt8] = []
    for _ in 0..<TypedEncoding.maximumDepth { bytes += [0x30, 0x00, 0x00, 0x10, 0x00] }
    bytes += [UInt8](repeating: 0x00, count: 0x10_0000)
    #expect(throws: TypedEncodingError(.unknownTag, at: TypedEncoding.maximumDepth * 5)) {
      try TypedValue(typedBytes: bytes, mode: .value)
    }
  }
}
