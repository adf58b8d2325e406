// SPDX-License-Identifier: Apache-2.0
// Cancelled callers of a flight: a waiter leaves, a leader hands over, and the others notice nothing.

import Testing
import WarpKV
import WarpTestSupport

@Suite struct FlightCancelTests {
  /// A leader that computes until it is told to end, or is cancelled.
  private func lead(_ scene: FlightScene, _ isDone: FlightTally) async -> Task<Int, any Error> {
    let task = Task {
      try await scene.get {
        while isDone.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
        return isDone.value
      }
    }
    #expect(await comes { scene.runs.value == 1 })
    return task
  }

  private func isWaiting(_ scene: FlightScene, _ count: Int) async {
    #expect(await comes { scene.time.sleeps.value + scene.time.looks.value >= count })
  }

  @Test func aCancelledWaiterLeaves() async throws {
    let scene = FlightScene()
    let isDone = FlightTally()
    let leader = await lead(scene, isDone)
    let waiter = Task { try await scene.get { () async throws in 2 } }
    let other = Task { try await scene.get { () async throws in 3 } }
    await isWaiting(scene, 2)
    waiter.cancel()
    await #expect(throws: CancellationError.self) { try await waiter.value }
    #expect(scene.runs.value == 1)
    isDone.set(7)
    #expect(try await leader.value == 7)
    #expect(try await other.value == 7)
    scene.check(runs: 1, stores: 1)
  }

  @Test func aTaskThatIsCancelledAlreadyDoesNotWait() async throws {
    let scene = FlightScene()
    let isDone = FlightTally()
    let leader = await lead(scene, isDone)
    let waiter = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await scene.get { () async throws(CancellationError) in 2 }
    }
    await #expect(throws: CancellationError.self) { try await waiter.value }
    isDone.set(7)
    #expect(try await leader.value == 7)
    scene.check(runs: 1, stores: 1)
  }

  @Test func aCancelledWaiterThatCannotSaySoComputesForItself() async throws {
    let scene = FlightScene()
    let isDone = FlightTally()
    let leader = await lead(scene, isDone)
    let waiter = Task {
      await scene.get { () async in
        #expect(Task.isCancelled)
        return 2
      }
    }
    await isWaiting(scene, 1)
    waiter.cancel()
    #expect(await waiter.value == 2)
    #expect(scene.stores.value == 0)
    isDone.set(7)
    #expect(try await leader.value == 7)
    scene.check(runs: 2, stores: 1)
  }

  @Test(arguments: [true, false]) func aCancelledLeaderHandsOver(_ heirBlocks: Bool) async throws {
    let scene = FlightScene()
    let isDone = FlightTally()
    let leader = await lead(scene, isDone)
    let heir = Task {
      heirBlocks
        ? await inThread { scene.get { blocks { isDone.value == 5 } ? 20 : 0 } }
        : await scene.get { await comes { isDone.value == 5 } ? 20 : 0 }
    }
    await isWaiting(scene, 1)
    let other = Task { await scene.get { () async in 30 } }
    #expect(await comes { scene.time.sleeps.value == (heirBlocks ? 1 : 2) })
    leader.cancel()
    await #expect(throws: CancellationError.self) { try await leader.value }
    #expect(await comes { scene.runs.value == 2 })
    #expect(scene.flights.underway == 1)
    isDone.set(5)
    #expect(await heir.value == 20)
    #expect(await other.value == 20)
    #expect(scene.stored.value == 20)
    scene.check(runs: 2, stores: 1)
  }

  @Test func leadersAreCancelledOneAfterAnother() async throws {
    let scene = FlightScene()
    let isDone = FlightTally()
    let tasks = (0..<20).map { _ in
      Task {
        try await scene.get {
          while isDone.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
          return isDone.value
        }
      }
    }
    await isWaiting(scene, 19)
    // Whoever they are: each ends as cancelled, and the last one's value is not asked for.
    for task in tasks.dropLast() { task.cancel() }
    for task in tasks.dropLast() { await #expect(throws: CancellationError.self) { try await task.value } }
    isDone.set(6)
    #expect(try await tasks[19].value == 6)
    #expect(scene.stored.value == 6)
    #expect(scene.stores.value == 1)
    #expect(scene.flights.underway == 0)
  }

  @Test func aCancelledLeaderWithoutWaitersEndsTheFlight() async throws {
    let scene = FlightScene()
    let leader = await lead(scene, FlightTally())
    leader.cancel()
    await #expect(throws: CancellationError.self) { try await leader.value }
    scene.check(runs: 1, stores: 0)
    #expect(await scene.get { () async in 3 } == 3)
  }

  @Test func theValueOfACancelledLeaderCounts() async throws {
    let scene = FlightScene()
    let isDone = FlightTally()
    let leader = Task { await scene.get { await comes { isDone.value == 1 } ? 4 : 0 } }
    #expect(await comes { scene.runs.value == 1 })
    async let waiter = scene.get { () async in 5 }
    await isWaiting(scene, 1)
    leader.cancel()
    isDone.set(1)
    #expect(await leader.value == 4)
    #expect(await waiter == 4)
    scene.check(runs: 1, stores: 1)
  }

  @Test func aDetachedFlightIsHandedOverToo() async throws {
    let scene = FlightScene()
    let leader = await lead(scene, FlightTally())
    async let waiter = scene.get { () async in 5 }
    await isWaiting(scene, 1)
    scene.flights.detach(1)
    leader.cancel()
    await #expect(throws: CancellationError.self) { try await leader.value }
    #expect(await waiter == 5)
    scene.check(runs: 2, stores: 0)
  }

  @Test func whoGaveUpIsNotKept() async throws {
    let scene = FlightScene()
    let isDone = FlightTally()
    let leader = await lead(scene, isDone)
    final class Witness: Sendable {}
    weak var witness: Witness?
    for round in 1...10 {
      let mark = Witness()
      witness = mark
      let waiter = Task { [mark] in
        try await scene.get { () async throws in
          _ = mark
          return 2
        }
      }
      await isWaiting(scene, round)
      waiter.cancel()
      await #expect(throws: CancellationError.self) { try await waiter.value }
    }
    #expect(await comes { witness == nil })
    isDone.set(1)
    #expect(try await leader.value == 1)
    scene.check(runs: 1, stores: 1)
  }
}
