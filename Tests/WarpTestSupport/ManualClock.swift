// SPDX-License-Identifier: Apache-2.0
// A clock that a test moves by hand: whoever sleeps on it goes on when it is moved far enough.

import Synchronization
public import WarpKV

public final class ManualClock: Sendable {
  private struct Sleeper {
    let id: Int
    let end: UInt64
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var sleepers: [Sleeper] = []
    var cancelled: Set<Int> = []
    var lastID = 0
  }

  private let time = Atomic<UInt64>(1_000_000_000)
  private let state = Mutex(State())

  public init() {}

  public var now: UInt64 { time.load(ordering: .sequentiallyConsistent) }
  /// Tasks that sleep on it now.
  public var sleeping: Int { state.withLock { $0.sleepers.count } }

  public func advance(_ duration: Duration) {
    let step = UInt64(duration.attoseconds / 1_000_000_000)
    let now = time.wrappingAdd(step, ordering: .sequentiallyConsistent).newValue
    let due = state.withLock { state in
      let due = state.sleepers.filter { $0.end <= now }
      state.sleepers.removeAll { $0.end <= now }
      return due
    }
    for sleeper in due { sleeper.continuation.resume() }
  }

  public var clock: CacheClock {
    CacheClock(now: { [self] in now }, sleep: { [self] duration in try await sleep(duration) })
  }

  private func sleep(_ duration: Duration) async throws {
    let end = now + UInt64(max(duration, .zero).attoseconds / 1_000_000_000)
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        enum Step { case sleep, wake, cancel }
        let step: Step = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .cancel }
          if now >= end { return .wake }
          state.sleepers.append(Sleeper(id: id, end: end, continuation: continuation))
          return .sleep
        }
        switch step {
        case .sleep: break
        case .wake: continuation.resume()
        case .cancel: continuation.resume(throwing: CancellationError())
        }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.sleepers.remove(at: index)
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
    _ = state.withLock { $0.cancelled.remove(id) }
  }
}
