// SPDX-License-Identifier: Apache-2.0
// Runs explorations on several threads and gathers what comes out, in the order in which they were asked for.

import Dispatch
import Synchronization

/// Work that threads take one by one.
final class Runner<Item: Sendable, Result: Sendable>: Sendable {
  private struct Progress {
    var next = 0
    var results: [Result?]
  }

  private let items: [Item]
  private let progress: Mutex<Progress>

  init(_ items: [Item]) {
    self.items = items
    progress = Mutex(Progress(results: .init(repeating: nil, count: items.count)))
  }

  func run(threads: Int, _ work: @Sendable @escaping (Item) -> Result) -> [Result] {
    DispatchQueue.concurrentPerform(iterations: max(1, min(threads, items.count))) { _ in
      while let index = take() {
        let result = work(items[index])
        progress.withLock { $0.results[index] = result }
      }
    }
    return progress.withLock { $0.results.compactMap { $0 } }
  }

  private func take() -> Int? {
    progress.withLock {
      guard $0.next < items.count else { return nil }
      $0.next += 1
      return $0.next - 1
    }
  }
}

/// One scenario under one memory model.
struct Exploration: Sendable {
  let scenario: Scenario
  let model: MemoryModel
  var outcome = Outcome()

  var name: String { "\(scenario.suite)/\(scenario.name)" }

  func run(_ change: Change?, limit: Int) -> Exploration {
    var done = self
    done.outcome = Explorer(scenario, model, change).run(limit: limit)
    return done
  }

  static func list(_ options: Options) -> [Exploration] {
    Scenario.all.filter { scenario in
      (options.isLong || !scenario.isLong) && (options.suite == nil || options.suite == scenario.suite)
        && (options.scenario == nil || options.scenario == scenario.name)
    }.flatMap { scenario in
      MemoryModel.allCases.filter { options.model == nil || options.model == $0 }.map { .init(scenario: scenario, model: $0) }
    }
  }
}

/// What became of a mutant.
struct Verdict: Sendable {
  let mutant: Mutant
  /// The exploration that refuted it.
  var refuted: Exploration?
  var states = 0
  var explorations = 0
  var isComplete = true

  var isExpected: Bool { isComplete && (refuted != nil) == (mutant.reason == nil) }
}

extension Mutant {
  func run(_ options: Options) -> Verdict {
    var verdict = Verdict(mutant: self)
    for exploration in Exploration.list(options) {
      // Taking away an ordering changes nothing under sequential consistency.
      if case .relaxed = change, exploration.model == .sc { continue }
      let done = exploration.run(change, limit: options.limit)
      verdict.states += done.outcome.states
      verdict.explorations += 1
      if !done.outcome.isComplete { verdict.isComplete = false }
      if done.outcome.violation != nil {
        verdict.refuted = done
        break
      }
    }
    return verdict
  }
}
