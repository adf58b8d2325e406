// SPDX-License-Identifier: Apache-2.0
// The decoder of records against bytes that nobody's encoder made: it throws, or it gives a value that can be written
// again. It never traps, and never takes long.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct RecordHostileTests {
  /// Decodes the bytes as each of these types, whatever they are.
  func decodeAsEverything(_ bytes: [UInt8]) {
    func attempt<Value: Codable & SendableMetatype>(_ type: Value.Type) {
      for mode in [TypedMode.key, .value] {
        guard let value = try? Codec<Value>.codable.decode(bytes, mode: mode) else { continue }
        // A value of a hostile record need not be canonical, but it is a value.
        #expect(throws: Never.self, "\(bytes)") { try Codec<Value>.codable.encode(value, mode: .value) }
      }
    }
    attempt(User.self)
    attempt(Tree.self)
    attempt(Point?.self)
    attempt(Wrapper.self)
    attempt([Grade?].self)
    attempt(Set<Point>.self)
    attempt([Point: Tree].self)
    attempt([String: Point].self)
    attempt(Dog.self)
    attempt(Nested.self)
    attempt(Arguments2<Point, Int>.self)
    attempt(ArgumentPack<Grade, Tree?, String>.self)
    attempt(Arguments2<String, [Double]>.self)
  }

  var samples: [[UInt8]] {
    get throws {
      var generator = SampleGenerator(seed: TestPlan.seed(44))
      let user = User.random(using: &generator)
      let node = Tree.node(left: .leaf(1), right: .empty, name: "a")
      return [
        try Codec.codable.encode(user, mode: .value), try Codec.codable.encode(node, mode: .value),
        try Codec.codable.encode(Nested(first: [1, 2], second: "b"), mode: .value),
        try Codec.codable.encode(Dog(name: "Rex", age: 3), mode: .value),
        try Codec.codable.encode(Set([Point(x: 1, y: 2), Point(x: 0, y: 1)]), mode: .value),
        try Codec.codable.encode(ArgumentPack(Grade.low, Tree?.some(.leaf(1)), "a"), mode: .value),
        try Codec.codable.encode([Grade?.none, .high], mode: .value),
      ]
    }
  }

  @Test func everyPrefixAndEveryChangedByte() throws {
    for sample in try samples {
      for index in sample.indices {
        decodeAsEverything(Array(sample[..<index]))
        for mask: UInt8 in Deep.isOn ? [0x01, 0x02, 0x10, 0x33, 0x80, 0xFF] : [0x01, 0x33] {
          var changed = sample
          changed[index] ^= mask
          decodeAsEverything(changed)
        }
      }
    }
  }

  @Test func randomBytesAndSplices() throws {
    let seed = TestPlan.seed(45)
    var random = SeededGenerator(seed: seed)
    let samples = try samples
    let tags = TypedTag.allCases.map(\.rawValue)
    for _ in 0..<(Deep.isOn ? 100_000 : 3_000) {
      var bytes = samples[random.below(samples.count)]
      for _ in 0...random.below(4) {
        let index = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes[index] = tags[random.below(tags.count)]
        case 1: bytes[index] = UInt8(random.below(256))
        case 2: bytes.insert(tags[random.below(tags.count)], at: index)
        default: if bytes.count > 1 { bytes.remove(at: index) }
        }
      }
      decodeAsEverything(bytes)
      decodeAsEverything(
        (0..<random.below(30)).map { _ in random.below(2) == 0 ? 0 : tags[random.below(tags.count)] })
    }
  }

  @Test func depthBombsAndHugeCounts() {
    func name(_ text: String) -> [UInt8] { [0x20, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8) }
    let node = [0x33, 1, 0, 0, 0] + name("node") + [0x33, 1, 0, 0, 0] + name("left")
    for depth in [1, 31, 32, 33, 63, 64, 65, 10_000] {
      decodeAsEverything(Array(repeatElement(node, count: depth).joined()) + [0x01])
      decodeAsEverything(Array(repeatElement([0x30, 1, 0, 0, 0], count: depth).joined()) + [0x01])
      decodeAsEverything([UInt8](repeating: 0x04, count: depth) + [0x01])
    }
    for tag: UInt8 in [0x20, 0x21, 0x30, 0x31, 0x32, 0x33, 0x40, 0x41] {
      decodeAsEverything([tag, 0xFF, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 1000))
      decodeAsEverything([0x33, 1, 0, 0, 0] + name("path") + [tag, 0xFF, 0xFF, 0xFF, 0xFF, 1, 1, 1])
    }
    // Nested counts that each claim all that is left.
    let claims = Array(repeatElement([0x30, 0, 0, 1, 0] as [UInt8], count: 64).joined())
    decodeAsEverything(claims + [UInt8](repeating: 0, count: 0x1_0000))
  }

  @Test func namesThatASwiftProgramCannotTellApart() throws {
    let twice = TypedValue.map([(.string("\u{E9}"), .integer(1)), (.string("e\u{301}"), .integer(2))])
    let bytes = try twice.typedBytes(mode: .value)
    #expect(throws: CodingFailure.self) { try Codec<Point>.codable.decode(bytes, mode: .value) }
    #expect(throws: CodingFailure.self) { try Codec<[String: Grade]>.codable.decode(bytes, mode: .value) }
    let numbers = try TypedValue.map([(.integer(1), .integer(1))]).typedBytes(mode: .value)
    #expect(throws: CodingFailure.self) { try Codec<Point>.codable.decode(numbers, mode: .value) }
  }

  /// The writer once copied all bytes for each map it sorted.
  @Test func manyRecordsTakeTimeInProportion() throws {
    // The best of some: the first pays for what is made once.
    let times = try [5000, 50_000].map { count in
      let points = (0..<count).map { Point(x: $0, y: 0.5) }
      return try (0..<3).map { _ in
        let began = TestProcess.processorTime()
        let bytes = try Codec.codable.encode(points, mode: .value)
        #expect(try Codec<[Point]>.codable.decode(bytes, mode: .value) == points)
        return TestProcess.processorTime() - began
      }.min()!
    }
    // Ten times as many; a hundred times the work of what is quadratic.
    #expect(times[1] < 20 * max(times[0], 10_000_000), "\(times) ns")
  }
}
