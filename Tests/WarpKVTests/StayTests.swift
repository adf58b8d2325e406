// SPDX-License-Identifier: Apache-2.0
// Who still needs an attachment: it ends once, and with nobody inside. What comes after the end gives the registration to
// others, so a thread that is still inside would own a shard in a stranger's name.

import Synchronization
import Testing
import WarpTestSupport

@testable import WarpFormat

@Suite struct StayTests {
  private final class Round: Sendable {
    let stay = Stay()
    let ends = Atomic<Int>(0)
    let intrusions = Atomic<Int>(0)
    let arrived = Atomic<Int>(0)

    func end(_ isMine: Bool) { if isMine { ends.add(1, ordering: .sequentiallyConsistent) } }

    /// All threads begin together.
    func meet(_ count: Int) {
      arrived.add(1, ordering: .sequentiallyConsistent)
      while arrived.load(ordering: .sequentiallyConsistent) < count { System.yield() }
    }
  }

  @Test func nobodyIsInsideAtTheEnd() {
    let rounds = (0..<(TestPlan.isDeep ? 100_000 : 20_000)).map { _ in Round() }
    let users = 3
    _ = TestThreads.run(users + 1) { thread in
      for (number, round) in rounds.enumerated() {
        round.meet(users + 1)
        if thread == users {
          for _ in 0..<number % 50 { _ = round.arrived.load(ordering: .sequentiallyConsistent) }
          round.end(round.stay.leave())
          continue
        }
        while round.stay.pin() {
          if round.stay.isOver { round.intrusions.add(1, ordering: .relaxed) }
          round.end(round.stay.unpin())
        }
        round.end(round.stay.unpin())
      }
    }
    #expect(rounds.allSatisfy { $0.ends.load(ordering: .relaxed) == 1 })
    let intrusions = rounds.reduce(0) { $0 + $1.intrusions.load(ordering: .relaxed) }
    #expect(intrusions == 0)
  }
}
