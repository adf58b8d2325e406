// SPDX-License-Identifier: Apache-2.0
// What the program prints: a table, the trace of a violation as a list of steps, or one JSON object.

import Dispatch

enum Report {
  private static func seconds(_ began: UInt64) -> String {
    let tenths = (DispatchTime.now().uptimeNanoseconds - began) / 100_000_000
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func padLeft(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
  }

  // MARK: explore

  static func explore(_ options: Options) -> Bool {
    let began = DispatchTime.now().uptimeNanoseconds
    let change = options.mutant?.change
    let done = Runner(Exploration.list(options)).run(threads: options.threads) { exploration in
      let done = exploration.run(change, limit: options.limit)
      if !done.outcome.isComplete { Progress.say("\(done.name) under \(done.model): more states than the limit") }
      if Progress.isShown { Progress.say("\(done.name) under \(done.model): \(done.outcome.states) states") }
      return done
    }
    let broken = done.filter { $0.outcome.violation != nil }
    let isSound = broken.isEmpty && done.allSatisfy(\.outcome.isComplete)
    if options.isJSON {
      let rows = done.map {
        "{\"scenario\": \(quoted($0.name)), \"model\": \"\($0.model)\", \"states\": \($0.outcome.states), "
          + "\"transitions\": \($0.outcome.transitions), \"complete\": \($0.outcome.isComplete), "
          + "\"violation\": \($0.outcome.violation.map(quoted) ?? "null")}"
      }
      print(
        "{\"sound\": \(isSound), \"seconds\": \(seconds(began)), \"explorations\": [\(rows.joined(separator: ", "))]}"
      )
      return isSound
    }
    print(
      "\(pad("suite", 10))\(pad("model", 8))\(padLeft("scenarios", 9))\(padLeft("states", 12))\(padLeft("steps", 12))  "
    )
    for suite in Scenario.suites {
      for model in MemoryModel.allCases {
        let these = done.filter { $0.scenario.suite == suite && $0.model == model }
        guard !these.isEmpty else { continue }
        let states = these.reduce(0) { $0 + $1.outcome.states }
        let steps = these.reduce(0) { $0 + $1.outcome.transitions }
        let bad = these.count { $0.outcome.violation != nil }
        let partial = these.count { !$0.outcome.isComplete }
        print(
          pad(suite, 10) + pad(model.rawValue, 8) + padLeft("\(these.count)", 9) + padLeft("\(states)", 12)
            + padLeft("\(steps)", 12)
            + (bad > 0 ? "  \(bad) broken" : partial > 0 ? "  \(partial) cut off" : "  complete"))
      }
    }
    let all = done.reduce(0) { $0 + $1.outcome.states }
    print("\(done.count) explorations, \(all) states, \(broken.count) broken, \(seconds(began)) s")
    for exploration in broken.prefix(3) { print(trace(exploration)) }
    return isSound
  }

  private static func trace(_ exploration: Exploration) -> String {
    "\n\(exploration.name) under \(exploration.model): \(exploration.outcome.violation ?? "")\n"
      + exploration.outcome.trace.map { "  \($0)" }.joined(separator: "\n")
  }

  // MARK: mutants

  static func mutants(_ options: Options) -> Bool {
    let began = DispatchTime.now().uptimeNanoseconds
    let mutants = options.mutant.map { [$0] } ?? Mutant.all
    var plain = options
    plain.model = .sc
    let known = Runner(Exploration.list(plain)).run(threads: options.threads) { $0.run(nil, limit: options.limit) }
    let verdicts = Runner(mutants).run(threads: options.threads) { mutant in
      let verdict = mutant.run(options, known)
      if !verdict.isExpected || Progress.isShown { Progress.say("\(mutant.name): \(verdict.word)") }
      return verdict
    }
    let wrong = verdicts.filter { !$0.isExpected }
    if options.isJSON {
      let rows = verdicts.map { verdict in
        let by = verdict.refuted.map { quoted("\($0.name) \($0.model)") } ?? "null"
        return "{\"mutant\": \(quoted(verdict.mutant.name)), \"refutedBy\": \(by), \"states\": \(verdict.states), "
          + "\"expected\": \(verdict.isExpected)}"
      }
      print(
        "{\"sound\": \(wrong.isEmpty), \"seconds\": \(seconds(began)), \"mutants\": [\(rows.joined(separator: ", "))]}"
      )
      return wrong.isEmpty
    }
    for verdict in verdicts {
      let name = pad(verdict.mutant.name, 38)
      if let refuted = verdict.refuted {
        let by = pad("\(refuted.name) \(refuted.model)", 36)
        let steps = padLeft("\(refuted.outcome.trace.count) steps", 9)
        print("\(name)\(pad(verdict.word, 10))\(by)\(steps)  \(refuted.outcome.violation ?? "")")
      } else {
        print(
          "\(name)\(pad(verdict.word, 10))\(verdict.explorations) explorations, "
            + "\(verdict.states) states\(verdict.isComplete ? "" : ", cut off")  \(verdict.mutant.reason ?? "")")
      }
      if !verdict.isExpected, let refuted = verdict.refuted { print(trace(refuted)) }
    }
    let refuted = verdicts.count { $0.refuted != nil }
    print(
      "\(refuted) refuted, \(verdicts.count - refuted) kept, \(wrong.count) not as expected, \(seconds(began)) s")
    return wrong.isEmpty
  }

  // MARK: list

  static func list() -> Bool {
    for scenario in Scenario.all {
      let tasks = scenario.tasks.map { $0.map(\.text).joined(separator: ", ") }.joined(separator: " | ")
      print(
        pad("\(scenario.suite)/\(scenario.name)\(scenario.isLong ? " (long)" : "")", 34) + tasks
          + (scenario.kills > 0 ? ", \(scenario.kills) killed" : ""))
    }
    for mutant in Mutant.all {
      print(pad(mutant.name, 34) + (mutant.reason.map { "kept though not needed: \($0)" } ?? "mutant"))
    }
    return true
  }
}
