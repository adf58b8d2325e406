// SPDX-License-Identifier: Apache-2.0
// `warp-torture values`: random values of every kind that the typed encoding has, stored by one process in a typed cache and
// read by it and by another, bit for bit. Both draw the same values from the seed.

import ArgumentParser
import WarpFormat
import WarpKV
import WarpTestSupport

struct Values: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Random typed values, read back by another process.")

  @Option(help: "Values.") var count = 10_000
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Flag(help: "End with one JSON object.") var json = false
  @Option(help: .hidden) var read: String?

  private func cache(_ directory: String) throws -> Cache<Int, TypedValue> {
    try Cache(
      "values", in: .shared(keys: .typed, values: .typed), capacity: 2 * count,
      options: CacheOptions(
        shards: 1, namespace: "warp-torture", directory: directory, maxValueSize: 1 << 20))
  }

  func run() throws {
    if let read { return try compare(cache(read)) }
    try withTemporaryDirectory { directory in
      let cache = try cache(directory)
      var values = RandomValues(seed: seed)
      for key in 0..<count {
        guard try cache.set(key, to: values.next(key)) == .stored else { throw ExitCode.failure }
      }
      var report = Report()
      report.add("command", "values")
      report.add("seed", Int(truncatingIfNeeded: seed))
      report.add("values", count)
      let here = try differences(cache)
      report.add("differHere", here)
      let child = try Child(["values", "--read", directory, "--count", "\(count)", "--seed", "\(seed)"])
      let isSame = child.wait(seconds: 120).isClean
      report.add("differInAnotherProcess", isSame ? 0 : 1)
      try report.finish(json: json, violations: here + (isSame ? 0 : 1))
    }
  }

  private func differences(_ cache: Cache<Int, TypedValue>) throws -> Int {
    var values = RandomValues(seed: seed)
    return try (0..<count).count { key in try cache.get(key) != values.next(key) }
  }

  private func compare(_ cache: Cache<Int, TypedValue>) throws {
    let count = try differences(cache)
    if count > 0 {
      System.explain("\(count) values differ in another process\n")
      throw ExitCode.failure
    }
  }
}

private struct RandomValues {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func pick<Value>(_ values: [Value]) -> Value { values[random.below(values.count)] }

  /// The first ones are large.
  mutating func next(_ number: Int) -> TypedValue {
    let sizes = [0, 1, 255, 256, 65_535, 65_536]
    guard number >= 3 * sizes.count else {
      let size = sizes[number / 3]
      switch number % 3 {
      case 0: return .array((0..<size).map { _ in .bool(random.below(2) == 0) })
      case 1: return .bytes((0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      default: return .string(String(repeating: "é", count: size))
      }
    }
    return value(depth: 0)
  }

  private mutating func value(depth: Int) -> TypedValue {
    switch random.below(depth > 3 ? 9 : 15) {
    case 0: return .none
    case 1: return .bool(random.below(2) == 0)
    case 2:
      let any = Int128(truncatingIfNeeded: random.next()) << 64 | Int128(random.next())
      return .integer(
        pick([
          .min, .max, 0, -1, Int128(Int64.min), Int128(Int64.max), Int128(UInt64.max), Int128(UInt64.max) + 1, any,
        ]))
    case 3: return .largeInteger(pick([.max, UInt128(Int128.max) + 1]))
    case 4: return .double(pick([0, -0.0, .nan, .signalingNaN, .infinity, .init(bitPattern: random.next())]))
    case 5:
      return .float(
        pick([0, -0.0, .nan, -.infinity, .init(bitPattern: UInt32(truncatingIfNeeded: random.next()))]))
    case 6: return .string(text())
    case 7: return .bytes((0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    case 8: return .uuid(UInt128(random.next()) << 64 | UInt128(random.next()))
    case 9: return .array(list(depth))
    case 10: return .tuple(list(depth))
    case 11: return .some(random.below(2) == 0 ? .none : .some(.none))
    // In the order of their bytes, as they come back.
    case 12: return .set((0..<random.below(5)).map { .integer(Int128($0)) })
    case 13: return .map((0..<random.below(5)).map { (.integer(Int128($0)), value(depth: depth + 1)) })
    default: return .enumCase(name: text(), values: list(depth))
    }
  }

  private mutating func list(_ depth: Int) -> [TypedValue] {
    (0..<random.below(5)).map { _ in value(depth: depth + 1) }
  }

  /// Of all 17 planes.
  private mutating func text() -> String {
    var text = ""
    for _ in 0..<random.below(8) {
      let scalar = Unicode.Scalar(UInt32(random.below(17)) << 16 | UInt32(random.below(0x1_0000)))
      text.unicodeScalars.append(scalar ?? "\0")
    }
    return text
  }
}
