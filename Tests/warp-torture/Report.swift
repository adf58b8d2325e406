// SPDX-License-Identifier: Apache-2.0
// What a run ends with: the same numbers as text for people and as one JSON object for machines.

import ArgumentParser
import WarpFormat

/// An ordered list of names and values. Values are numbers, short ASCII strings or objects of numbers,
/// so no escaping is needed.
struct Report {
  private var pairs: [(name: String, text: String)] = []

  mutating func add(_ name: String, _ value: Int) { pairs.append((name, "\(value)")) }
  mutating func add(_ name: String, _ value: Double) {
    pairs.append((name, "\((value * 1000).rounded() / 1000)"))
  }
  mutating func add(_ name: String, _ value: String) { pairs.append((name, "\"\(value)\"")) }

  /// An object of numbers.
  mutating func add(_ name: String, _ values: [(name: String, number: Int)]) {
    pairs.append((name, "{" + values.map { "\"\($0.name)\": \($0.number)" }.joined(separator: ", ") + "}"))
  }

  /// Prints it and turns violations into an exit code: 1.
  ///
  /// - Parameter isIdle: whether the run proved nothing of what it is for, as on a machine with no time for it: 3.
  func finish(json: Bool, violations: Int, isIdle: Bool = false) throws {
    if json {
      print("{" + pairs.map { "\"\($0.name)\": \($0.text)" }.joined(separator: ", ") + "}")
    } else {
      for pair in pairs { print("\(pair.name): \(pair.text)") }
    }
    if violations > 0 { throw ExitCode.failure }
    guard isIdle else { return }
    System.explain("No promise was broken, but the run proves nothing: too little of what it is for took place.\n")
    throw ExitCode(3)
  }
}
