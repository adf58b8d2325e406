// SPDX-License-Identifier: Apache-2.0
// Many keys, tasks and threads at once: every caller returns, no key is computed twice at a time, and nothing that was
// computed from before a detach is stored after it.

import Testing
import WarpKV
import WarpTestSupport

@Suite(.timeLimit(.minutes(15))) struct FlightStressTests {
  private final class Model: Sendable {
    static let keys = 4
    let flights = Flights<Int, Int>(loadWait: 1 << 62)
    /// What computations of a key read: grows with each change.
    let versions = (0..<keys).map { _ in FlightTally(1) }
    /// The oldest version that may be stored.
    let floors = (0..<keys).map { _ in FlightTally(1) }
    let running = (0..<keys).map { _ in FlightTally() }
    let calls = FlightTally()
    let runs = FlightTally()
    let stores = FlightTally()
    let overlaps = FlightTally()
    let late = FlightTally()

    func change(_ key: Int) {
      let version = versions[key].add()
      flights.detach(key)
      floors[key].raise(to: version)
    }

    func store(_ key: Int, _ version: Int) {
      if version < floors[key].value { late.add() }
      stores.add()
      if version < floors[key].value { late.add() }
    }

    func begin(_ key: Int) -> Int {
      runs.add()
      if running[key].add() > 1 { overlaps.add() }
      return versions[key].value
    }

    func end(_ key: Int) { running[key].add(-1) }

    func block(_ key: Int, fails: Bool) throws {
      calls.add()
      let before = versions[key].value
      let value = try flights.value(
        for: key, again: { nil }, store: { store(key, $0) },
        compute: {
          let version = begin(key)
          defer { end(key) }
          for _ in 0..<100 { _ = versions[key].value }
          if fails { throw FlightError(number: key) }
          return version
        })
      // Without changes there is one version; with them a flight may be older than its caller, but not from the future.
      #expect(value <= versions[key].value && (value == before || versions[key].value > 1))
    }

    func suspend(_ key: Int, fails: Bool, yields: Int) async throws {
      calls.add()
      let value = try await flights.value(
        for: key, again: { nil }, store: { store(key, $0) },
        compute: {
          let version = begin(key)
          defer { end(key) }
          for _ in 0..<yields { await Task.yield() }
          try Task.checkCancellation()
          if fails { throw FlightError(number: key) }
          return version
        })
      #expect(value <= versions[key].value)
    }
  }

  @Test(arguments: [false, true]) func allReturnAndNothingIsStoredLate(_ changes: Bool) async {
    let seed = TestPlan.seed(changes ? 11 : 12)
    let rounds = TestPlan.isDeep ? 20_000 : 2_000
    let model = Model()
    let ended = FlightTally()
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<4 {
        group.addTask {
          await inThread {
            var random = SeededGenerator(seed: seed &+ UInt64(index))
            for _ in 0..<rounds {
              let key = random.below(Model.keys)
              if changes, random.below(4) == 0 { model.change(key) }
              try? model.block(key, fails: random.below(8) == 0)
            }
            ended.add()
          }
        }
      }
      for index in 4..<12 {
        group.addTask {
          var random = SeededGenerator(seed: seed &+ UInt64(index))
          for _ in 0..<(rounds / 4) {
            let key = random.below(Model.keys)
            if changes, random.below(4) == 0 { model.change(key) }
            if changes, random.below(256) == 0 { model.flights.detachAll() }
            let fails = random.below(8) == 0
            let yields = random.below(16)
            let call = Task { try await model.suspend(key, fails: fails, yields: yields) }
            if random.below(4) == 0 { call.cancel() }
            _ = await call.result
          }
          ended.add()
        }
      }
    }
    #expect(ended.value == 12)
    #expect(model.late.value == 0, "seed \(seed)")
    #expect(changes || model.overlaps.value == 0, "seed \(seed): \(model.overlaps.value) overlaps")
    #expect(model.running.allSatisfy { $0.value == 0 })
    #expect(model.flights.underway == 0)
    #expect(model.runs.value < model.calls.value, "some were shared")
    #expect(model.stores.value > 0)
    print(
      "flights, changes \(changes): \(model.calls.value) calls, \(model.runs.value) runs, \(model.stores.value) stores"
    )
  }
}
