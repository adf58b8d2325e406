// SPDX-License-Identifier: Apache-2.0
// Who computes inside whose computation, and who waits for whom: so that no computation waits for itself.
//
//   computation --waits--> flight --leader--> computation --waits--> ...
//
// - Each task and thread knows by a task-local value the innermost computation that it is part of, and this one the next
//   outer. Child tasks and `Task {}` inherit it, `Task.detached` and threads of the program's own do not.
// - A wait inside a computation first follows the edges from the flight that it would wait for. If they lead to one of
//   its own computations, it does not wait. Asking and adding the edges is one step under one lock, so of those that
//   would wait in a circle the last one finds out. A computation that asks for its own key is the circle of length one.
// - Waits outside of any computation are in no circle, and cost nothing here.
// - A computation that has ended waits for nobody and is skipped, whatever tasks it has left running.
// - What another fork epoch has written is never looked at: its threads may have left it half written.

import Synchronization

/// One run of a computation by one caller.
final class Computation: @unchecked Sendable {
  // Sendable: `waits` and `outer` are only accessed under the graph's lock, the rest never changes or is atomic.

  /// The innermost computation that the running task or thread is part of.
  @TaskLocal static var innermost: Computation?

  fileprivate let epoch: UInt32
  /// Nobody can join it, and what it computes is not stored.
  let isAlone: Bool
  fileprivate let hasEnded = Atomic<Bool>(false)
  fileprivate var outer: Computation?
  /// What this computation, its child tasks, and the computations in it wait for now; once for each wait.
  fileprivate var waits: [AnyFlight] = []

  /// A computation that begins inside those of the running task.
  init(epoch: UInt32, isAlone: Bool = false) {
    self.epoch = epoch
    self.isAlone = isAlone
    outer = Computation.innermost.flatMap(WaitGraph.innermostLive)
  }

  func end() { hasEnded.store(true, ordering: .releasing) }

  fileprivate func isLive(_ epoch: UInt32) -> Bool {
    self.epoch == epoch && !hasEnded.load(ordering: .acquiring)
  }
}

/// What callers wait for, whatever its types.
class AnyFlight: @unchecked Sendable {
  // Sendable: the leader reads its own `leader`; all other access is under the graph's lock. A subclass speaks for its
  // own part.

  /// The run that will end this flight, or the last one if it is being handed over.
  fileprivate(set) var leader: Computation

  init(leader: Computation) { self.leader = leader }
}

enum WaitGraph {
  private static let lock = FlightLock()

  /// The first of a computation and its outer ones that has not ended. Drops those that have, or a task that begins
  /// another in each of its computations would keep them all. Each is dropped once.
  fileprivate static func innermostLive(_ innermost: Computation) -> Computation? {
    lock.withLock { epoch in
      var live: Computation? = innermost
      while let at = live, !at.isLive(epoch) { live = at.epoch == epoch ? at.outer : nil }
      while let outer = live?.outer, !outer.isLive(epoch) { live?.outer = outer.epoch == epoch ? outer.outer : nil }
      return live
    }
  }

  /// Notes that the running task's computations wait for a flight, and returns them; nil if one of them would wait for
  /// itself. O(computations that this one is in, or that wait for one another).
  static func enter(_ innermost: Computation, waitingFor flight: AnyFlight) -> [Computation]? {
    lock.withLock { epoch in
      let mine = live(innermost, epoch)
      let names = Set(mine.map(ObjectIdentifier.init))
      var ahead = [flight]
      var seen: Set<ObjectIdentifier> = []
      // Each computation is looked at once.
      while let next = ahead.popLast() {
        let leader = next.leader
        if names.contains(ObjectIdentifier(leader)) { return nil }
        guard leader.isLive(epoch), seen.insert(ObjectIdentifier(leader)).inserted else { continue }
        ahead += leader.waits
      }
      for computation in mine { computation.waits.append(flight) }
      return mine
    }
  }

  /// Takes back what `enter` has noted.
  static func leave(_ computations: [Computation], waitingFor flight: AnyFlight) {
    guard !computations.isEmpty else { return }
    lock.withLock { _ in
      for computation in computations {
        if let index = computation.waits.firstIndex(where: { $0 === flight }) {
          computation.waits.remove(at: index)
        }
      }
    }
  }

  /// The flight was handed over to a computation that begins.
  static func lead(_ flight: AnyFlight, _ computation: Computation) {
    lock.withLock { _ in flight.leader = computation }
  }

  private static func live(_ innermost: Computation, _ epoch: UInt32) -> [Computation] {
    var live: [Computation] = []
    var next: Computation? = innermost
    while let at = next, at.epoch == epoch {
      if at.isLive(epoch) { live.append(at) }
      next = at.outer
    }
    return live
  }
}
