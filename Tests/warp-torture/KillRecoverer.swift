// SPDX-License-Identifier: Apache-2.0
// `kill --target recoverer`: a writer dies with a shard in its hands, and then whoever takes the shard over to recover it
// dies too, up to three of them in a row.
//
// - The writer is stopped until it holds a shard, then killed: the owner word stays its own until somebody takes it.
// - A kill hit a recovery if the shard's sequence is odd and its count of recoveries is what it was: each recovery raises
//   it before it lets the shard go. Somebody else may already be at it again; that doesn't change what was hit.

import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct KillRecoverer {
  let options: KillOptions
  let pace: KillPace

  /// Stops of one round until a writer holds a shard.
  private static let attempts = 500
  /// How long somebody may take to take a dead owner's shard over, nanoseconds.
  private static let patience: Int64 = 50_000_000
  private static let longestChain = 3

  func run() throws -> KillResult {
    try withTemporaryDirectory { directory in
      let history = try History(
        directory + "/history", workers: options.workers, keys: options.keys, creates: true)
      let store = try SharedStore.open(path: directory + "/mixed.warp", options.configuration)
      var run = Run(
        options: options, directory: directory, store: store, lock: try LockWords(store),
        random: SeededGenerator(seed: options.seed),
        children: try (0..<options.workers).map { try options.spawn($0, directory, "--writes") })
      // Rounds that kill nobody who recovers are rare.
      var rounds = 0
      while pace.goesOn(after: run.result.kills), rounds < 2 * run.result.kills + 50 {
        try run.round(atMost: pace.left(run.result.kills))
        rounds += 1
      }
      history.words.store(KillWords.stop, 1)
      run.result.hangs += run.children.count { !$0.wait(seconds: 30).isClean }
      var result = run.result
      result.more = [
        ("writerKills", run.writerKills), ("recoveriesHit", run.hits), ("chains", run.chains),
        ("longestPauseUs", Int(run.recovery / 1000)),
      ]
      result.isIdle = result.kills < rounds / 16 || result.kills >= 20 && run.hits * 10 < result.kills
      result.add(history, try Settlement(store, history, seed: options.seed, maxSize: options.valueSize))
      return result
    }
  }

  private struct Run {
    let options: KillOptions
    let directory: String
    let store: SharedStore
    let lock: LockWords
    var random: SeededGenerator
    var children: [Child]
    var result = KillResult()
    var writerKills = 0
    var hits = 0
    /// Recoveries hit that followed one that was hit.
    var chains = 0
    /// The longest pause before a kill in nanoseconds: it grows with each hit and shrinks with each miss, so that about
    /// half of the kills hit, early and late.
    var recovery: Int64 = 1_000_000

    /// A writer and those who recover after it die; all are replaced.
    mutating func round(atMost most: Int) throws {
      System.sleep(Int64(random.below(3_000_000)))
      guard let (writer, shard, first) = killHolder() else { return }
      var dead = [writer]
      var word = first
      var died = System.bootTime()
      let before = lock.recoveries(shard)
      for link in 0..<min(1 + random.below(KillRecoverer.longestChain), most) {
        guard let next = awaitTakeover(shard, word, before), let victim = index(next), !dead.contains(victim)
        else { break }
        let pause = System.bootTime() + Int64(random.below(Int(recovery)))
        while System.bootTime() < pause {}
        died = System.bootTime()
        children[victim].send(SIGKILL)
        result.kills += 1
        dead.append(victim)
        guard children[victim].awaitDeath() else {
          result.hangs += 1
          break
        }
        let isHit = lock.sequence(shard) & 1 != 0 && lock.recoveries(shard) == before
        recovery = min(max(isHit ? recovery * 9 / 8 : recovery * 7 / 8, 20_000), 20_000_000)
        guard isHit else { break }
        hits += 1
        if link > 0 { chains += 1 }
        word = next
      }
      result.heal(store, Probe.keys(store), held: shard, since: died)
      for victim in dead {
        if children[victim].wait(seconds: 10).signal != SIGKILL { result.corrupt += 1 }
        children[victim] = try options.spawn(victim, directory, "--writes")
      }
    }

    /// Stops workers until one holds a shard, and kills it.
    private mutating func killHolder() -> (victim: Int, shard: Int, word: UInt64)? {
      for _ in 0..<KillRecoverer.attempts {
        let victim = random.below(children.count)
        guard children[victim].stop() else {
          result.hangs += 1
          return nil
        }
        if let held = lock.held(by: children[victim].id) {
          children[victim].send(SIGKILL)
          writerKills += 1
          guard children[victim].awaitDeath() else {
            result.hangs += 1
            return nil
          }
          return (victim, held.shard, held.word)
        }
        children[victim].resume()
        System.sleep(Int64(random.below(100_000)))
      }
      return nil
    }

    /// The word of whoever took the shard over, while it is at work; nil if it is done or nobody came.
    private func awaitTakeover(_ shard: Int, _ word: UInt64, _ recoveries: UInt64) -> UInt64? {
      let end = System.bootTime() + KillRecoverer.patience
      while System.bootTime() < end {
        let now = lock.owner(shard)
        if lock.recoveries(shard) != recoveries { return nil }
        if now != word, now != 0 { return now }
      }
      return nil
    }

    private func index(_ word: UInt64) -> Int? {
      guard let entry = lock.entry(named: word) else { return nil }
      return children.firstIndex { UInt32($0.id) == entry.pid }
    }
  }
}
