// SPDX-License-Identifier: Apache-2.0
import Glibc
precondition(MemoryLayout<Ghost>.size == MemoryLayout<Ghost>.stride, "\(MemoryLayout<Ghost>.size) \(MemoryLayout<Ghost>.stride)")
precondition(MemoryLayout<Task>.size == MemoryLayout<Task>.stride, "\(MemoryLayout<Task>.size) \(MemoryLayout<Task>.stride)")
for scenario in Scenario.all {
  for model in scenario.models {
    var t0 = timespec(); clock_gettime(CLOCK_MONOTONIC, &t0)
    let o = Explorer(scenario, model, nil).run(limit: 4_000_000)
    var t1 = timespec(); clock_gettime(CLOCK_MONOTONIC, &t1)
    let ms = (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1_000_000
    print(scenario.suite, scenario.name, model, o.states, o.transitions, o.depth, o.isComplete, ms, "ms", o.violation ?? "ok")
    for l in o.trace { print("   ", l) }
  }
}
