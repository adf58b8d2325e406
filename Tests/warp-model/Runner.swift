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
      MemoryModel.allCases.filter { options.model == nil || options.model == $0 }.map {
        .init(scenario: scenario, model: $0)
      }
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

  var word: String { refuted != nil ? "refuted" : mutant.reason == nil ? "SURVIVED" : "kept" }
  var isExpected: Bool { isComplete && (refuted != nil) == (mutant.reason == nil) }
}

extension Mutant {
  /// Explores until it is refuted, small scenarios first.
  ///
  /// - Parameter known: every scenario as it is without a change, under `sc`. One in which no changed step is taken
  ///   need not be explored.
  func run(_ options: Options, _ known: [Exploration]) -> Verdict {
    var verdict = Verdict(mutant: self)
    for (scenario, model) in order(known) where options.model == nil || options.model == model {
      let done = Exploration(scenario: scenario, model: model).run(change, limit: options.limit)
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

  private func order(_ known: [Exploration]) -> [(Scenario, MemoryModel)] {
    let affected = known.sorted { $0.outcome.states < $1.outcome.states }.filter { exploration in
      switch change {
      case .relaxed(let steps): !steps.isDisjoint(with: exploration.outcome.steps)
      case .structural(let structural): structural.needs.map { exploration.outcome.steps.contains($0) } ?? true
      }
    }
    var models = MemoryModel.allCases
    if case .relaxed(let steps) = change {
      // An ordering of a load makes a difference under `views` only, one of a store not under `sc`.
      models = steps.isSubset(of: Step.loads) ? [.views] : [.views, .pso]
    }
    return affected.flatMap { exploration in models.map { (exploration.scenario, $0) } }
  }
}
