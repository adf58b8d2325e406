// SPDX-License-Identifier: Apache-2.0
//
// The typed encoding: the sizes and bytes that SPEC promises, canonical form, and injectivity over random values.

import Testing
import WarpFormat

@Suite("Typed encoding") struct TypedEncodingTests {
  func bytes(_ value: some WarpEncodable, _ mode: TypedMode = .value) throws -> [UInt8] {
    try value.typedBytes(mode: mode)
  }

  func error<Value: WarpDecodable>(
    _ type: Value.Type, _ bytes: [UInt8], _ mode: TypedMode = .value
  ) -> TypedEncodingError? {
    do throws(TypedEncodingError) {
      _ = try Value(typedBytes: bytes, mode: mode)
      return nil
    } catch { return error }
  }

  @Test func sizesAreThoseOfTheSpecification() throws {
    #expect(try bytes(Int?.none).count == 1)
    #expect(try bytes(true).count == 1)
    #expect(try bytes(Int8(5)).count == 9)
    #expect(try bytes(1.5).count == 9)
    #expect(try bytes(Float(1.5)).count == 5)
    #expect(try bytes("grün").count == 5 + 5)
    #expect(try bytes([1, 2, 3] as [UInt8]).count == 5 + 3)
    #expect(try bytes(TypedValue.uuid(1)).count == 17)
    #expect(try bytes(UInt64.max).count == 9)
    #expect(try bytes(Int128.min).count == 17)
  }

  @Test func workedExamples() throws {
    #expect(try bytes(-2) == [0x10, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    #expect(try bytes("hé") == [0x20, 3, 0, 0, 0, 0x68, 0xC3, 0xA9])
    #expect(
      try bytes(["b": true, "a": false]) == [
        0x33, 2, 0, 0, 0, 0x20, 1, 0, 0, 0, 0x61, 0x02, 0x20, 1, 0, 0, 0, 0x62, 0x03,
      ])
    #expect(try bytes(Int??.some(.none)) == [0x04, 0x01])
    #expect(
      try bytes(TypedValue.enumCase(name: "at", values: [.bool(true)])) == [
        0x40, 2, 0, 0, 0, 0x61, 0x74, 1, 0, 0, 0, 0x03,
      ])
    #expect(
      try bytes(TypedValue.uuid(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF)) == [
        0x22, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
      ])
    #expect(try bytes(TypedValue.codec(name: "j", bytes: [9])) == [0x41, 1, 0, 0, 0, 0x6A, 1, 0, 0, 0, 9])
  }

  /// WKV-T05.
  @Test func integersOfEveryWidthHaveOneEncoding() throws {
    let five = try bytes(5)
    for other in [
      try bytes(Int8(5)), try bytes(UInt8(5)), try bytes(Int16(5)), try bytes(UInt16(5)), try bytes(Int32(5)),
      try bytes(UInt32(5)), try bytes(UInt64(5)), try bytes(UInt(5)), try bytes(Int128(5)),
      try bytes(UInt128(5)),
    ] { #expect(other == five) }
    #expect(try bytes(UInt64(1) << 63)[0] == TypedTag.unsigned64.rawValue)
    #expect(try bytes(UInt128(1) << 64)[0] == TypedTag.signed128.rawValue)
    #expect(try bytes(UInt128(1) << 127)[0] == TypedTag.unsigned128.rawValue)
    for value: Int128 in [.min, Int128(Int64.min) - 1, Int128(Int64.max) + 1, Int128(UInt64.max) + 1, .max] {
      #expect(try Int128(typedBytes: bytes(value), mode: .key) == value)
    }
    #expect(try UInt128(typedBytes: bytes(UInt128.max), mode: .key) == .max)
    #expect(error(Int8.self, try bytes(300)) == TypedEncodingError(.notRepresentable, at: 0))
    #expect(error(UInt.self, try bytes(-1)) == TypedEncodingError(.notRepresentable, at: 0))
    let widened = [TypedTag.unsigned64.rawValue, 5, 0, 0, 0, 0, 0, 0, 0]
    #expect(error(Int.self, widened) == TypedEncodingError(.nonMinimalInteger, at: 0))
  }

  /// WKV-T12, WKV-T13.
  @Test func keyModeMakesEqualNumbersEqualAndValueModeKeepsBits() throws {
    let odd = Double(bitPattern: 0xFFF8_0000_0000_0123)
    #expect(try bytes(-0.0, .key) == bytes(0.0, .key))
    #expect(try bytes(odd, .key) == bytes(Double.nan, .key))
    #expect(try bytes(Float(-0.0), .key) == bytes(Float(0), .key))
    #expect(try bytes(-Float.nan, .key) == bytes(Float.nan, .key))
    #expect(try bytes(-0.0) != bytes(0.0))
    #expect(try Double(typedBytes: bytes(odd), mode: .value).bitPattern == odd.bitPattern)
    for wrong in [try bytes(-0.0), try bytes(odd), try bytes(Float(-0.0))] {
      #expect(error(TypedValue.self, wrong, .key) == TypedEncodingError(.nonCanonicalFloat, at: 0))
    }
    #expect(throws: TypedEncodingError.self) { try bytes(Set([Double.nan, odd]), .key) }
  }

  /// WKV-T11.
  @Test func nestedOptionalsStayApart() throws {
    let values: [Int???] = [.none, .some(.none), .some(.some(.none)), .some(.some(.some(7)))]
    let all = try values.map { try bytes($0) }
    #expect(Set(all).count == values.count)
    for (value, encoded) in zip(values, all) {
      let decoded = try Int???(typedBytes: encoded, mode: .value)
      #expect(decoded == value)
    }
    #expect(try bytes(Int??.some(.some(7))) == bytes(7))
    let unneeded = [TypedTag.some.rawValue] + (try bytes(7))
    #expect(error(Int??.self, unneeded) == TypedEncodingError(.unneededSome, at: 0))
    #expect(throws: TypedEncodingError.self) { try bytes(TypedValue.some(.integer(1))) }
  }

  @Test func swiftContainersRoundTrip() throws {
    let map: [String: [Int?]] = ["a": [1, nil], "": [], "zz": [nil]]
    #expect(try [String: [Int?]](typedBytes: bytes(map), mode: .value) == map)
    let set: Set<Int> = [3, -1, 1 << 40]
    #expect(try Set<Int>(typedBytes: bytes(set, .key), mode: .key) == set)
    let raw: [[UInt8]] = [[], [1, 2]]
    #expect(try [[UInt8]](typedBytes: bytes(raw), mode: .value) == raw)
    #expect(error([Int].self, try bytes([1] as [UInt8])) == TypedEncodingError(.wrongType, at: 0))
  }

  @Test func descriptorsAreTheTagsInOrder() {
    #expect([String: [Int?]].typeDescriptor == [0x33, 0x20, 0x30, 0x01, 0x10])
    #expect([UInt8].typeDescriptor == [0x21])
    #expect(Set<Float>.typeDescriptor == [0x32, 0x19])
    #expect(UInt128.typeDescriptor == Int8.typeDescriptor)
    #expect(TypedEncoding.descriptor(.codec, name: "j") == [0x41, 1, 0, 0, 0, 0x6A])
  }

  /// WKV-T02.
  @Test func aConformanceThatWritesNoValueOrTwoIsReported() {
    struct Silent: WarpEncodable {
      static var typeDescriptor: [UInt8] { [] }
      func encode(into writer: inout TypedWriter) {}
    }
    #expect(throws: TypedEncodingError(.wrongValueCount, at: 0)) { try Silent().typedBytes(mode: .key) }
  }

  @Test(arguments: [TypedMode.key, .value])
  func randomValuesRoundTripAndNeverCollide(mode: TypedMode) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("typed encoding: seed \(seed)")
    var random = TypedRandom(state: seed)
    var seen: [[UInt8]: TypedValue] = [:]
    for _ in 0..<4000 {
      guard let encoded = try? random.value(depth: 0).typedBytes(mode: mode) else { continue }
      let value = try TypedValue(typedBytes: encoded, mode: mode)
      #expect(try value.typedBytes(mode: mode) == encoded)
      if let other = seen.updateValue(value, forKey: encoded) { #expect(other == value, "seed \(seed)") }
      for (left, right) in zip(seen.keys.prefix(4), repeatElement(encoded, count: 4)) where left != right {
        #expect(!right.starts(with: left), "a proper prefix; seed \(seed)")
      }
    }
    let values = Array(seen.values)
    for (index, value) in values.prefix(300).enumerated() {
      #expect(!values.prefix(index).contains(value), "one value, two encodings; seed \(seed)")
    }
  }

  /// WKV-T09.
  @Test func depthIsBoundedOnBothSides() throws {
    func nested(_ depth: Int) -> TypedValue { (0..<depth).reduce(.none) { value, _ in .array([value]) } }
    let deepest = try bytes(nested(TypedEncoding.maximumDepth))
    #expect(try TypedValue(typedBytes: deepest, mode: .value) == nested(TypedEncoding.maximumDepth))
    #expect(throws: TypedEncodingError.self) { try bytes(nested(TypedEncoding.maximumDepth + 1)) }
    let deeper = [TypedTag.array.rawValue, 1, 0, 0, 0] + deepest
    #expect(error(TypedValue.self, deeper) == TypedEncodingError(.nestedTooDeep, at: 64 * 5))
  }
}
