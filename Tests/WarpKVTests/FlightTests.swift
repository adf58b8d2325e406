// SPDX-License-Identifier: Apache-2.0
// Single flight: who shares a computation, what of it is stored, and who gets an error. No test waits for time to pass:
// the clock stands, and tells who waits.

import Synchronization
import Testing
import WarpKV
import WarpTestSupport

@Suite struct FlightTests {
  @Test func eightThreadsShareOneComputation() async {
    let scene = FlightScene()
    let results = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
      for _ in 0..<8 {
        group.addTask {
          await inThread {
            scene.get { blocks { scene.time.looks.value >= 7 } ? 42 : 0 }
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results == Array(repeating: 42, count: 8))
    #expect(scene.stored.value == 42)
    scene.check(runs: 1, stores: 1)
  }

  @Test func sixtyFourTasksWaitWithoutThreads() async {
    let scene = FlightScene()
    let results = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
      for _ in 0..<64 {
        group.addTask { await scene.get { await comes { scene.time.sleeps.value == 63 } ? 42 : 0 } }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results == Array(repeating: 42, count: 64))
    scene.check(runs: 1, stores: 1)
  }

  @Test(arguments: [true, false]) func threadsAndTasksShareFlights(_ leaderBlocks: Bool) async {
    let scene = FlightScene()
    let isFull = { @Sendable in scene.time.sleeps.value + scene.time.looks.value >= 8 }
    let results = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
      group.addTask {
        leaderBlocks
          ? await inThread { scene.get { blocks(until: isFull) ? 42 : 0 } }
          : await scene.get { await comes(isFull) ? 42 : 0 }
      }
      #expect(await comes { scene.runs.value == 1 })
      for _ in 0..<4 {
        group.addTask { await inThread { scene.get { 1 } } }
        group.addTask { await scene.get { () async in 2 } }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results == Array(repeating: 42, count: 9))
    scene.check(runs: 1, stores: 1)
  }

  @Test func keysDoNotWaitForOneAnother() async {
    let scene = FlightScene()
    async let one = scene.get(1) { await comes { scene.stores.value == 1 } ? 1 : 0 }
    async let two = scene.get(2) { await comes { scene.runs.value == 2 } ? 2 : 0 }
    #expect(await [one, two] == [1, 2])
    scene.check(runs: 2, stores: 2)
  }

  @Test func anErrorReachesAllAndIsNotKept() async {
    let scene = FlightScene()
    let results = await withTaskGroup(
      of: Result<Int, FlightError>?.self, returning: [Result<Int, FlightError>?].self
    ) { group in
      for index in 0..<8 {
        group.addTask {
          await outcome {
            try await scene.get { () async throws(FlightError) in
              #expect(await comes { scene.time.sleeps.value == 7 })
              throw FlightError(number: index)
            }
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.allSatisfy { $0 == results[0] && $0 != nil })
    scene.check(runs: 1, stores: 0)
    #expect(await scene.get { () async in 5 } == 5)
    scene.check(runs: 2, stores: 1)
  }

  @Test func whoCannotThrowTheErrorComputesForItself() async {
    let scene = FlightScene()
    async let leader = outcome {
      try await scene.get { () async throws(FlightError) in
        #expect(await comes { scene.time.sleeps.value == 1 })
        throw FlightError()
      }
    }
    #expect(await comes { scene.runs.value == 1 })
    let waiter = await scene.get { () async in 7 }
    #expect(await leader == .failure(FlightError()))
    #expect(waiter == 7)
    scene.check(runs: 2, stores: 0)
  }

  @Test func whatWasStoredMeanwhileIsNotComputed() async {
    let scene = FlightScene()
    let value = scene.flights.value(for: 1, again: { 9 }, store: scene.store, compute: { 10 })
    #expect(value == 9)
    let other = await scene.flights.value(for: 1, again: { 9 }, store: scene.store, compute: { () async in 10 })
    #expect(other == 9)
    scene.check(runs: 0, stores: 0)
  }

  // MARK: Waiting too long

  @Test(arguments: [true, false]) func aCallerThatWaitsTooLongComputesForItself(_ waiterBlocks: Bool) async {
    let scene = FlightScene()
    let isDone = FlightTally()
    async let leader = scene.get { await comes { isDone.value == 1 } ? 1 : 0 }
    #expect(await comes { scene.runs.value == 1 })
    async let waiter = waiterBlocks ? inThread { scene.get { 2 } } : scene.get { () async in 2 }
    #expect(await comes { scene.time.sleeps.value + scene.time.looks.value >= 1 })
    #expect(scene.runs.value == 1)
    scene.time.advance(FlightScene.wait)
    #expect(await waiter == 2)
    #expect(scene.stores.value == 0, "only the leader stores")
    #expect(scene.flights.underway == 1)
    isDone.set(1)
    #expect(await leader == 1)
    #expect(scene.stored.value == 1)
    scene.check(runs: 2, stores: 1)
  }

  // MARK: Where a computation runs

  @TaskLocal static var mark = 0

  actor Place {
    var number = 0
    func use(_ scene: FlightScene) async -> Int {
      number += 1
      let value = await scene.get {
        self.assertIsolated()
        number += 1
        await Task.yield()
        self.assertIsolated()
        return number * 10 + FlightTests.mark
      }
      self.assertIsolated()
      return value
    }
  }

  @Test func aComputationRunsInTheCallersTaskAndIsolation() async {
    let scene = FlightScene()
    let value = await FlightTests.$mark.withValue(3) {
      await Task(priority: .low) { await Place().use(scene) }.value
    }
    #expect(value == 23)
    scene.check(runs: 1, stores: 1)
  }
}
