// SPDX-License-Identifier: Apache-2.0
// A hit of a remembered function in memory, against a hit of the cache under it.
//
// A hit never suspends, so an async chunk stays on one thread from its first to its last call, and that thread's time is its.

import Dispatch
import WarpKV

extension BenchGroup {
  static let remembered = BenchGroup(
    name: "remembered", summary: "a hit of a remembered function, to Cache's get"
  ) { session in
    let entries = 1000
    let series = session.series("remembered", entries: entries)
    let ids = session.stream(series).ids.map { Int($0) }
    let cache = Cache<Int, Int>(capacity: entries)
    let pairs = Cache<Arguments2<Int, Int>, Int>(capacity: entries)
    let one = cached(capacity: entries) { (a: Int) in a &+ 1 }
    let two = cached(capacity: entries) { (a: Int, b: Int) in a &+ 1 }
    let four = cached(capacity: entries) { (a: Int, b: Int, c: Int, d: Int) in a &+ 1 }
    let asynchronous = cached(capacity: entries) { (a: Int) async in a &+ 1 }
    for entry in 0..<entries {
      cache[entry] = entry &+ 1
      pairs[Arguments2(entry, 7)] = entry &+ 1
      _ = (one(entry), two(entry, 7), four(entry, 7, 8, 9))
    }
    wait { for entry in 0..<entries { _ = await asynchronous(entry) } }
    let timings = session.measure(
      series,
      [
        Variant(name: "Cache get") { range in
          var sum: UInt64 = 0
          for operation in range { sum &+= UInt64(cache[ids[operation]] ?? 0) }
          return sum
        },
        Variant(name: "one argument") { range in
          var sum: UInt64 = 0
          for operation in range { sum &+= UInt64(one(ids[operation])) }
          return sum
        },
        Variant(name: "two arguments") { range in
          var sum: UInt64 = 0
          for operation in range { sum &+= UInt64(two(ids[operation], 7)) }
          return sum
        },
        Variant(name: "Cache get of a pair") { range in
          var sum: UInt64 = 0
          for operation in range { sum &+= UInt64(pairs[Arguments2(ids[operation], 7)] ?? 0) }
          return sum
        },
        Variant(name: "four arguments (a pack)") { range in
          var sum: UInt64 = 0
          for operation in range { sum &+= UInt64(four(ids[operation], 7, 8, 9)) }
          return sum
        },
        Variant(
          name: "async hit",
          timed: { range in
            let outcome = Outcome()
            wait {
              let begin = Clocks.now(.thread)
              var sum: UInt64 = 0
              for operation in range { sum &+= UInt64(await asynchronous(ids[operation])) }
              (outcome.sum, outcome.nanoseconds) = (sum, Clocks.now(.thread) &- begin)
            }
            return (outcome.sum, outcome.nanoseconds)
          }),
      ])
    guard timings.count == 6 else { return }
    session.add(series, "async hit to sync hit", timings[5], to: timings[1])
  }

  private final class Outcome: @unchecked Sendable {
    // Sendable: written by the task before the semaphore, read after it.
    var sum: UInt64 = 0
    var nanoseconds: UInt64 = 0
  }

  private static func wait(_ body: @escaping @Sendable () async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task.detached {
      await body()
      done.signal()
    }
    done.wait()
  }
}
