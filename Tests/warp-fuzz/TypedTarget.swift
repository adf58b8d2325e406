// SPDX-License-Identifier: Apache-2.0
// The target `typed`: bytes decoded as every kind of type, in both modes. The first byte chooses the type.
//
// What is decoded as a tree must give the same bytes again: the encoding is canonical. What is decoded as anything else
// can be encoded, and that decodes again.

import WarpFormat
import WarpKV
import WarpTestSupport

/// A record with all that a Codable type usually has.
private struct Sample: Codable, Hashable, Sendable {
  enum Kind: Codable, Hashable, Sendable {
    case plain
    case tagged(name: String, Int)
    indirect case nested(Kind)
  }
  struct Point: Codable, Hashable, Sendable {
    var x: Int8
    var y: Float
  }
  var id: Int
  var name: String
  var kind: Kind?
  var points: [Point]
  var byPoint: [Point: Double?]
  var set: Set<Point>
  var bytes: [UInt8]
}

private final class Chain: Codable {
  var next: Chain?
  var value: UInt16
}

enum TypedTarget {
  private typealias Attempt = @Sendable ([UInt8], TypedMode) -> Void

  static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let mode: TypedMode = first & 0x80 == 0 ? .value : .key
    attempts[Int(first & 0x7F) % attempts.count](Array(bytes.dropFirst()), mode)
  }

  private static let attempts: [Attempt] = [
    tree, skipped, typed(Bool.self), typed(Int.self), typed(Int8.self), typed(UInt64.self), typed(Int128.self),
    typed(UInt128.self), typed(Double.self), typed(Float.self), typed(String.self), typed([UInt8].self),
    typed([Int].self), typed(Set<String>.self), typed([String: [Double]].self), typed([Int: Set<Float>].self),
    typed(Int???.self), typed(Arguments2<Int, String>.self), typed(Arguments3<Bool, [Int]?, [UInt8]>.self),
    typed(ArgumentPack<Int, String, Double?>.self), typed([[Int]: TypedValue].self), codable(Sample.self),
    codable([Sample?].self), codable(Set<Sample>.self), codable([Sample: Sample].self), codable(Chain.self),
    codable(Arguments2<Sample.Kind, Int>.self), codable([String: Sample.Point].self), named,
  ]

  private static let tree: Attempt = { bytes, mode in
    guard let value = try? TypedValue(typedBytes: bytes, mode: mode) else { return }
    precondition((try? value.typedBytes(mode: mode)) == bytes, "a tree does not give its bytes again")
  }

  private static let skipped: Attempt = { bytes, mode in
    var reader = TypedReader(bytes, mode: mode)
    var isWhole = (try? reader.skip()) != nil
    isWhole = isWhole && (try? reader.finish()) != nil
    let isTree = (try? TypedValue(typedBytes: bytes, mode: mode)) != nil
    precondition(isWhole == isTree, "what can be stepped over can't be read, or the other way round")
  }

  private static func typed<Value: WarpDecodable>(_ type: Value.Type) -> Attempt {
    { bytes, mode in
      guard let value = try? Value(typedBytes: bytes, mode: mode) else { return }
      guard let again = try? value.typedBytes(mode: mode) else { preconditionFailure("a value can't be encoded") }
      precondition((try? Value(typedBytes: again, mode: mode)) != nil, "a value is not decoded again")
    }
  }

  private static func codable<Value: Codable & SendableMetatype>(_ type: Value.Type) -> Attempt {
    { bytes, mode in
      guard let value = try? Codec<Value>.codable.decode(bytes, mode: mode) else { return }
      guard let again = try? Codec<Value>.codable.encode(value, mode: mode) else {
        preconditionFailure("a record can't be encoded")
      }
      precondition((try? Codec<Value>.codable.decode(again, mode: mode)) != nil, "a record is not decoded again")
    }
  }

  private static let named: Attempt = { bytes, mode in
    let codec = Codec<[UInt8]>.named("plain", encode: { $0 }, decode: { $0 })
    if let value = try? codec.decode(bytes, mode: mode) {
      precondition((try? codec.encode(value, mode: mode)) == bytes, "a codec does not give its bytes again")
    }
  }

  // MARK: Seeds

  /// One record, and a random tree, for every type and mode.
  static var seeds: [[UInt8]] {
    var random = SeededGenerator(seed: 1)
    let point = Sample.Point(x: -1, y: 0.5)
    let sample = Sample(
      id: 1 << 40, name: "grün", kind: .nested(.tagged(name: "a", 2)), points: [point], byPoint: [point: nil],
      set: [point], bytes: [1, 2])
    let record = (try? Codec<Sample>.codable.encode(sample, mode: .value)) ?? []
    var seeds: [[UInt8]] = []
    for index in attempts.indices {
      seeds.append([UInt8(index)] + record)
      for mode: UInt8 in [0, 0x80] {
        let tree = TypedTarget.tree(&random, depth: 3)
        seeds.append(
          [UInt8(index) | mode] + ((try? tree.typedBytes(mode: mode == 0 ? .value : .key)) ?? []))
      }
    }
    return seeds
  }

  /// A random value of any kind.
  static func tree(_ random: inout SeededGenerator, depth: Int) -> TypedValue {
    func several(_ random: inout SeededGenerator) -> [TypedValue] {
      (0..<random.below(4)).map { _ in tree(&random, depth: depth - 1) }
    }
    let text = String(repeating: "ä", count: random.below(3)) + "\(random.below(100))"
    switch random.below(depth > 0 ? 16 : 10) {
    case 0: return .none
    case 1: return .bool(random.below(2) == 0)
    case 2: return .integer(Int128(Int64(bitPattern: random.next() >> UInt64(random.below(64)))))
    case 3: return .integer(Int128(random.next()) << Int128(random.below(60)))
    case 4: return .largeInteger(UInt128.max - UInt128(random.next()))
    case 5: return .double(Double(bitPattern: random.next()))
    case 6: return .float(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
    case 7: return .string(text)
    case 8: return .bytes((0..<random.below(9)).map { UInt8(truncatingIfNeeded: $0) })
    case 9: return .uuid(UInt128(random.next()))
    case 10: return .some(random.below(2) == 0 ? .none : .some(.none))
    case 11: return .array(several(&random))
    case 12: return .tuple(several(&random))
    case 13: return .set(several(&random))
    case 14: return .map(several(&random).map { ($0, .integer(1)) })
    default:
      return random.below(2) == 0
        ? .enumCase(name: text, values: several(&random)) : .codec(name: "plain", bytes: [1, 2, 3])
    }
  }
}
