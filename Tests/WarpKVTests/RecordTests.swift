// SPDX-License-Identifier: Apache-2.0
// Codable types through the coder: they come back equal, equal ones have one encoding, and the encoding is the one that
// the specification describes.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct RecordTests {
  func bytes<Value: Codable & SendableMetatype>(_ value: Value, _ mode: TypedMode = .value) throws -> [UInt8] {
    try Codec<Value>.codable.encode(value, mode: mode)
  }

  func tree<Value: Codable & SendableMetatype>(_ value: Value) throws -> TypedValue {
    try TypedValue(typedBytes: bytes(value), mode: .value)
  }

  func expectRoundTrip<Value: Codable & Equatable & SendableMetatype>(
    _ value: Value, _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let encoded = try bytes(value)
    let copy = try Codec<Value>.codable.decode(encoded, mode: .value)
    #expect(copy == value, "\(comment)", sourceLocation: sourceLocation)
    #expect(try bytes(copy) == encoded, "\(comment)", sourceLocation: sourceLocation)
    // Whatever the coder writes is canonical.
    #expect(try TypedValue(typedBytes: encoded, mode: .value).typedBytes(mode: .value) == encoded)
  }

  @Test func randomRecordsComeBackEqual() throws {
    let seed = TestPlan.seed(42)
    var generator = SampleGenerator(seed: seed)
    for index in 0..<1000 { try expectRoundTrip(User.random(using: &generator), "seed \(seed), user \(index)") }
  }

  /// WKV-T19, WKV-T20.
  @Test func aRecordIsAMapFromNames() throws {
    #expect(Codec<Point>.codable.descriptor == [0x7F])
    #expect(
      try tree(Point(x: 1, y: 2)) == .map([(.string("x"), .integer(1)), (.string("y"), .double(2))]))
    #expect(try tree(Tree.leaf(3)) == .map([(.string("leaf"), .map([(.string("_0"), .integer(3))]))]))
    #expect(try tree(Tree.empty) == .map([(.string("empty"), .map([]))]))
    #expect(try tree(Grade.low) == .integer(-1))
    #expect(try tree(Nested(first: [], second: "a")).isMap(of: ["lists", "texts"]))
    let names: [Grade: Point] = [.high: Point(x: 0, y: 0)]
    #expect(
      try tree(names) == .map([(.integer(1), .map([(.string("x"), .integer(0)), (.string("y"), .double(0))]))]))
    #expect(
      try tree(Set([Point(x: 0, y: 0)])) == .set([.map([(.string("x"), .integer(0)), (.string("y"), .double(0))])]))
    #expect(try tree(Arguments2(Grade.low, [Grade.high])) == .tuple([.integer(-1), .array([.integer(1)])]))
  }

  /// The golden records: the independent reader shows each as `fixtures/typed/records.json` has it.
  @Test func recordsAreWrittenAsTheIndependentReaderReadsThem() throws {
    var user = User.example
    user.maybe = .some(nil)
    let records: [(name: String, bytes: [UInt8])] = [
      ("point", try bytes(Point(x: 1, y: 2))), ("case", try bytes(Tree.leaf(3))),
      ("tree", try bytes(Tree.node(left: .empty, right: .leaf(-1), name: "é"))), ("user", try bytes(user)),
      ("superclass", try bytes(Dog(name: "Rex", age: 3))),
      ("arguments", try bytes(ArgumentPack(Point(x: 0, y: -0.0), Grade.high, [Point?.none]), .key)),
    ]
    let written = records.map {
      "\($0.name)\t\($0.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())\n"
    }
    let golden = String(decoding: try TestFiles.read("\(Fixtures.directory)/../typed/records.tsv"), as: UTF8.self)
    #expect(written.joined() == golden)
  }

  @Test func theShapesOfCodable() throws {
    for tree in [Tree.empty, .leaf(.min), .node(left: .empty, right: .leaf(1), name: nil)] {
      try expectRoundTrip(tree)
    }
    try expectRoundTrip(Nested(first: [], second: ""))
    try expectRoundTrip(Nested(first: [3, 1, 2], second: "x"))
    try expectRoundTrip([[Point(x: 1, y: -0.0)], []])
    try expectRoundTrip(Arguments2(Point(x: 1, y: 2), 3))
    try expectRoundTrip(Arguments3(Grade.low, Point(x: 1, y: 2), "a"))
    try expectRoundTrip(ArgumentPack(Point(x: 1, y: 2), 3, "a", Grade.high))
    let dog = try Codec<Dog>.codable.decode(try bytes(Dog(name: "Rex", age: 3)), mode: .value)
    #expect(dog.name == "Rex" && dog.age == 3)
    let cat = try Codec<Cat>.codable.decode(try bytes(Cat(name: "Tom", lives: 7)), mode: .value)
    #expect(cat.name == "Tom" && cat.lives == 7)
    #expect(try tree(Dog(name: "Rex", age: 3)).isMap(of: ["age", "super"]))
    #expect(try tree(Cat(name: "Tom", lives: 7)).isMap(of: ["name", "lives"]))
  }

  /// WKV-T22.
  @Test func nothingIsToldFromANothingThatIsThere() throws {
    let points: [Point???] = [nil, .some(nil), .some(.some(nil)), Point(x: 1, y: 1)]
    for point in points { try expectRoundTrip(point) }
    #expect(Set(try points.map { try bytes($0) }).count == points.count)
    for wrapper in [nil, Wrapper(nil), Wrapper(1)] {
      try expectRoundTrip(wrapper)
      try expectRoundTrip([wrapper])
      try expectRoundTrip(Holder(wrapper: wrapper, number: .some(nil)))
    }
    #expect(try tree(Holder(wrapper: nil, number: nil)) == .map([]))
    #expect(try tree(Holder(wrapper: Wrapper(nil), number: nil)) == .map([(.string("wrapper"), .some(.none))]))
  }

  struct Holder: Codable, Equatable {
    var wrapper: Wrapper?
    var number: Int??
  }

  /// WKV-T21. Swift orders sets and dictionaries by a seed of the process and by their history.
  @Test func equalValuesHaveOneEncoding() throws {
    var generator = SampleGenerator(seed: TestPlan.seed(43))
    for _ in 0..<50 {
      var points = (0..<40).map { _ in generator.point() }
      let set = Set(points)
      let map = Dictionary(points.map { ($0, $0.x) }) { first, _ in first }
      points.shuffle(using: &generator.random)
      var other = Set<Point>(minimumCapacity: 1000)
      var otherMap: [Point: Int] = Dictionary(minimumCapacity: 500)
      for point in points {
        other.insert(point)
        otherMap[point] = map[point]
      }
      #expect(try bytes(set, .key) == bytes(other, .key))
      #expect(try bytes(map, .key) == bytes(otherMap, .key))
      #expect(try bytes(Holding(set: set, map: map), .key) == bytes(Holding(set: other, map: otherMap), .key))
    }
    #expect(try bytes(Point(x: 1, y: -0.0), .key) == bytes(Point(x: 1, y: 0), .key))
    #expect(try bytes(Point(x: 1, y: -0.0)) != bytes(Point(x: 1, y: 0)))
  }

  struct Holding: Codable {
    var set: Set<Point>
    var map: [Point: Int]
  }

  @Test func anotherShapeIsAFailureThatSaysWhere() throws {
    struct Old: Codable { var x: Int }
    struct New: Codable { var x: String }
    let old = try bytes(Old(x: 1))
    #expect(throws: CodingFailure.self) { try Codec<New>.codable.decode(old, mode: .value) }
    do {
      _ = try Codec<Point>.codable.decode(old, mode: .value)
      Issue.record("a point without y")
    } catch {
      guard case CodingFailure.thrown(DecodingError.keyNotFound(let key, _)) = error else { throw error }
      #expect(key.stringValue == "y")
    }
    // More names than the type has are none of its business.
    #expect(try Codec<Old>.codable.decode(try bytes(Point(x: 5, y: 1)), mode: .value).x == 5)
  }

  @Test func typesThatEncodeNoneOrTwo() throws {
    struct Silent: Codable {
      init() {}
      init(from decoder: any Decoder) {}
      func encode(to encoder: any Encoder) {}
    }
    #expect(try tree(Silent()) == .map([]))
    for kind in Double2.Kind.allCases {
      expectFailure(.typed(TypedEncodingError(.wrongValueCount, at: 0))) {
        _ = try Codec<Double2>.codable.encode(Double2(kind: kind), mode: .value)
      }
    }
    #expect(throws: CodingFailure.self) { try Codec<Twice>.codable.encode(Twice(), mode: .value) }
  }

  /// Encodes two things in the place of one.
  struct Double2: Codable {
    enum Kind: Codable, CaseIterable { case values, containers, valueInRecord }
    var kind: Kind

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch kind {
      case .values:
        try container.encode(1)
        try container.encode(2)
      case .containers:
        _ = encoder.unkeyedContainer()
        var record = encoder.container(keyedBy: CodingKeys.self)
        try record.encode(1, forKey: .kind)
      case .valueInRecord:
        _ = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Point(x: 1, y: 1))
      }
    }
  }

  /// Gives a name two values.
  struct Twice: Codable {
    var name = "a"

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(1, forKey: .name)
      try container.encode(2, forKey: .name)
    }
  }

  /// WKV-T09.
  @Test func depthIsBoundedWhenWriting() throws {
    var list = Tree.empty
    for _ in 0..<5000 { list = .node(left: list, right: .empty, name: nil) }
    expectNestedTooDeep { _ = try Codec<Tree>.codable.encode(list, mode: .value) }
    expectNestedTooDeep {
      _ = try Codec<Endless>.codable.encode(Endless(), mode: .value)
    }
    #expect(throws: CodingFailure.self) { try Codec<Endless>.codable.decode([0x01], mode: .value) }
    var deepest = Tree.leaf(1)
    for _ in 0..<31 { deepest = .node(left: deepest, right: .empty, name: nil) }
    try expectRoundTrip(deepest)
    let deeper = Tree.node(left: deepest, right: .empty, name: nil)
    expectNestedTooDeep { _ = try Codec<Tree>.codable.encode(deeper, mode: .value) }
  }

  final class Endless: Codable {
    init() {}
    init(from decoder: any Decoder) throws { _ = try decoder.singleValueContainer().decode(Endless.self) }
    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(self)
    }
  }

  func expectNestedTooDeep(_ body: () throws -> Void) {
    do {
      try body()
      Issue.record("no failure")
    } catch {
      guard case CodingFailure.typed(let reason) = error, reason.code == .nestedTooDeep else {
        Issue.record("\(error)")
        return
      }
    }
  }
}

extension TypedValue {
  /// Whether this is a map with exactly these texts as keys.
  func isMap(of names: [String]) -> Bool {
    guard case .map(let pairs) = self else { return false }
    return pairs.map(\.key) == names.map { .string($0) }
  }
}
