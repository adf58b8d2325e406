// SPDX-License-Identifier: Apache-2.0
// Stale values: served while one caller computes them anew.

import Synchronization
import Testing
import WarpKV
import WarpTestSupport

private struct Trouble: Error {}

@Suite struct CacheFreshnessTests {
  private static let options = CacheOptions(freshFor: .seconds(10), staleFor: .seconds(20))

  @Test(arguments: Backend.allCases) func theFirstToMeetAStaleValueComputesIt(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(options: Self.options)
    var runs = 0
    func ask() -> Int {
      cache.value(for: 1) { _ in
        runs += 1
        return runs
      }
    }
    #expect(ask() == 1)
    place.clock.advance(.seconds(9))
    #expect(ask() == 1)
    place.clock.advance(.seconds(2))
    #expect(try cache.peek(1)?.isStale == true)
    #expect(ask() == 2)
    #expect(try cache.peek(1)?.isStale == false)
    #expect(ask() == 2)
    #expect(runs == 2)
    // 30 s after it was stored it is gone, stale or not.
    place.clock.advance(.seconds(30))
    #expect(try !cache.contains(1))
    #expect(ask() == 3)
    let statistics = try cache.statistics()
    #expect(statistics.staleHits == 1 && statistics.loads == 3)
  }

  @Test(arguments: Backend.allCases) func othersGetTheStaleValueMeanwhile(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(options: Self.options)
    try cache.set(1, to: 1)
    place.clock.advance(.seconds(11))
    let value = cache.value(for: 1) { _ in
      // In the middle of the computation, from another thread.
      let errors = TestThreads.run(3) { _ in
        let stale = cache.value(for: 1) { _ in 99 }
        #expect(stale == 1)
      }
      #expect(errors.isEmpty)
      return 2
    }
    #expect(value == 2)
    #expect(cache[1] == 2)
  }

  @Test(arguments: Backend.allCases) func aFailedRefreshKeepsTheStaleValue(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(options: Self.options)
    try cache.set(1, to: 1)
    place.clock.advance(.seconds(11))
    #expect(try cache.value(for: 1) { (_) throws(Trouble) in throw Trouble() } == 1)
    #expect(try cache.statistics().loadFailures == 1)
    #expect(try cache.peek(1)?.isStale == true)
    place.clock.advance(.seconds(20))
    #expect(throws: Trouble.self) { try cache.value(for: 1) { (_) throws(Trouble) in throw Trouble() } }
  }

  /// A value that was set while the refresh ran wins.
  @Test(arguments: Backend.allCases) func aSetDuringARefreshWins(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(options: Self.options)
    try cache.set(1, to: 1)
    place.clock.advance(.seconds(11))
    let value = cache.value(for: 1) { _ in
      cache[1] = 5
      return 2
    }
    #expect(value == 2)
    #expect(cache[1] == 5)
    place.clock.advance(.seconds(11))
    _ = cache.value(for: 1) { _ in
      cache[1] = nil
      return 2
    }
    #expect(try !cache.contains(1))
  }

  @Test(arguments: Backend.allCases) func anAsyncFunctionRefreshesInATaskOfItsOwn(_ backend: Backend) async throws {
    let place = try TestPlace(backend)
    let runs = Atomic<Int>(0)
    let (gate, opener) = AsyncStream.makeStream(of: Void.self)
    let done = Atomic<Bool>(false)
    let remembered = try cached("f", in: .backend(backend), options: place.options(Self.options)) {
      (key: Int) async -> Int in
      let run = runs.wrappingAdd(1, ordering: .relaxed).newValue
      if run > 1 { for await _ in gate { break } }
      done.store(run > 1, ordering: .releasing)
      return run
    }
    #expect(await remembered(1) == 1)
    place.clock.advance(.seconds(11))
    // None of these waits for the run, and only one begins it.
    for _ in 0..<10 { #expect(await remembered(1) == 1) }
    opener.yield()
    while try remembered.peek(1) != 2 { await Task.yield() }
    #expect(await remembered(1) == 2)
    #expect(runs.load(ordering: .relaxed) == 2)
  }
}
