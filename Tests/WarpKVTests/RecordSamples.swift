// SPDX-License-Identifier: Apache-2.0
// Types as programs have them, for the tests of the coder.

import WarpFormat
import WarpKV

enum Color: String, Codable, WarpDecodable, CaseIterable { case red, green, blue }

/// Codable by its raw value, without a typed encoding.
enum Grade: Int, Codable, CaseIterable, Sendable {
  case low = -1
  case middle, high
}

struct Point: Codable, Hashable, Sendable {
  var x: Int
  var y: Double
}

indirect enum Tree: Codable, Hashable, Sendable {
  case empty
  case leaf(Int)
  case node(left: Tree, right: Tree, name: String?)
}

/// Encodes as the one value it holds, which may be nil.
struct Wrapper: Codable, Hashable {
  var inside: Int?

  init(_ inside: Int?) { self.inside = inside }

  init(from decoder: any Decoder) throws { inside = try decoder.singleValueContainer().decode(Int?.self) }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(inside)
  }
}

class Animal: Codable {
  var name: String
  init(name: String) { self.name = name }
}

/// Its superclass is a record of its own, under the name that `superEncoder` gives.
final class Dog: Animal {
  var age: UInt8
  enum CodingKeys: CodingKey { case age }

  init(name: String, age: UInt8) {
    self.age = age
    super.init(name: name)
  }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    age = try container.decode(UInt8.self, forKey: .age)
    try super.init(from: container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(age, forKey: .age)
    try super.encode(to: container.superEncoder())
  }
}

/// Shares the record of its superclass.
final class Cat: Animal {
  var lives: Int
  enum CodingKeys: CodingKey { case lives }

  init(name: String, lives: Int) {
    self.lives = lives
    super.init(name: name)
  }

  required init(from decoder: any Decoder) throws {
    lives = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .lives)
    try super.init(from: decoder)
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(lives, forKey: .lives)
    try super.encode(to: encoder)
  }
}

/// Names with numbers, containers in containers, filled out of order.
struct Nested: Codable, Hashable {
  var first: [Int]
  var second: String

  enum Outer: Int, CodingKey {
    case lists = 1
    case texts = 2
  }
  enum Inner: String, CodingKey { case text }

  init(first: [Int], second: String) {
    self.first = first
    self.second = second
  }

  func encode(to encoder: any Encoder) throws {
    var outer = encoder.container(keyedBy: Outer.self)
    var texts = outer.nestedContainer(keyedBy: Inner.self, forKey: .texts)
    var lists = outer.nestedUnkeyedContainer(forKey: .lists)
    for (index, number) in first.enumerated() {
      try lists.encode(number)
      if index == 0 { try texts.encode(second, forKey: .text) }
    }
    if first.isEmpty { try texts.encode(second, forKey: .text) }
    try lists.encodeNil()
    var inner = lists.nestedUnkeyedContainer()
    var record = inner.nestedContainer(keyedBy: Inner.self)
    try record.encode(first.count, forKey: .text)
  }

  init(from decoder: any Decoder) throws {
    let outer = try decoder.container(keyedBy: Outer.self)
    second = try outer.nestedContainer(keyedBy: Inner.self, forKey: .texts).decode(String.self, forKey: .text)
    var lists = try outer.nestedUnkeyedContainer(forKey: .lists)
    first = []
    while try !lists.decodeNil() { first.append(try lists.decode(Int.self)) }
    var inner = try lists.nestedUnkeyedContainer()
    let record = try inner.nestedContainer(keyedBy: Inner.self)
    guard try record.decode(Int.self, forKey: .text) == first.count, lists.isAtEnd, inner.isAtEnd else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "another count"))
    }
  }
}

/// 128-bit integers where a container has functions of their own for them.
struct Widths: Codable, Hashable {
  var numbers: [Int128]

  init(_ numbers: [Int128]) { self.numbers = numbers }

  struct One: Codable {
    var number: Int128
    init(number: Int128) { self.number = number }
    init(from decoder: any Decoder) throws {
      number = try decoder.singleValueContainer().decode(Int128.self)
    }
    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(number)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for number in numbers {
      try container.encode(number)
      try container.encode(UInt128(bitPattern: number))
      try container.encode(One(number: number))
    }
  }

  init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    numbers = []
    while !container.isAtEnd {
      numbers.append(try container.decode(Int128.self))
      _ = try container.decode(UInt128.self)
      _ = try container.decode(One.self)
    }
  }
}

struct User: Codable, Hashable {
  var id: Int
  var name: String
  var balance: Double
  var wide: Int128
  var widest: UInt128?
  var widths: Widths
  var large: UInt64
  var raw: [UInt8]
  var color: Color
  var grade: Grade
  var tags: Set<String>
  var scores: [String: Float]
  var home: Point?
  var maybe: Int??
  var maybeHome: Point??
  var path: [Point]
  var visited: Set<Point>
  var names: [Point: String]
  var byGrade: [Grade: [Point?]]
  var tree: Tree
  var wrapper: Wrapper?
  var flags: [Bool?]

  static let example = User(
    id: 42, name: "Zoë", balance: 1.5, wide: 1 << 100, widest: .max, widths: Widths([.min]), large: .max,
    raw: [0, 255], color: .green, grade: .low,
    tags: ["b", "a"], scores: ["x": 1.5], home: Point(x: 1, y: 2), maybe: nil, maybeHome: .some(nil),
    path: [Point(x: 3, y: 4)], visited: [Point(x: 6, y: 6), Point(x: 5, y: 5)], names: [Point(x: 1, y: 1): "one"],
    byGrade: [.high: [nil, Point(x: 7, y: 8)]], tree: .empty, wrapper: Wrapper(nil), flags: [true, nil])

  static func random(using generator: inout SampleGenerator) -> User {
    User(
      id: generator.int(), name: generator.text(), balance: generator.double(), wide: Int128(generator.int()) << 60,
      widest: generator.pick([nil, .max]), widths: Widths(generator.list { $0.integer(Int128.self) }),
      large: UInt64(truncatingIfNeeded: generator.int()), raw: generator.bytes(),
      color: generator.pick(Color.allCases), grade: generator.pick(Grade.allCases),
      tags: Set(generator.list { $0.text() }),
      scores: Dictionary(generator.list { ($0.text(), Float($0.double())) }) { $1 },
      home: generator.pick([nil, generator.point()]), maybe: generator.pick([nil, .some(nil), 7]),
      maybeHome: generator.pick([nil, .some(nil), generator.point()]), path: generator.list { $0.point() },
      visited: Set(generator.list { $0.point() }),
      names: Dictionary(generator.list { ($0.point(), $0.text()) }) { $1 },
      byGrade: [generator.pick(Grade.allCases): [nil, generator.point()]], tree: generator.tree(),
      wrapper: generator.pick([nil, Wrapper(nil), Wrapper(3)]),
      flags: generator.list { $0.pick([nil, true, false]) })
  }
}
