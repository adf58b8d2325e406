// SPDX-License-Identifier: Apache-2.0
// The typed cache, the same tests for both places. Where the places differ by design, the difference is a test of its
// own in `differences`:
//
// - Shared keys are equal if their encodings are: composed and decomposed spellings of a text are two keys; in memory,
//   where Swift's `==` decides, they are one.
// - NaN is a key like others in a shared store; in memory it equals nothing, not even itself.
// - -0.0 and 0.0 are one key in both, and the value -0.0 keeps its sign in both.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

private let places = Backend.allCases

@Suite struct CacheTests {
  @Test(arguments: places) func getsWhatWasSet(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, String> = try place.cache(capacity: 10)
    #expect(cache[1] == nil)
    #expect(try cache.set(1, to: "one") == .stored)
    #expect(try cache.set(1, to: "uno") == .replaced)
    cache[2] = "two"
    #expect(cache[1] == "uno")
    #expect(try cache.get(2) == "two")
    #expect(try cache.contains(1))
    #expect(try !cache.contains(3))
    #expect(try cache.count == 2)
    #expect(cache.capacity == 10)
    #expect(try cache.keys() == [1, 2])
    #expect(try cache.entries().map(\.value) == ["uno", "two"])
    cache[1] = nil
    #expect(try !cache.remove(1))
    #expect(try cache.remove(2))
    #expect(try cache.keys().isEmpty)
    let statistics = try cache.statistics()
    #expect(statistics.hits == 2 && statistics.misses == 1)
    #expect(statistics.insertions == 2 && statistics.updates == 1 && statistics.removals == 2)
    #expect(statistics.capacity == 10 && statistics.count == 0)
    #expect("\(statistics)" == "hits 2, misses 1, capacity 10, count 0, oversize skips 0")
    cache[1] = "one"
    try cache.removeAll()
    #expect(try cache.count == 0)
    #expect(try cache.statistics().insertions == 0)
  }

  @Test(arguments: places) func aCachedNilIsAHit(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, String?> = try place.cache()
    #expect(cache[1] == nil)
    try cache.set(1, to: nil)
    #expect(cache[1] == .some(nil))
    var runs = 0
    let value = cache.value(for: 1) { _ in
      runs += 1
      return "computed"
    }
    #expect(value == nil && runs == 0)
    #expect(try cache.statistics().hits == 2)
  }

  @Test(arguments: places) func conditionalSets(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<String, Int> = try place.cache()
    #expect(try cache.add("a", 1))
    #expect(try !cache.add("a", 2))
    let entry = try #require(try cache.entry(for: "a"))
    #expect(entry.value == 1 && entry.key == "a" && entry.remaining == nil && !entry.isStale)
    #expect(try cache.replace("a", with: 3, ifRevision: entry.revision))
    #expect(try !cache.replace("a", with: 4, ifRevision: entry.revision))
    #expect(try !cache.replace("b", with: 4, ifRevision: entry.revision))
    #expect(cache["a"] == 3)
    #expect(try cache.take("a") == 3)
    #expect(try cache.take("a") == nil)
    #expect(try !cache.replace("a", with: 5, ifRevision: entry.revision))
    #expect(try cache.add("a", 6))
    let again = try #require(try cache.peek("a"))
    #expect(again.revision > entry.revision)
  }

  @Test(arguments: places) func updatesWithAClosure(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<String, [Int]> = try place.cache()
    let result = try cache.update("a") { (value: inout [Int]?) -> Int in
      #expect(value == nil)
      value = [1]
      return 7
    }
    #expect(result == 7)
    try cache.update("a") { $0?.append(2) }
    #expect(cache["a"] == [1, 2])
    // Somebody writes in the middle: the closure runs again on what is there then.
    var runs = 0
    try cache.update("a") { value in
      runs += 1
      if runs == 1 { try cache.set("a", to: [9]) }
      value?.append(3)
    }
    #expect(runs == 2)
    #expect(cache["a"] == [9, 3])
    try cache.update("a") { $0 = nil }
    #expect(try !cache.contains("a"))
    try cache.update("a") { $0 = nil }
    struct Stop: Error {}
    #expect(throws: Stop.self) { try cache.update("b") { _ in throw Stop() } }
    #expect(try !cache.contains("b"))
  }

  @Test(arguments: places) func increments(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<String, Int> = try place.cache()
    #expect(try cache.increment("n") == 1)
    #expect(try cache.increment("n", by: 41) == 42)
    #expect(try cache.increment("n", by: -50) == -8)
    try cache.set("n", to: .max)
    expectCode(.integerOverflow) { try cache.increment("n") }
    #expect(cache["n"] == .max)
    let small: Cache<String, UInt8> = try place.cache(name: "small")
    #expect(try small.increment("n", by: 255) == 255)
    expectCode(.integerOverflow) { try small.increment("n") }
    // Threads and processes lose none.
    let errors = TestThreads.run(4) { _ in for _ in 0..<500 { try cache.increment("sum") } }
    #expect(errors.isEmpty)
    #expect(cache["sum"] == 2000)
  }

  @Test(arguments: places) func manyAtOnce(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(capacity: 1000)
    try cache.setMany((0..<500).map { ($0, -$0) })
    let values = try cache.getMany((0..<600).map { $0 })
    #expect(values.prefix(500).elementsEqual((0..<500).map { -$0 }))
    #expect(values.dropFirst(500).allSatisfy { $0 == nil })
    #expect(try cache.getMany([]).isEmpty)
    #expect(try cache.getMany([3, 3, 1000, 3]) == [-3, -3, nil, -3])
    let statistics = try cache.statistics()
    #expect(statistics.hits == 503 && statistics.misses == 101)
  }

  // MARK: Time

  @Test(arguments: places) func entriesExpire(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(timeToLive: .seconds(10))
    try cache.set(1, to: 1)
    try cache.set(2, to: 2, timeToLive: .seconds(20))
    #expect(try cache.remainingTimeToLive(of: 1) == .seconds(10))
    place.clock.advance(.seconds(9))
    #expect(cache[1] == 1)
    #expect(try cache.touch(1))
    place.clock.advance(.seconds(9))
    #expect(cache[1] == 1)
    #expect(try cache.remainingTimeToLive(of: 1) == .seconds(1))
    place.clock.advance(.seconds(1))
    #expect(cache[1] == nil)
    #expect(try !cache.touch(1))
    #expect(cache[2] == 2)
    #expect(try cache.keys() == [2])
    // An expired one counts as absent.
    #expect(try cache.add(1, 5))
    #expect(try cache.statistics().expirations == 1)
  }

  @Test(arguments: places) func jitterIsRepeatable(_ backend: Backend) throws {
    func lives(seed: UInt64) throws -> [Duration?] {
      let place = try TestPlace(backend)
      let cache: Cache<Int, Int> = try place.cache(
        timeToLive: .seconds(100), options: CacheOptions(jitter: 0.2, jitterSeed: seed))
      for key in 0..<50 { try cache.set(key, to: key) }
      return try (0..<50).map { try cache.remainingTimeToLive(of: $0) }
    }
    let lives = try (lives(seed: 1), lives(seed: 1), lives(seed: 2))
    #expect(lives.0 == lives.1)
    #expect(lives.0 != lives.2)
    #expect(lives.0.allSatisfy { $0! > .seconds(80) && $0! <= .seconds(100) })
    #expect(Set(lives.0).count > 40)
  }

  @Test(arguments: places) func negativeResultsHaveTheirOwnTime(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int?> = try place.cache(
      timeToLive: .seconds(100), options: CacheOptions(negativeTimeToLive: .seconds(1)))
    _ = cache.value(for: 1) { _ in nil }
    _ = cache.value(for: 2) { _ in 2 }
    place.clock.advance(.seconds(2))
    #expect(try !cache.contains(1))
    #expect(cache[2] == .some(2))
  }

  // MARK: Arguments

  @Test(arguments: places) func absurdArgumentsAreTheSameErrors(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    func make(
      capacity: Int = 10, timeToLive: Duration? = nil, _ options: CacheOptions = CacheOptions()
    ) throws {
      let _: Cache<Int, Int> = try place.cache(capacity: capacity, timeToLive: timeToLive, options: options)
    }
    for capacity in [0, -1, Int.min, Int.max, 1 << 31 + 1] {
      expectCode(.invalidCapacity) { try make(capacity: capacity) }
    }
    for time in [Duration.zero, .seconds(-1), .nanoseconds(0), .seconds(Int64.max), .seconds(1 << 40)] {
      expectCode(.invalidTimeToLive) { try make(timeToLive: time) }
      expectCode(.invalidTimeToLive) { try make(CacheOptions(freshFor: time)) }
      expectCode(.invalidTimeToLive) { try make(CacheOptions(negativeTimeToLive: time)) }
      expectCode(.invalidArgument) { try make(CacheOptions(loadWait: time)) }
    }
    for jitter in [-0.1, 1, 7, Double.nan, .infinity] {
      expectCode(.invalidArgument) { try make(CacheOptions(jitter: jitter)) }
    }
    expectCode(.invalidArgument) { try make(CacheOptions(staleFor: .seconds(1))) }
    expectCode(.invalidArgument) {
      try make(timeToLive: .seconds(5), CacheOptions(freshFor: .seconds(1), staleFor: .seconds(1)))
    }
    expectCode(.invalidArgument) { try make(timeToLive: .seconds(5), CacheOptions(freshFor: .seconds(6))) }
    for shards in [0, -1, 3, 16, 1 << 20] {
      expectCode(.invalidShardCount) { try make(CacheOptions(shards: shards)) }
    }
    let cache: Cache<Int, Int> = try place.cache()
    expectCode(.invalidTimeToLive) { try cache.set(1, to: 1, timeToLive: .zero) }
    expectCode(.invalidTimeToLive) { try cache.setMany([(1, 1)], timeToLive: .seconds(-1)) }
    #expect(try cache.count == 0)
  }

  @Test func backendsHaveWordsAndNumbers() throws {
    #expect(try Backend("memory") == .memory && Backend("shared") == .shared)
    #expect(try Backend(0) == .memory && Backend(1) == .shared)
    for word in ["", "Memory", "shm", "1", "memory "] { expectCode(.invalidArgument) { _ = try Backend(word) } }
    for number in [-1, 2, Int.max] { expectCode(.invalidArgument) { _ = try Backend(number) } }
  }

  /// SPEC.md's vector for exact SIEVE.
  @Test(arguments: places) func theVectorOfTheSpecification(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(capacity: 3)
    var outcome = ""
    for id in [1, 2, 3, 1, 2, 4, 1, 5, 2, 3, 6, 1, 4, 4, 5, 7, 1, 2, 3, 1, 8, 2, 9, 1, 3] {
      var isHit = true
      _ = cache.value(for: id) { id in
        isHit = false
        return id
      }
      outcome += isHit ? "H" : "M"
    }
    #expect(outcome == "MMMHHMHMMMMHMHMMHMMHMMMHM")
  }

  // MARK: Differences

  @Test(arguments: places) func differences(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let texts: Cache<String, Int> = try place.cache(name: "texts")
    texts["caf\u{e9}"] = 1
    texts["cafe\u{301}"] = 2
    #expect(try texts.count == (backend == .memory ? 1 : 2))
    #expect(texts["caf\u{e9}"] == (backend == .memory ? 2 : 1))

    let numbers: Cache<Double, Double> = try place.cache(name: "numbers")
    numbers[0.0] = -0.0
    #expect(numbers[-0.0]?.sign == .minus)
    numbers[.nan] = 1
    #expect(numbers[.nan] == (backend == .memory ? nil : 1))
    numbers[1] = .nan
    #expect(numbers[1]?.isNaN == true)
  }
}
