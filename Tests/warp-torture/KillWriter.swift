// SPDX-License-Identifier: Apache-2.0
// `kill --target writer`: workers die at random moments of whatever they do.
//
// - Every other victim is stopped first, again and again until it holds a shard: what it holds is then known when it dies,
//   at whatever instruction it stands.

import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct KillWriter {
  let options: KillOptions
  let pace: KillPace

  /// Stops of one victim until it holds a shard.
  private static let stops = 20

  func run() throws -> KillResult {
    try withTemporaryDirectory { directory in
      let history = try History(
        directory + "/history", workers: options.workers, keys: options.keys, creates: true)
      let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
      let probes = Probe.keys(store)
      var random = SeededGenerator(seed: options.seed)
      var children = try (0..<options.workers).map { try options.spawn($0, directory) }
      var result = KillResult()
      let lock = try LockWords(store)
      while pace.goesOn(after: result.kills) {
        System.sleep(Int64(random.below(3_000_000)))
        let victim = random.below(options.workers)
        var held: Int?
        for _ in 0..<(result.kills % 2 * KillWriter.stops) where held == nil {
          children[victim].resume()
          System.sleep(Int64(random.below(20_000)))
          if children[victim].stop() { held = lock.held(by: children[victim].id)?.shard }
        }
        let began = System.bootTime()
        children[victim].send(SIGKILL)
        result.kills += 1
        result.heal(store, probes, held: held, since: began)
        if children[victim].wait(seconds: 10).signal != SIGKILL { result.corrupt += 1 }
        children[victim] = try options.spawn(victim, directory)
      }
      history.words.store(KillWords.stop, 1)
      result.hangs += children.count { !$0.wait(seconds: 30).isClean }
      result.add(history, try Settlement(store, history, seed: options.seed, maxSize: options.valueSize))
      return result
    }
  }
}

extension KillResult {
  /// One set per shard, that of the shard that the dead one held first; what fails or has no end is a hang.
  ///
  /// - Parameter probes: one key of each shard, in their order.
  mutating func heal(_ store: SharedStore, _ probes: [[UInt8]], held: Int? = nil, since began: Int64) {
    do {
      if let held {
        try retryingBusy { try store.set(probes[held], to: [1]) }
        heals.add(System.bootTime() - began)
      }
      for probe in probes { try retryingBusy { try store.set(probe, to: [1]) } }
      all.add(System.bootTime() - began)
    } catch {
      System.explain("after a kill: \(error)\n")
      hangs += 1
    }
  }
}
