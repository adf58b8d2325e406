// SPDX-License-Identifier: Apache-2.0
// One replay from end to end: read the trace, make the store, simulate, let the workers run, count, tidy up.

import ReplaySupport
import WarpFormat
import WarpKV
import WarpTrace

/// What the parent process does.
struct Replay {
  let options: WarpReplay

  init(_ options: WarpReplay) { self.options = options }

  func run() throws {
    let source = try options.trace ?? BundledTrace.locate(executable: Processes.executable())
    let trace = try Trace.read(source)
    let keys = KeyNumbers(trace)
    let capacity = options.capacity ?? keys.tenth
    var outcome = Outcome(trace: source, requests: trace.count, uniques: keys.uniques, workers: options.workers)
    switch options.backend {
    case .shared: try runShared(trace, keys, capacity, &outcome)
    case .memory: try runMemory(trace, keys, capacity, &outcome)
    }
    let report = options.json ? outcome.json : outcome.table(StorePlace(options))
    Terminal.write(report + "\n", to: .output)
  }

  private func runShared(
    _ trace: Trace, _ keys: KeyNumbers, _ capacity: Int, _ outcome: inout Outcome
  ) throws {
    // Wrong numbers are found out before an older store is deleted for them.
    _ = try Geometry(
      Parameters(
        capacity: capacity, shards: options.shards, maxKeySize: Content.keySize, maxValueSize: trace.largestSize))
    let place = StorePlace(options)
    Interrupt.catchSignals()
    let store = try place.makeStore(
      StoreConfiguration(
        capacity: capacity, maxKeySize: Content.keySize, maxValueSize: trace.largestSize, shards: options.shards,
        requestRecording: options.record ? .on() : .off))
    outcome.path = store.path
    do {
      outcome.sieveMisses = ExactSieve.misses(trace, keys, capacity: capacity)
      let crew = Crew.processes(
        trace, store: store.path, workers: options.workers, showsProgress: !options.json)
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
  }

  private func runMemory(
    _ trace: Trace, _ keys: KeyNumbers, _ capacity: Int, _ outcome: inout Outcome
  ) throws {
    let cache = try MemoryWorker.Cache(capacity: capacity, shards: options.shards)
    Interrupt.catchSignals()
    outcome.sieveMisses = ExactSieve.misses(trace, keys, capacity: capacity)
    let crew = Crew.threads(trace, cache: cache, workers: options.workers, showsProgress: !options.json)
    (outcome.tallies, outcome.nanoseconds) = try crew.run()
    outcome.take(cache.statistics, shards: cache.shardCount)
    for entry in cache.entries() {
      outcome.storedBytes += MemoryLayout.size(ofValue: entry.key) + entry.value.count
    }
  }
}
