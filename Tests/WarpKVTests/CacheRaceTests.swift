// SPDX-License-Identifier: Apache-2.0
// What happens to a computation while others write, remove, wait or ask for the same key.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

private struct Trouble: Error {}

private final class Mark: Sendable {
  private let value = Atomic<Int>(0)
  func set(_ number: Int) { value.store(number, ordering: .sequentiallyConsistent) }
  func add() { value.wrappingAdd(1, ordering: .sequentiallyConsistent) }
  var number: Int { value.load(ordering: .sequentiallyConsistent) }
  func wait(for number: Int) { while self.number < number { System.sleep(1_000_000) } }
}

@Suite struct CacheRaceTests {
  /// How long a caller waits for another's computation: longer than any test takes, on whatever machine.
  private static let patience = Duration.seconds(1200)
  /// What a call that waits for nobody takes at most.
  private static let most = Duration.seconds(600)

  /// With the real clock, as waits in other processes have it.
  private func shared<Key: Codable & Hashable & Sendable>(
    _ folder: TestFolder, loadWait: Duration = patience
  ) throws -> Cache<Key, Int> {
    try Cache(
      "race", in: .shared, capacity: 100, options: CacheOptions(loadWait: loadWait, directory: folder.path))
  }

  @Test func aComputationThatAsksForItsOwnKeyRunsTheInnerOneAtOnce() async throws {
    let folder = try TestFolder()
    let cache: Cache<Int, Int> = try shared(folder)
    let began = ContinuousClock.now
    #expect(cache.value(for: 1) { _ in cache.value(for: 1) { _ in 5 } + 1 } == 6)
    #expect(cache[1] == 6)
    let value = await cache.value(for: 2) { (_) async -> Int in
      await cache.value(for: 2) { (_) async -> Int in 5 } + 1
    }
    #expect(value == 6)
    #expect(cache[2] == 6)
    let values = await cache.values(for: [3, 4]) { (keys) async -> [Int: Int] in
      var values: [Int: Int] = [:]
      for key in keys { values[key] = await cache.value(for: key) { (_) async -> Int in 7 } + 1 }
      return values
    }
    #expect(values == [3: 8, 4: 8])
    #expect(cache[3] == 8)
    #expect(ContinuousClock.now - began < Self.most)
  }

  @Test(arguments: Backend.allCases) func whatIsRemovedMeanwhileIsNotStored(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    for sharesLoads in [true, false] {
      let cache: Cache<Int, Int> = try place.cache(
        name: "\(sharesLoads)", options: CacheOptions(singleFlight: sharesLoads))
      for remove in [{ _ = try cache.remove(1) }, { try cache.removeAll() }] {
        let value = try cache.value(for: 1) { _ in
          try remove()
          return 1
        }
        #expect(value == 1)
        #expect(try !cache.contains(1))
        let values = try cache.values(for: [1, 2]) { keys in
          try remove()
          return [1: 1, 3: 3]
        }
        #expect(values == [1: 1])
        #expect(try !cache.contains(1))
      }
    }
  }

  @Test(arguments: Backend.allCases) func theMissingOnesAreComputedInOneCall(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache()
    try cache.set(2, to: 20)
    var asked: [[Int]] = []
    let values = cache.values(for: [3, 2, 1, 3]) { keys in
      asked.append(keys)
      return [1: 10, 3: 30, 2: 0]
    }
    #expect(values == [1: 10, 2: 20, 3: 30])
    #expect(asked == [[3, 1]])
    #expect(try cache.getMany([1, 2, 3]) == [10, 20, 30])
    #expect(throws: Trouble.self) { try cache.values(for: [4]) { (_) throws(Trouble) in throw Trouble() } }
    let statistics = try cache.statistics()
    #expect(statistics.loads == 2 && statistics.loadFailures == 1)
    // Nobody is left waiting for the one that failed.
    #expect(cache.value(for: 4) { _ in 40 } == 40)
  }

  /// What another handle, as another process has, sets or removes while this one refreshes.
  @Test func aRefreshHeedsOtherProcesses() throws {
    let place = try TestPlace(.shared)
    let other: Cache<Int, Int> = try place.cache(name: "f")
    let action = Mark()
    let function = try cached(
      "f", in: .shared, options: place.options(CacheOptions(namespace: "WarpTestSupport"))
    ) { (_: Int) -> Int in
      switch action.number {
      case 1: _ = try? other.set(7, to: 2)
      case 2: _ = try? other.remove(7)
      default: break
      }
      return 1
    }
    action.set(1)
    #expect(function.refresh(7) == 1)
    #expect(try function.peek(7) == 2)
    action.set(2)
    #expect(function.refresh(7) == 1)
    #expect(try function.peek(7) == nil)
    action.set(0)
    #expect(function.refresh(7) == 1)
    #expect(try function.peek(7) == 1)
  }

  @Test func aComputationThatTakesLongerThanOthersWaitIsStored() throws {
    let folder = try TestFolder()
    let cache: Cache<Int, Int> = try shared(folder, loadWait: .milliseconds(100))
    let errors = TestThreads.run(2) { index in
      if index == 1 { System.sleep(20_000_000) }
      _ = cache.value(for: 1) { _ in
        System.sleep(300_000_000)
        return 1
      }
    }
    #expect(errors.isEmpty)
    #expect(cache[1] == 1)
  }

  @Test func whoMissesGetsNoExpiredValueOfAFailedRefresh() throws {
    let place = try TestPlace(.memory)
    let cache: Cache<Int, Int> = try place.cache(
      options: CacheOptions(freshFor: .seconds(10), staleFor: .seconds(20)))
    try cache.set(1, to: 1)
    place.clock.advance(.seconds(29))
    let (began, got) = (Mark(), Mark())
    let errors = TestThreads.run(2) { index in
      if index == 0 {
        let stale = try cache.value(for: 1) { (_) throws(Trouble) -> Int in
          place.clock.advance(.seconds(2))
          began.set(1)
          System.sleep(50_000_000)
          throw Trouble()
        }
        #expect(stale == 1)
      } else {
        began.wait(for: 1)
        got.set(cache.value(for: 1) { _ in 99 })
      }
    }
    #expect(errors.isEmpty)
    #expect(got.number == 99)
  }

  @Test(arguments: Backend.allCases) func aRefreshIsStoredThoughTheStaleValueExpired(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(
      options: CacheOptions(freshFor: .seconds(10), staleFor: .seconds(1)))
    try cache.set(1, to: 1)
    place.clock.advance(.milliseconds(10_500))
    let value = cache.value(for: 1) { _ in
      place.clock.advance(.seconds(2))
      return 2
    }
    #expect(value == 2)
    #expect(cache[1] == 2)
  }

  @Test func bytesThatAreNoValueAreAMissAndOverwritten() throws {
    let place = try TestPlace(.shared)
    let cache: Cache<Int, Int> = try place.cache()
    let store = try #require(cache.store)
    let key = try Codec<Int>.codable.encode(1, mode: .key)
    let writers: [(Int) throws -> Void] = [
      { value in _ = cache.value(for: 1) { _ in value } },
      { value in _ = cache.values(for: [1]) { _ in [1: value] } },
      { value in try cache.add(1, value) }, { value in try cache.set(1, to: value) },
      { value in try cache.update(1) { $0 = $0 == nil ? value : 0 } },
    ]
    for (number, write) in writers.enumerated() {
      try store.set(key, to: [255, 255, 255])
      try write(number)
      #expect(cache[1] == number)
    }
    #expect(try cache.statistics().decodeFailures == 2)
  }

  @Test(arguments: Backend.allCases) func anIncrementKeepsTheEndOfACount(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Int, Int> = try place.cache(timeToLive: .seconds(10))
    try cache.increment(1)
    place.clock.advance(.seconds(6))
    #expect(try cache.increment(1) == 2)
    place.clock.advance(.seconds(6))
    #expect(try cache.increment(1) == 1)
  }

  /// In a shared place keys are what their bytes are, also while they are computed.
  @Test func twoSpellingsOfAKeyAreTwoComputations() throws {
    let folder = try TestFolder()
    let cache: Cache<String, Int> = try shared(folder)
    let (began, got) = (Mark(), Mark())
    let errors = TestThreads.run(2) { index in
      if index == 0 {
        _ = cache.value(for: "caf\u{e9}") { key in
          began.set(1)
          got.wait(for: 1)
          return key.utf8.count
        }
      } else {
        began.wait(for: 1)
        got.set(cache.value(for: "cafe\u{301}") { key in key.utf8.count })
      }
    }
    #expect(errors.isEmpty)
    #expect(got.number == 6)
    #expect(try cache.getMany(["caf\u{e9}", "cafe\u{301}"]) == [5, 6])
  }

  /// NaN is not equal to itself: a key like others in a shared place, in memory one that is never found.
  @Test(arguments: Backend.allCases) func computationsOfNaNLeaveNothingBehind(_ backend: Backend) throws {
    let place = try TestPlace(backend)
    let cache: Cache<Double, Int> = try place.cache(capacity: 10, options: CacheOptions(loadWait: Self.patience))
    var runs = 0
    let began = ContinuousClock.now
    for _ in 0..<2000 {
      _ = cache.value(for: .nan) { _ in
        runs += 1
        return 1
      }
    }
    #expect(runs == (backend == .shared ? 1 : 2000))
    #expect(ContinuousClock.now - began < Self.most)
  }

  /// A listener waits for a lock whose holder removes the key that is being stored: neither waits for ever.
  @Test func aListenerAndARemoverDoNotWaitForEachOther() throws {
    let lock = Mutex(0)
    let (inListener, computing) = (Mark(), Mark())
    let cache = try Cache<Int, Int>(
      "",
      in: .memory(onDeparture: { key, _, _ in
        guard key == 1 else { return }
        inListener.set(1)
        lock.withLock { $0 += 1 }
      }), capacity: 1, options: CacheOptions(loadWait: .milliseconds(100)))
    cache[1] = 1
    let errors = TestThreads.run(2) { index in
      if index == 0 {
        _ = cache.value(for: 2) { _ in
          computing.set(1)
          System.sleep(30_000_000)
          return 2
        }
      } else {
        computing.wait(for: 1)
        lock.withLock { _ in
          inListener.wait(for: 1)
          _ = try? cache.remove(2)
        }
      }
    }
    #expect(errors.isEmpty)
  }

  /// What a batch stores pushes another entry out, and the listener is at a key of the same batch.
  @Test(arguments: [2, 3]) func aListenerUsesAKeyOfTheBatchThatIsBeingStored(_ key: Int) throws {
    for removes in [true, false] {
      let box = Mutex<Cache<Int, Int>?>(nil)
      let calls = Atomic<Int>(0)
      let cache = try Cache<Int, Int>(
        "",
        in: .memory(onDeparture: { gone, _, _ in
          guard gone == 1, let cache = box.withLock({ $0 }) else { return }
          calls.add(1, ordering: .relaxed)
          if removes { _ = try? cache.remove(key) } else { _ = cache.value(for: key) { _ in 9 } }
        }), capacity: 2, options: CacheOptions(loadWait: Self.patience))
      box.withLock { $0 = cache }
      defer { box.withLock { $0 = nil } }
      cache[1] = 1
      cache[0] = 0
      let began = ContinuousClock.now
      #expect(cache.values(for: [2, 3]) { _ in [2: 4, 3: 6] } == [2: 4, 3: 6])
      #expect(calls.load(ordering: .relaxed) == 1)
      // Else it waits for itself as long as it may.
      #expect(ContinuousClock.now - began < Self.most)
    }
  }

  @Test func eightThreadsOneRun() throws {
    for backend in Backend.allCases {
      let folder = try TestFolder()
      let cache: Cache<Int, Int> = try Cache(
        "eight", in: .backend(backend), options: CacheOptions(loadWait: Self.patience, directory: folder.path))
      let runs = Mark()
      let sum = Mark()
      let errors = TestThreads.run(8) { _ in
        let value = cache.value(for: 1) { _ in
          runs.add()
          System.sleep(100_000_000)
          return 42
        }
        if value == 42 { sum.add() }
      }
      #expect(errors.isEmpty)
      #expect(runs.number == 1 && sum.number == 8)
    }
  }

  /// The pool has a thread for each processor, far fewer than 64.
  @Test(arguments: Backend.allCases) func waitingTasksBlockNoThread(_ backend: Backend) async throws {
    let folder = try TestFolder()
    let cache: Cache<Int, Int> = try Cache(
      "waiting", in: .backend(backend), options: CacheOptions(loadWait: Self.patience, directory: folder.path))
    let (gate, opener) = AsyncStream.makeStream(of: Void.self)
    let runs = Mark()
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<64 {
        group.addTask {
          await cache.value(for: 1) { (_) async -> Int in
            runs.add()
            for await _ in gate { break }
            return 1
          }
        }
      }
      while try cache.statistics().waits < 63 { await Task.yield() }
      // Other tasks go on, and other keys are computed.
      for key in 2..<100 {
        let value = await Task { await cache.value(for: key) { (key) async -> Int in key } }.value
        #expect(value == key)
      }
      // For all, should more than one wait: that is a wrong count, and no hang.
      opener.finish()
      for try await value in group { #expect(value == 1) }
    }
    #expect(runs.number == 1)
  }
}
