// SPDX-License-Identifier: Apache-2.0
// A remembered function: how many ways to change an amount with these coins? Without memory the recursion takes seconds;
// with it, one run for each pair of arguments.
//
//     swift run example-memo 2000

import Synchronization
import WarpKV

let coins = [1, 2, 5, 10, 20, 50, 100, 200]

/// A function that calls itself has to reach itself through something.
final class Ways: Sendable {
  private let runs = Atomic<Int>(0)
  private let ways = Mutex<CachedFunction<Arguments2<Int, Int>, Int, Never, Never>?>(nil)

  init() {
    let remembered = cached(capacity: 100_000) { [unowned self] (amount: Int, kinds: Int) -> Int in
      runs.add(1, ordering: .relaxed)
      if amount == 0 { return 1 }
      if amount < 0 || kinds == 0 { return 0 }
      return self(amount, kinds - 1) + self(amount - coins[kinds - 1], kinds)
    }
    ways.withLock { $0 = remembered }
  }

  var function: CachedFunction<Arguments2<Int, Int>, Int, Never, Never> { ways.withLock { $0! } }
  var count: Int { runs.load(ordering: .relaxed) }

  func callAsFunction(_ amount: Int, _ kinds: Int) -> Int { function(amount, kinds) }
}

@main
struct Memo {
  static func main() {
    let amount = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1000
    let ways = Ways()
    print("\(ways(amount, coins.count)) ways to change \(amount), in \(ways.count) runs")
    let before = ways.count
    _ = ways(amount, coins.count)
    print("\(ways.count - before) runs to find out again")
    print(ways.function.statistics)
  }
}
