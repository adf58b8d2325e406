// SPDX-License-Identifier: Apache-2.0
// A key that is changed or removed while it is computed: who gets the old value, and that it is not stored afterwards.

import Testing
import WarpKV
import WarpTestSupport

@Suite struct FlightDetachTests {
  @Test(arguments: [true, false]) func aDetachedFlightIsSharedAndNotStored(_ detachesAll: Bool) async {
    let scene = FlightScene()
    let isDone = FlightTally()
    async let leader = scene.get { await comes { isDone.value == 1 } ? 1 : 0 }
    #expect(await comes { scene.runs.value == 1 })
    async let waiter = scene.get { () async in 2 }
    #expect(await comes { scene.time.sleeps.value == 1 })

    detachesAll ? scene.flights.detachAll() : scene.flights.detach(1)
    #expect(scene.flights.underway == 0)
    #expect(await scene.get { () async in 3 } == 3, "a later caller starts anew")
    #expect(scene.stored.value == 3)

    isDone.set(1)
    #expect(await leader == 1)
    #expect(await waiter == 1)
    #expect(scene.stored.value == 3, "nothing older is stored")
    scene.check(runs: 2, stores: 1)
  }

  @Test func anOldFlightLeavesANewOneAlone() async {
    let scene = FlightScene()
    let isOldDone = FlightTally()
    let isNewDone = FlightTally()
    async let old = scene.get { await comes { isOldDone.value == 1 } ? 1 : 0 }
    #expect(await comes { scene.runs.value == 1 })
    scene.flights.detach(1)
    async let new = scene.get { await comes { isNewDone.value == 1 } ? 2 : 0 }
    #expect(await comes { scene.runs.value == 2 })
    isOldDone.set(1)
    #expect(await old == 1)
    #expect(scene.flights.underway == 1)
    async let joined = scene.get { () async in 3 }
    #expect(await comes { scene.time.sleeps.value == 1 })
    isNewDone.set(1)
    #expect(await [new, joined] == [2, 2])
    #expect(scene.stored.value == 2)
    scene.check(runs: 2, stores: 1)
  }

  @Test func aComputationMayDetachItself() {
    let scene = FlightScene()
    let value = scene.get {
      scene.flights.detach(1)
      return 1
    }
    #expect(value == 1)
    scene.check(runs: 1, stores: 0)
  }

  @Test(arguments: [true, false]) func detachingWaitsForAStore(_ detachesAll: Bool) async {
    let scene = FlightScene()
    let isStoring = FlightTally()
    let mayStore = FlightTally()
    let isDetached = FlightTally()
    async let leader = inThread {
      scene.flights.value(
        for: 1, again: { nil },
        store: { value in
          isStoring.set(1)
          #expect(blocks { mayStore.value == 1 })
          #expect(isDetached.value == 0)
          scene.store(value)
        }, compute: { 4 })
    }
    #expect(await comes { isStoring.value == 1 })
    async let detached: Void = inThread {
      detachesAll ? scene.flights.detachAll() : scene.flights.detach(1)
      #expect(scene.stored.value == 4)
      isDetached.set(1)
    }
    // Another key's detach does not wait.
    scene.flights.detach(2)
    // Whoever asks meanwhile gets the value.
    async let waiter = scene.get { () async in 5 }
    #expect(await comes { scene.time.sleeps.value == 1 })
    mayStore.set(1)
    await detached
    #expect(await [leader, waiter] == [4, 4])
    scene.check(runs: 0, stores: 1)
  }

  @Test func aStoreMayUseTheCache() {
    let scene = FlightScene()
    let value = scene.flights.value(
      for: 1, again: { nil },
      store: { _ in
        scene.flights.detach(1)
        scene.flights.detachAll()
        #expect(scene.get(1) { 8 } == 8, "computed for itself: the flight is this call's own")
        #expect(scene.get(2) { 9 } == 9)
      }, compute: { 7 })
    #expect(value == 7)
    #expect(scene.stored.value == 9)
    scene.check(runs: 2, stores: 1)
  }

  @Test(arguments: 0..<20) func storesThatDetachOneAnotherEnd(_ round: Int) async {
    let scene = FlightScene()
    let storing = FlightTally()
    let results = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
      for key in 1...3 {
        group.addTask {
          await inThread {
            scene.flights.value(
              for: key, again: { nil },
              store: { value in
                storing.add()
                #expect(blocks { storing.value == 3 })
                scene.flights.detach(key % 3 + 1)
                scene.store(value)
              }, compute: { key })
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.sorted() == [1, 2, 3])
    scene.check(runs: 0, stores: 3)
  }
}
