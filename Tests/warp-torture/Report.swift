// SPDX-License-Identifier: Apache-2.0
// What a run ends with: the same numbers as text for people and as one JSON object for machines.

import ArgumentParser

/// An ordered list of names and values. Values are integers, numbers or short ASCII strings, so no escaping is needed.
struct Report {
  private var pairs: [(name: String, text: String)] = []

  mutating func add(_ name: String, _ value: Int) { pairs.append((name, "\(value)")) }
  mutating func add(_ name: String, _ value: Double) {
    pairs.append((name, "\((value * 1000).rounded() / 1000)"))
  }
  mutating func add(_ name: String, _ value: String) { pairs.append((name, "\"\(value)\"")) }

  /// Prints it and turns violations into an exit code.
  func finish(json: Bool, violations: Int) throws {
    if json {
      print("{" + pairs.map { "\"\($0.name)\": \($0.text)" }.joined(separator: ", ") + "}")
    } else {
      for pair in pairs { print("\(pair.name): \(pair.text)") }
    }
    if violations > 0 { throw ExitCode.failure }
  }
}

/// A small generator with a printed seed (splitmix64), the same on every platform.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SeededGenerator.mix(state)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
