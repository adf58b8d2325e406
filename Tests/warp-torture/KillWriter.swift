// SPDX-License-Identifier: Apache-2.0
// `kill --target writer`: workers die at random moments of whatever they do.

import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct KillWriter {
  let options: KillOptions
  let kills: Int

  func run(_ watchdog: Watchdog) throws -> KillResult {
    try withTemporaryDirectory { directory in
      let history = try History(
        directory + "/history", workers: options.workers, keys: options.keys, creates: true)
      let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
      let probes = Probe.keys(store)
      var random = SeededGenerator(seed: options.seed)
      var children = try (0..<options.workers).map { try options.spawn($0, directory) }
      var result = KillResult()
      for _ in 0..<kills {
        watchdog.progress()
        System.sleep(Int64(random.below(3_000_000)))
        let victim = random.below(options.workers)
        let began = System.bootTime()
        children[victim].send(SIGKILL)
        result.kills += 1
        result.heal(store, probes, since: began)
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
  /// One set per shard; what fails or takes too long is a hang.
  mutating func heal(_ store: SharedStore, _ probes: [[UInt8]], since began: Int64) {
    do {
      for probe in probes { try store.set(probe, to: [1]) }
      heals.append(System.bootTime() - began)
    } catch {
      System.explain("after a kill: \(error)\n")
      hangs += 1
    }
  }
}
