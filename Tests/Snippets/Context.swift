// SPDX-License-Identifier: Apache-2.0
// What the examples of the README, the articles and the docstrings talk about, so that they can be compiled as they
// stand there. Scripts/snippets compiles each together with this file; nothing runs.

struct User: Codable, Hashable, Sendable {
  var id: Int
  var name: String
}

struct ParseError: Error {
  var line: Int
}

func numbers(in text: String) throws(ParseError) -> [Int] {
  var numbers: [Int] = []
  for word in text.split(separator: " ") {
    guard let number = Int(word) else { throw ParseError(line: 1) }
    numbers.append(number)
  }
  return numbers
}

func slowArea(_ w: Int, _ h: Int) -> Int { w * h }

struct Database: Sendable {
  func user(_ id: Int) async throws -> User { User(id: id, name: "Ada") }
}
let database = Database()
let ada = User(id: 42, name: "Ada")

struct Model: Sendable {
  func embed(_ text: String) async throws -> [Float] { [Float](repeating: 0, count: 1024) }
}
let model = Model()

actor Exchange {
  func price(of share: String) async throws -> Double? { nil }
}
let exchange = Exchange()
