// SPDX-License-Identifier: Apache-2.0
// One replay from end to end: read the trace, make the store, simulate, let the workers run, count, tidy up.

import ReplaySupport
import WarpFormat
import WarpKV

/// What the parent process does.
struct Replay {
  let options: WarpReplay

  init(_ options: WarpReplay) { self.options = options }

  func run() throws {
    guard options.backend == .shared else {
      throw WarpError(.backendUnavailable, "the memory backend does not exist yet: use --backend shared")
    }
    let source = try options.trace ?? BundledTrace.locate(executable: Processes.executable())
    let trace = try Trace.read(source)
    let keys = KeyNumbers(trace)
    let capacity = options.capacity ?? keys.tenth
    // Wrong numbers are found out before an older store is deleted for them.
    _ = try Geometry(
      Parameters(
        capacity: capacity, shards: options.shards, maxKeySize: Content.keySize, maxValueSize: trace.largestSize))
    let place = StorePlace(options)
    Interrupt.catchSignals()
    let store = try place.makeStore(
      StoreConfiguration(
        capacity: capacity, maxKeySize: Content.keySize, maxValueSize: trace.largestSize, shards: options.shards))
    var outcome = Outcome(
      trace: source, requests: trace.count, uniques: keys.uniques, workers: options.workers, path: store.path)
    do {
      outcome.sieveMisses = ExactSieve.misses(trace, keys, capacity: capacity)
      let crew = Crew(trace, store: store.path, workers: options.workers, showsProgress: !options.json)
      (outcome.tallies, outcome.nanoseconds) = try crew.run()
      outcome.take(try store.statistics(), shards: store.shards)
    } catch {
      // The first error is the one to report; a kept store stays, to look at what went wrong in it.
      store.close()
      if !place.isKept { _ = try? place.delete() }
      throw error
    }
    store.close()
    if !place.isKept { try place.delete() }
    let report = options.json ? outcome.json : outcome.table(place)
    Terminal.write(report + "\n", to: .output)
  }
}
