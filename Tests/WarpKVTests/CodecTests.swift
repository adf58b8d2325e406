// SPDX-License-Identifier: Apache-2.0
// Typed values and lists of arguments through their codecs: bit-equal round trips, and no two that look the same.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct CodecTests {
  /// Encodes and decodes; both codecs of a type must write the same, and the copy must be the same to the last bit.
  func roundTrip<Value: Codable & WarpDecodable>(
    _ value: Value, _ comment: @autoclosure () -> String, same: (Value, Value) -> Bool
  ) throws {
    let codec = Codec<Value>.typed
    #expect(Codec<Value>.codable.descriptor == codec.descriptor)
    let bytes = try codec.encode(value, mode: .value)
    #expect(try Codec<Value>.codable.encode(value, mode: .value) == bytes, "\(comment())")
    let copy = try codec.decode(bytes, mode: .value)
    #expect(same(copy, value), "\(value) became \(copy); \(comment())")
    #expect(try codec.encode(copy, mode: .value) == bytes, "\(comment())")
    let borrowed = try codec.decode(bytes.span.bytes, mode: .value)
    #expect(same(borrowed, value), "\(comment())")
    var writer = TypedWriter(mode: .value)
    try codec.encode(value, into: &writer)
    #expect(writer.bytes == bytes)
  }

  func texts(_ left: [String], _ right: [String]) -> Bool {
    left.elementsEqual(right) { $0.utf8.elementsEqual($1.utf8) }
  }

  @Test func randomValuesOfEveryTypeComeBackToTheLastBit() throws {
    let seed = TestPlan.seed(41)
    var generator = SampleGenerator(seed: seed)
    var count = 0
    func check<Value: Codable & WarpDecodable>(_ value: Value, _ same: (Value, Value) -> Bool) throws {
      try roundTrip(value, "seed \(seed), value \(count)", same: same)
      count += 1
    }
    for _ in 0..<400 {
      try check(generator.integer(Int.self), ==)
      try check(generator.integer(Int8.self), ==)
      try check(generator.integer(Int16.self), ==)
      try check(generator.integer(Int32.self), ==)
      try check(generator.integer(Int64.self), ==)
      try check(generator.integer(Int128.self), ==)
      try check(generator.integer(UInt.self), ==)
      try check(generator.integer(UInt8.self), ==)
      try check(generator.integer(UInt16.self), ==)
      try check(generator.integer(UInt32.self), ==)
      try check(generator.integer(UInt64.self), ==)
      try check(generator.integer(UInt128.self), ==)
      try check(generator.pick([true, false]), ==)
      try check(generator.anyDouble()) { $0.bitPattern == $1.bitPattern }
      try check(generator.anyFloat()) { $0.bitPattern == $1.bitPattern }
      try check(generator.text()) { $0.utf8.elementsEqual($1.utf8) }
      try check(generator.bytes(), ==)
      try check(generator.list { $0.int() }, ==)
      try check(generator.list { $0.text() }, texts)
      try check(Set(generator.list { $0.int() }), ==)
      try check(Dictionary(generator.list { ($0.int(), $0.double()) }) { $1 }, ==)
      try check(generator.pick([nil, .some(nil), .some(.some(nil)), 5] as [Int???]), ==)
      try check(generator.pick(Color.allCases), ==)
      try check(Arguments2(generator.int(), generator.text()), ==)
      try check(Arguments3(generator.int(), generator.bytes(), generator.pick([nil, true])), ==)
      try check(ArgumentPack(generator.int(), generator.text(), generator.double(), generator.pick([nil, 1])), ==)
    }
    #expect(count >= 10_000)
  }

  @Test(arguments: [0, 1, 255, 256, 65_535, 65_536])
  func collectionsOfTheseSizes(count: Int) throws {
    try roundTrip([UInt8](repeating: 9, count: count), "", same: ==)
    try roundTrip((0..<count).map { $0 }, "", same: ==)
    try roundTrip(String(repeating: "😀", count: count), "", same: ==)
    try roundTrip(Set(0..<count), "", same: ==)
    try roundTrip(Dictionary(uniqueKeysWithValues: (0..<count).map { ("\($0)", $0) }), "", same: ==)
  }

  @Test func keysThatAreEqualHaveOneEncoding() throws {
    let codec = Codec<Arguments2<Double, [Float]>>.typed
    let bytes = try codec.encode(Arguments2(0, [.nan]), mode: .key)
    #expect(try codec.encode(Arguments2(-0.0, [-Float.nan]), mode: .key) == bytes)
    #expect(try codec.decode(bytes, mode: .key).second[0].isNaN)
    #expect(throws: CodingFailure.self) {
      try codec.decode(try codec.encode(Arguments2(-0.0, []), mode: .value), mode: .key)
    }
  }

  typealias Part = Codable & Hashable & Sendable & WarpDecodable

  /// Every list of one or two of these, by the typed encoding and by the coder.
  @Test func listsOfArgumentsThatDifferHaveEncodingsThatDiffer() throws {
    let parts: [any Part] = [
      0, 1, 1.0, Float(1), true, false, "", "1", "a", [Int](), [1], ["a"], [[1]], [UInt8](), [1] as [UInt8],
      Int?.none, Int??.some(.none), Set([1]), ["a": 1], [1: "a"], Arguments2(1, "a"), ArgumentPack(1),
    ]
    var seen: [[UInt8]: String] = [:]
    func note(_ bytes: [UInt8], _ name: String) {
      #expect(seen.updateValue(name, forKey: bytes) == nil, "\(name) has the encoding of another list")
    }
    func one<First: Part>(_ first: First) throws {
      let list = ArgumentPack(first)
      let bytes = try Codec.typed.encode(list, mode: .key)
      #expect(try Codec.codable.encode(list, mode: .key) == bytes)
      #expect(try Codec.typed.decode(bytes, mode: .key) == list)
      note(bytes, "(\(first))")
    }
    func two<First: Part, Second: Part>(_ first: First, _ second: Second) throws {
      let bytes = try Codec.typed.encode(Arguments2(first, second), mode: .key)
      #expect(try Codec.typed.encode(ArgumentPack(first, second), mode: .key) == bytes)
      #expect(try Codec.typed.decode(bytes, mode: .key) == Arguments2(first, second))
      note(bytes, "(\(first), \(second))")
    }
    for first in parts {
      try one(first)
      for second in parts { try two(first, second) }
    }
    try note(Codec.typed.encode(ArgumentPack(), mode: .key), "()")
    try note(Codec.typed.encode(ArgumentPack(1, 1, "a"), mode: .key), "(1, 1, a)")
    #expect(seen.count == parts.count * (parts.count + 1) + 2)
    #expect(seen.count >= 200)
  }

  @Test func listsOfArgumentsAreTuples() throws {
    #expect(Arguments2<Int, String>.typeDescriptor == [0x31, 2, 0, 0, 0, 0x10, 0x20])
    #expect(Arguments3<Int, String, [Bool?]>.typeDescriptor == [0x31, 3, 0, 0, 0, 0x10, 0x20, 0x30, 0x01, 0x02])
    #expect(ArgumentPack<Int, String>.typeDescriptor == Arguments2<Int, String>.typeDescriptor)
    let three = try Arguments3("a", false, true).typedBytes(mode: .key)
    #expect(three == [0x31, 3, 0, 0, 0, 0x20, 1, 0, 0, 0, 0x61, 0x02, 0x03])
    #expect(ArgumentPack(1, "a").hashValue == ArgumentPack(1, "a").hashValue)
    #expect(ArgumentPack(1, "a") != ArgumentPack(1, "b"))
    #expect(throws: TypedEncodingError(.wrongType, at: 0)) {
      try Arguments2<String, Bool>(typedBytes: three, mode: .key)
    }
  }

  @Test func aResultOfNothingIsTheEmptyTuple() throws {
    let codec = Codec<Void>.void
    #expect(codec.descriptor == [0x31, 0, 0, 0, 0])
    let bytes = try codec.encode((), mode: .value)
    #expect(bytes == [0x31, 0, 0, 0, 0])
    try codec.decode(bytes, mode: .value)
    #expect(throws: CodingFailure.self) { try codec.decode([0x01], mode: .value) }
    #expect(throws: CodingFailure.self) { try codec.decode([0x31, 1, 0, 0, 0, 0x01], mode: .value) }
  }

  @Test func rawValuesThatATypeLacksAreRefused() throws {
    #expect(Color.typeDescriptor == [0x20])
    #expect(try Color.green.typedBytes(mode: .value) == "green".typedBytes(mode: .value))
    #expect(throws: TypedEncodingError(.notRepresentable, at: 0)) {
      try Color(typedBytes: try "pink".typedBytes(mode: .value), mode: .value)
    }
  }

  struct Refusal: Error {}

  @Test func aNamedCodecWritesItsNameAndReadsNoOther() throws {
    let codec = Codec<Character>.named("char") {
      Array(String($0).utf8)
    } decode: { bytes in
      guard let character = String(validating: bytes, as: UTF8.self)?.first else { throw Refusal() }
      return character
    }
    #expect(codec.descriptor == [0x41, 4, 0, 0, 0] + Array("char".utf8))
    let bytes = try codec.encode("é", mode: .value)
    #expect(try TypedValue(typedBytes: bytes, mode: .value) == .codec(name: "char", bytes: [0xC3, 0xA9]))
    #expect(try codec.decode(bytes, mode: .value) == "é")
    let other = try TypedValue.codec(name: "text", bytes: [0x61]).typedBytes(mode: .value)
    expectFailure(.typed(TypedEncodingError(.wrongType, at: 0))) { _ = try codec.decode(other, mode: .value) }
    let empty = try TypedValue.codec(name: "char", bytes: []).typedBytes(mode: .value)
    expectFailure(.thrown(Refusal())) { _ = try codec.decode(empty, mode: .value) }
    expectFailure(.typed(TypedEncodingError(.trailingBytes, at: bytes.count))) {
      _ = try codec.decode(bytes + [1], mode: .value)
    }
  }
}

/// Runs `body`, which must fail like this.
func expectFailure(
  _ expected: CodingFailure, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("no failure", sourceLocation: sourceLocation)
  } catch { #expect("\(error)" == "\(expected)", sourceLocation: sourceLocation) }
}
