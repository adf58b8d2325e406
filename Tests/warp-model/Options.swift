// SPDX-License-Identifier: Apache-2.0
// The command line, read by hand so that this program needs no package and builds in seconds.

struct Options: Sendable {
  enum Command: Sendable { case explore, mutants, list }

  static let help = """
    usage: warp-model [explore] [options]   explores the scenarios, and fails if a promise is broken
           warp-model mutants [options]     fails if a change to the protocol is not refuted that should be
           warp-model list                  suites, scenarios and mutants
      --suite NAME      only this suite
      --scenario NAME   only the scenarios of this name
      --model NAME      only this memory model: sc, views or pso
      --mutant NAME     explore: the protocol with this change; mutants: only this one
      --long            larger scenarios too
      --limit N         states of one exploration; more is a failure (default 20000000)
      --threads N       default 2
      --json            one JSON object at the end
    """

  var command = Command.explore
  var suite: String?
  var scenario: String?
  var model: MemoryModel?
  var mutant: Mutant?
  var isLong = false
  var limit = 20_000_000
  var threads = 2
  var isJSON = false

  /// - Throws: what is wrong with the arguments.
  init(_ arguments: [String]) throws(UsageError) {
    var left = arguments[...]
    switch left.first {
    case "explore": left.removeFirst()
    case "mutants":
      command = .mutants
      left.removeFirst()
    case "list", "--list":
      command = .list
      left.removeFirst()
    default: break
    }
    while let option = left.popFirst() {
      switch option {
      case "--long": isLong = true
      case "--json": isJSON = true
      default:
        guard let value = left.popFirst() else { throw UsageError("\(option) is no option, or lacks its value") }
        try set(option, value)
      }
    }
  }

  private mutating func set(_ option: String, _ value: String) throws(UsageError) {
    switch option {
    case "--suite":
      guard Scenario.all.contains(where: { $0.suite == value }) else {
        throw UsageError("there is no suite \(value)")
      }
      suite = value
    case "--scenario":
      guard Scenario.all.contains(where: { $0.name == value }) else {
        throw UsageError("there is no scenario \(value)")
      }
      scenario = value
    case "--model":
      guard let named = MemoryModel(rawValue: value) else { throw UsageError("there is no memory model \(value)") }
      model = named
    case "--mutant":
      guard let named = Mutant.all.first(where: { $0.name == value }) else {
        throw UsageError("there is no mutant \(value)")
      }
      mutant = named
    case "--limit", "--threads":
      guard let number = Int(value), number > 0 else { throw UsageError("\(option) takes a number above 0") }
      if option == "--limit" { limit = number } else { threads = number }
    default: throw UsageError("there is no option \(option)")
    }
  }
}

struct UsageError: Error {
  let text: String
  init(_ text: String) { self.text = text }
}
