// SPDX-License-Identifier: Apache-2.0
// The process that `warp-torture enumerate` steps through: it opens the store, lets itself be traced, and runs one
// operation.

import ArgumentParser
import WarpFormat
import WarpKV
import WarpTestSupport

struct EnumerateWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "enumerate-worker", shouldDisplay: false)

  @Option var path: String
  @Option var scenario: String
  /// Instead of the scenario's operation: the first write to a shard whose owner died.
  @Flag var recovers = false
  /// Stop at stores to the files only.
  @Flag var watch = false

  func run() throws {
    guard let scenario = Scenario.all(capacities: [2, 3, 4]).first(where: { $0.id == scenario }) else {
      throw ValidationError("no such scenario")
    }
    let clock = ManualClock()
    clock.advance(.seconds(scenario.model.now))
    let grain: SteppedChild.Grain = watch ? .stores : .instructions
    var world = scenario.world.environment(boot: scenario.boots.operation)
    if case .wake = scenario.operation {
      // It is asked for when the files are mapped and nothing has been stored.
      world.realTime = { [path] in
        try! SteppedChild.begin(path, grain)
        return System.realTime()
      }
    }
    let store = try SharedStore.open(StoreFiles(path: path), scenario.configuration(clock), world)
    if case .wake = scenario.operation { return SteppedChild.end() }
    let actor = Actor(store, clock)
    if !recovers { for step in scenario.attached { try actor.run(step) } }
    let operations = recovers ? actor.ring.probes.map { Step.remove($0) } : [scenario.operation]
    for operation in operations { actor.prepare(operation) }
    try SteppedChild.begin(path, grain)
    do {
      for operation in operations { try actor.run(operation) }
      if scenario.fails, !recovers { throw ExitCode.failure }
    } catch let error as WarpError where scenario.fails && [.full, .noSpace].contains(error.code) {}
    SteppedChild.end()
    // Whoever traced it has killed it by now.
  }
}
