// SPDX-License-Identifier: Apache-2.0
// Computations that use the cache themselves: they never wait for themselves. The clock stands, so a circle would hang.

import Testing
import WarpKV
import WarpTestSupport

@Suite(.timeLimit(.minutes(15))) struct FlightCircleTests {
  @Test func aComputationAsksForItsOwnKey() async {
    let scene = FlightScene()
    let value = scene.get { scene.get { scene.get { 1 } + 1 } + 1 }
    #expect(value == 3)
    #expect(scene.stored.value == 3, "only the outermost is stored")
    scene.check(runs: 3, stores: 1)

    let other = await scene.get(2) { () async in
      await Task.yield()
      return await scene.get(2) { () async in scene.get(2) { 10 } + 10 } + 10
    }
    #expect(other == 30)
    scene.check(runs: 6, stores: 2)
  }

  @Test func aChildTaskAsksForItsParentsKey() async {
    let scene = FlightScene()
    let value = await scene.get { () async in
      async let one = scene.get { () async in 1 }
      async let two = Task { await scene.get { () async in 2 } }.value
      return await one + two
    }
    #expect(value == 3)
    scene.check(runs: 3, stores: 1)
  }

  @Test func aTaskThatOutlivesTheComputationIsOutsideOfIt() async {
    let scene = FlightScene()
    let isDone = FlightTally()
    let left = FlightValue<Task<Int, Never>>()
    _ = await scene.get { () async in
      left.put(
        Task {
          #expect(await comes { isDone.value == 1 })
          return await scene.get { () async in 5 }
        })
      return 1
    }
    isDone.set(1)
    #expect(await left.value?.value == 5)
    #expect(scene.stored.value == 5, "it leads a flight as anybody")
    scene.check(runs: 2, stores: 2)
  }

  @Test func recursionOverManyKeysIsStored() {
    let scene = FlightScene()
    func sum(_ n: Int) -> Int { n == 0 ? 0 : scene.get(n) { sum(n - 1) + n } }
    #expect(sum(500) == 500 * 501 / 2)
    scene.check(runs: 500, stores: 500)
  }

  /// Each of some computations needs the next one's key, and the last one the first's.
  @Test(arguments: [2, 3, 8], [true, false]) func circlesOfManyAreCut(_ count: Int, _ blocking: Bool) async {
    for _ in 0..<10 {
      let scene = FlightScene()
      let begun = FlightTally()
      let results = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
        for key in 0..<count {
          let next = (key + 1) % count
          group.addTask {
            if blocking {
              return await inThread {
                scene.get(key) {
                  begun.add()
                  #expect(blocks { begun.value == count })
                  return scene.get(next) { 100 } + 1
                }
              }
            }
            return await scene.get(key) {
              begun.add()
              #expect(await comes { begun.value == count })
              return await scene.get(next) { () async in 100 } + 1
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      // One was the last to ask, and computed: the others got their values from it.
      #expect(results.sorted() == Array(101...(100 + count)))
      scene.check(runs: count + 1, stores: count)
    }
  }

  /// Two caches whose computations need each other's: the graph knows nothing of types.
  @Test func circlesThroughTwoCachesAreCut() async {
    let numbers = Flights<Int, Int>(loadWait: .max, clock: StandingClock().clock)
    let texts = Flights<String, String>(loadWait: .max, clock: StandingClock().clock)
    let begun = FlightTally()
    async let number = numbers.value(
      for: 1, again: { nil }, store: { _ in },
      compute: { () async in
        begun.add()
        #expect(await comes { begun.value == 2 })
        return await texts.value(for: "a", again: { nil }, store: { _ in }, compute: { () async in "direct" }).count
      })
    async let text = texts.value(
      for: "a", again: { nil }, store: { _ in },
      compute: { () async in
        begun.add()
        #expect(await comes { begun.value == 2 })
        let inner = await numbers.value(for: 1, again: { nil }, store: { _ in }, compute: { () async in 1000 })
        return "text \(inner)"
      })
    let both = await (number, text)
    #expect(both == (6, "text 6") || both == (9, "text 1000"))
    #expect(numbers.underway + texts.underway == 0)
  }

  /// A circle that goes through a computation's child task, and one that only looks like a circle.
  @Test func childTasksWaitForTheirParents() async {
    let scene = FlightScene()
    let begun = FlightTally()
    // 1 has a child that leads 2, in which 3 is needed; 3 needs 1.
    async let one = scene.get(1) { () async in
      async let two = scene.get(2) { () async in
        begun.add()
        #expect(await comes { begun.value == 2 })
        return await scene.get(3) { () async in 500 } + 1
      }
      return await two + 1
    }
    async let three = scene.get(3) { () async in
      begun.add()
      #expect(await comes { begun.value == 2 })
      return await scene.get(1) { () async in 700 } + 1
    }
    let results = await [one, three]
    #expect(results == [502, 503] || results == [703, 701])
    #expect(scene.flights.underway == 0)
  }

  @Test func aChildWaitsForWhatItsSiblingComputes() async {
    let scene = FlightScene()
    let value = await scene.get(1) { () async in
      async let two = scene.get(2) { await comes { scene.time.sleeps.value == 1 } ? 2 : 0 }
      async let again = { () async -> Int in
        #expect(await comes { scene.runs.value == 2 })
        return await scene.get(2) { () async in 50 }
      }()
      return await two + again
    }
    #expect(value == 4)
    scene.check(runs: 2, stores: 2)
  }

  /// The heir of a flight waits inside a computation of its own: from then on its circles are the flight's.
  @Test func aHandedOverFlightIsKnownToBeTheHeirs() async {
    let scene = FlightScene()
    let first = Task {
      try await scene.get(1) {
        try await Task.sleep(for: .seconds(600))
        return 0
      }
    }
    #expect(await comes { scene.runs.value == 1 })
    // 2 waits for 1, and will lead it; then it needs 3, whose computation waits for 2.
    async let two = scene.get(2) { () async in
      await scene.get(1) { () async in
        #expect(await comes { scene.time.sleeps.value == 2 })
        return await scene.get(3) { () async in 900 } + 1
      } + 1
    }
    #expect(await comes { scene.time.sleeps.value == 1 })
    async let three = scene.get(3) { () async in await scene.get(2) { () async in 10 } + 1 }
    #expect(await comes { scene.time.sleeps.value == 2 })
    first.cancel()
    #expect(await two == 902)
    #expect(await three == 903)
    #expect(scene.flights.underway == 0)
  }
}

/// Something that is put once, before it is read.
final class FlightValue<Value: Sendable>: Sendable {
  private let slots = TestSlots<Value>(count: 1)
  func put(_ value: Value) { slots.put(value, at: 0) }
  var value: Value? { slots.take(at: 0) }
}
