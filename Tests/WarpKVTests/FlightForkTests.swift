// SPDX-License-Identifier: Apache-2.0
// A child of fork has none of the parent's other threads: it must not wait for what they compute.

#if os(Linux)
  import Glibc
  import Testing
  import WarpKV
  import WarpTestSupport

  @Suite struct FlightForkTests {
    /// In a process of its own, whose few other threads sleep: the child may allocate.
    @Test func aChildDoesNotWaitForItsParentsThreads() async {
      await #expect(processExitsWith: .success) {
        let flights = Flights<Int, Int>(loadWait: 1 << 62)
        let isDone = FlightTally()
        let hasBegun = FlightTally()
        async let leader = inThread {
          flights.value(
            for: 1, again: { nil }, store: { _ in },
            compute: {
              hasBegun.add()
              return blocks { isDone.value == 1 } ? 5 : 0
            })
        }
        // A store that a child's detach must not wait for.
        let storing = Flights<Int, Int>(loadWait: 1 << 62)
        async let other = inThread {
          storing.value(
            for: 1, again: { nil },
            store: { _ in
              hasBegun.add(10)
              _ = blocks { isDone.value == 1 }
            }, compute: { 8 })
        }
        guard await comes({ hasBegun.value == 11 }) else { exit(1) }
        let status = await inThread {
          flights.value(
            for: 2, again: { nil }, store: { _ in },
            compute: {
              let child = fork()
              if child == 0 {
                alarm(180)
                // Inside a computation that goes on in both processes.
                var stored = 0
                let value = flights.value(for: 1, again: { nil }, store: { stored = $0 }, compute: { 6 })
                guard value == 6, stored == 6, flights.underway == 0 else { _exit(3) }
                let own = flights.value(for: 2, again: { nil }, store: { _ in }, compute: { 7 })
                storing.detach(1)
                storing.detachAll()
                _exit(own == 7 && storing.underway == 0 ? 0 : 4)
              }
              var status: Int32 = -1
              waitpid(child, &status, 0)
              return Int(status)
            })
        }
        isDone.set(1)
        let values = await [leader, other]
        guard status == 0, values == [5, 8], flights.underway == 0 else { exit(1) }
        exit(0)
      }
    }
  }
#endif
