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
    let store = try SharedStore.open(path: path, scenario.configuration(clock))
    let actor = Actor(store, clock)
    if !recovers { for step in scenario.attached { try actor.run(step) } }
    let operations = recovers ? actor.ring.probes.map { Step.remove($0) } : [scenario.operation]
    for operation in operations { actor.prepare(operation) }
    try SteppedChild.begin(path, watch ? .stores : .instructions)
    for operation in operations { try actor.run(operation) }
    SteppedChild.end()
    // Whoever traced it has killed it by now.
  }
}
