// SPDX-License-Identifier: Apache-2.0
// Leases between handles of one store: who leads, who waits, what ends a claim, and what becomes of a result whose claim was
// lost. Handles of one process exclude each other as those of several do; deaths by signal are in warp-torture.

import Synchronization
import Testing
import WarpTestSupport

@testable import WarpFormat
@testable import WarpKV

extension LeaseOutcome {
  var lease: Lease? { if case .lead(let lease) = self { lease } else { nil } }
  var watch: LeaseWatch? { if case .wait(let watch) = self { watch } else { nil } }
  /// A letter.
  var kind: String {
    switch self {
    case .lead: "lead"
    case .wait: "wait"
    case .found: "found"
    case .none: "none"
    }
  }
}

extension Lease {
  func store(_ value: [UInt8], lifetime: Lifetime = Lifetime()) throws -> SetResult {
    try value.withUnsafeBytes { try store($0, lifetime: lifetime) }
  }
}

extension LeaseWatch {
  /// How it stands, without a wait.
  var now: LeaseWatchEnd { waitSync(limit: 0) }
}

@Suite struct LeaseTests {
  private static let second: Int64 = 1_000_000_000
  /// Longer than any test takes, where the kernel's clock is what counts.
  private static let patience: Int64 = 600 * second
  private static let key: [UInt8] = [1]

  /// Runs `body` with two handles of one store.
  private func withHandles(
    _ shape: StoreConfiguration = .init(capacity: 64, maxKeySize: 16, maxValueSize: 32),
    _ body: (SharedStore, SharedStore, TestWorld) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let world = TestWorld()
      let files = StoreFiles(path: directory + "/a.warp")
      let first = try SharedStore.open(files, shape, world.environment)
      let second = try SharedStore.open(files, shape, world.environment)
      try body(first, second, world)
      first.close()
      second.close()
      #expect(try Verifier(path: files.data).findings() == [])
    }
  }

  private func lead(
    _ store: SharedStore, _ key: [UInt8] = key, limit: Int64 = second, over revision: UInt64? = nil
  ) throws -> Lease {
    try #require(store.lease(key, limit: limit, over: revision).lease)
  }

  private func wait(_ store: SharedStore, _ key: [UInt8] = key, limit: Int64 = second) throws -> LeaseWatch {
    try #require(store.lease(key, limit: limit).watch)
  }

  /// Which cells of the shard are claimed.
  private func bits(_ store: SharedStore, shard: Int = 0) -> UInt64 {
    let file = store.attachment
    let line = file.lockGeometry.linesOffset + shard * LockLineFields.structure.size
    return file.lock.load64(line + LockLineFields.leases.offset)
  }

  @Test func oneLeadsAndTheOthersWait() throws {
    try withHandles { first, second, _ in
      let lease = try lead(first)
      let watches = [try wait(first), try wait(second)]
      #expect(watches.map(\.now) == [.timedOut, .timedOut])
      #expect(bits(first) == 1)
      #expect(second.lease([2], limit: Self.second).kind == "lead")
      #expect(try lease.store([7]) == .stored)
      #expect(watches.map(\.now) == [.again, .again])
      #expect(try second.get(Self.key) == [7])
      #expect(second.lease(Self.key, limit: Self.second).kind == "found")
      #expect(bits(first) == 0)
      #expect(try lease.store([8]) == .refused)
      #expect(try second.get(Self.key) == [7])
    }
  }

  @Test func ofAFailureOneOfTheOthersComputesIt() throws {
    try withHandles { first, second, _ in
      let lease = try lead(first)
      let watch = try wait(second)
      lease.fail()
      #expect(watch.now == .again)
      let next = try lead(second)
      // What is said of an ended lease is nothing to the one that followed.
      lease.endUnstorable()
      #expect(try wait(first).now == .timedOut && watch.now == .again)
      #expect(try lease.store([1]) == .refused)
      #expect(try next.store([2]) == .stored)
      #expect(try first.get(Self.key) == [2])
    }
  }

  /// A function that returned early, or threw, does not keep the others waiting.
  @Test func aForgottenLeaseHasFailed() throws {
    try withHandles { first, second, _ in
      var lease: Lease? = try lead(first)
      let watch = try wait(second)
      #expect(lease != nil && watch.now == .timedOut)
      lease = nil
      #expect(watch.now == .again && bits(first) == 0)
    }
  }

  @Test func whatCanNotBeStoredIsComputedByAll() throws {
    try withHandles { first, second, _ in
      var lease = try lead(first)
      var watch = try wait(second)
      lease.endUnstorable()
      #expect(watch.now == .unstorable)
      // A claim later it is forgotten.
      lease = try lead(first)
      #expect(watch.now == .again)
      watch = try wait(second)
      #expect(try lease.store([UInt8](repeating: 1, count: 33)) == .skipped)
      #expect(watch.now == .unstorable && bits(first) == 0)
    }
  }

  @Test func noRoomForTheValue() throws {
    let full = StoreConfiguration(capacity: 2, maxKeySize: 16, maxValueSize: 32, shards: 1, eviction: .none)
    try withHandles(full) { first, second, _ in
      try first.set([8], to: [8])
      try first.set([9], to: [9])
      let lease = try lead(first)
      let watch = try wait(second)
      expectCode(.full) { _ = try lease.store([1]) }
      #expect(watch.now == .unstorable && bits(first) == 0)
      // A set that fails leaves the old value, and so the computation of a new one.
      let next = try lead(first)
      expectCode(.full) { try second.set(Self.key, to: [2]) }
      #expect(try wait(second).now == .timedOut)
      try second.remove([8])
      #expect(try next.store([3]) == .stored)
    }
  }

  /// Every write of the key by anybody, also one that finds nothing to do. WKV-O16.
  @Test func aWriteCancelsTheComputation() throws {
    let key = Self.key
    let number: [UInt8] = [0x10, 5, 0, 0, 0, 0, 0, 0, 0]
    let writes: [(String, [UInt8]?, (SharedStore) throws -> Void)] = [
      ("set", [9], { try $0.set(key, to: [9]) }),
      ("skipped", nil, { try $0.set(key, to: [UInt8](repeating: 1, count: 33)) }),
      ("remove", nil, { try $0.remove(key) }),
      ("removeAll", nil, { try $0.removeAll() }),
      ("touch", number, { try $0.touch(key) }),
      ("take", nil, { _ = try $0.take(key) }),
      ("increment", [0x10, 6, 0, 0, 0, 0, 0, 0, 0], { try $0.increment(key) }),
      ("update", [4], { try $0.update(key) { $0 = [4] } }),
      ("update to nil", nil, { try $0.update(key) { $0 = nil } }),
      ("replace", [3], { try $0.replace(key, with: [3], ifRevision: $0.entry(for: key)?.revision ?? 0) }),
    ]
    for (name, left, write) in writes {
      for writer in 0..<2 {
        try withHandles { first, second, _ in
          try first.set(key, to: number)
          // A lease for a stale entry, so that there is something to write over.
          let revision = try first.entry(for: key)?.revision
          let lease = try lead(first, over: revision)
          let watch = try #require(second.lease(key, limit: 1, over: revision).watch)
          try write([first, second][writer])
          #expect(watch.now == .again && bits(first) == 0, "\(name)")
          #expect(try lease.store([77]) == .refused, "\(name)")
          #expect(try second.get(key) == left, "\(name)")
        }
      }
    }
    try withHandles { first, second, _ in
      var lease = try lead(first)
      #expect(try second.remove(key) == false)
      #expect(try lease.store([1]) == .refused)
      lease = try lead(first)
      #expect(try second.add(key, value: [2]))
      #expect(try lease.store([1]) == .refused)
      lease = try lead(first, [5])
      // Another key is another matter.
      try second.set(key, to: [3])
      #expect(try lease.store([5]) == .stored)
    }
  }

  /// The claim after a cancelled one is another claim, though handle, key and cell are the same. WKV-O15.
  @Test func aCancelledResultIsNotStoredUnderTheNextClaim() throws {
    try withHandles { first, second, _ in
      let cancelled = try lead(first)
      try second.remove(Self.key)
      let next = try lead(first)
      #expect(try cancelled.store([1]) == .refused)
      #expect(try first.get(Self.key) == nil)
      #expect(try wait(second).now == .timedOut)
      #expect(try next.store([2]) == .stored)
    }
  }

  @Test func anEvictionCancelsNothing() throws {
    try withHandles(.init(capacity: 4, maxKeySize: 16, maxValueSize: 32, shards: 1)) { first, second, _ in
      // A get would mark it visited.
      let revision = try Self.key.withUnsafeBytes { try first.store($0, $0, lifetime: Lifetime()).revision }
      let lease = try lead(first, over: revision)
      for number in 10..<30 { try second.set([UInt8(number)], to: [0]) }
      #expect(try first.get(Self.key) == nil)
      #expect(try lease.store([2]) == .stored)
    }
  }

  @Test func aStaleEntryIsComputedByOne() throws {
    try withHandles { first, second, world in
      try first.set(Self.key, to: [1], timeToLive: .seconds(60), freshFor: .seconds(1))
      world.advance(nanoseconds: 2_000_000_000)
      let stale = try #require(try first.entry(for: Self.key))
      #expect(stale.isStale)
      #expect(second.lease(Self.key, limit: Self.second).kind == "found")
      let lease = try lead(first, over: stale.revision)
      #expect(second.lease(Self.key, limit: Self.second, over: stale.revision).kind == "wait")
      #expect(try lease.store([2], lifetime: Lifetime(whole: 0)) == .replaced)
      // Who saw the stale entry before it was replaced finds another one.
      #expect(second.lease(Self.key, limit: Self.second, over: stale.revision).kind == "found")
    }
  }

  /// WKV-O17.
  @Test func aLateHolderIsReplacedAndNotBefore() throws {
    try withHandles { first, second, world in
      let late = try lead(first)
      let watch = try wait(second)
      world.advance(nanoseconds: Self.second - 1)
      #expect(watch.now == .timedOut)
      #expect(second.lease(Self.key, limit: Self.second).kind == "wait")
      world.advance(nanoseconds: 1)
      #expect(watch.now == .again)
      let next = try lead(second)
      #expect(try late.store([1]) == .refused)
      #expect(try first.get(Self.key) == nil)
      #expect(try next.store([2]) == .stored)
      // One that is late without anybody having taken over stores its result.
      let other = try lead(first, [2])
      world.advance(nanoseconds: 5 * Self.second)
      #expect(try other.store([2]) == .stored)
    }
  }

  @Test func aHolderThatIsGoneIsReplacedAtOnce() throws {
    try withHandles { first, second, _ in
      let lost = try lead(first)
      let watch = try wait(second)
      first.close()
      let began = System.bootTime()
      #expect(watch.waitSync(limit: Self.patience) == .again)
      #expect(System.bootTime() - began < 10 * Self.second)
      #expect(second.lease(Self.key, limit: Self.second).kind == "lead")
      expectCode(.closed) { _ = try lost.store([1]) }
      #expect(first.lease(Self.key, limit: Self.second).kind == "none")
    }
  }

  @Test func thereAre64CellsAShard() throws {
    try withHandles(.init(capacity: 100, maxKeySize: 16, maxValueSize: 32, shards: 2)) { first, second, world in
      var leases: [[UInt8]: Lease] = [:]
      var number: UInt8 = 0
      while leases.count < Format.leaseCells {
        number += 1
        if first.shard(of: [number]) == 0 { leases[[number]] = try lead(first, [number]) }
      }
      var more = number
      repeat { more += 1 } while first.shard(of: [more]) != 0
      #expect(bits(first) == .max && second.lease([more], limit: Self.second).kind == "none")
      #expect(second.lease([number], limit: Self.second).kind == "wait")
      leases[[number]]?.fail()
      #expect(second.lease([more], limit: Self.second).kind == "lead")
      // That one is forgotten here, and so is over.
      let held = try lead(second, [more])
      #expect(first.lease([number], limit: Self.second).kind == "none")
      first.close()
      #expect(second.lease([number], limit: Self.second).kind == "lead")
      #expect(bits(second).nonzeroBitCount == 1)
      #expect(try held.store([1]) == .stored)
      try second.set([number], to: [1])
      #expect(bits(second) == 0)
    }
  }

  @Test func whoCanHaveNoLease() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 8, maxKeySize: 4))
      #expect(store.lease(Self.key, limit: 0).kind == "none")
      #expect(store.lease([1, 2, 3, 4, 5], limit: Self.second).kind == "none")
      let reader = try SharedStore.open(path: path, .init(access: .readOnly))
      #expect(reader.lease(Self.key, limit: Self.second).kind == "none")
      store.close()
      #expect(store.lease(Self.key, limit: Self.second).kind == "none")
    }
  }

  /// Leases are of the files in which they were taken.
  @Test func aReplacementVoidsThem() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      func open(_ capacity: Int) throws -> SharedStore {
        try SharedStore.open(path: path, .init(capacity: capacity, maxKeySize: 16))
      }
      let first = try open(8)
      let second = try open(8)
      let lease = try lead(first, limit: Self.patience)
      let watch = try wait(second, limit: Self.patience)
      let third = try open(16)
      #expect(watch.now == .again)
      let next = try lead(second, limit: Self.patience)
      #expect(second.capacity == 16)
      #expect(try lease.store([1]) == .refused)
      #expect(try wait(third, limit: Self.patience).now == .timedOut)
      #expect(try next.store([2]) == .stored)
      #expect(try first.get(Self.key) == [2])
    }
  }

  @Test func threadsOfManyHandlesComputeOnce() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let stores = try (0..<4).map { _ in
        try SharedStore.open(path: path, .init(capacity: 512, writerWait: .seconds(30)))
      }
      let rounds = 20
      let runs = Atomic<Int>(0)
      let errors = TestThreads.run(16) { thread in
        let store = stores[thread % 4]
        for round in 0..<rounds {
          let key = [UInt8(round)]
          var value: [UInt8]?
          while value == nil {
            value = try store.get(key)
            if value != nil { break }
            switch store.lease(key, limit: Self.patience) {
            case .lead(let lease):
              runs.add(1, ordering: .relaxed)
              System.sleep(1_000_000)
              value = key
              let result = try lease.store(key)
              guard result == .stored else { throw WarpError(.busy, "the lease was lost: \(result)") }
            case .wait(let watch):
              guard watch.waitSync(limit: Self.patience) == .again else {
                throw WarpError(.busy, "waits too long")
              }
            case .found: break
            case .none: throw WarpError(.busy, "no lease")
            }
          }
          guard value == key else { throw WarpError(.busy, "another's value") }
        }
      }
      #expect(errors.isEmpty, "\(errors.first.map { "\($0)" } ?? "")")
      #expect(runs.load(ordering: .relaxed) == rounds)
    }
  }

  /// SPEC.md, Z3: by the word that they sleep on, in their first slice of sleep and in the second. One that only looked again at
  /// the end of its slice would be 40 ms late each time.
  @Test(arguments: [5_000_000, Format.leaseSlice + 5_000_000]) func waitersAreWokenAtOnce(_ sleep: Int64) throws {
    try withHandles { first, second, _ in
      var lateness: [Int64] = []
      // A round counts if the end came when it should: later ones are near the end of a slice.
      for _ in 0..<200 where lateness.count < 5 {
        let lease = try lead(first)
        let watch = try wait(second)
        let began = Atomic<Int64>(0)
        let ended = Atomic<Int64>(0)
        let late = Atomic<Int64>(0)
        let errors = TestThreads.run(2) { thread in
          if thread == 0 {
            began.store(System.bootTime(), ordering: .relaxed)
            let end = watch.waitSync(limit: Self.patience)
            late.store(System.bootTime() - ended.load(ordering: .relaxed), ordering: .relaxed)
            guard end == .again else { throw WarpError(.busy, "\(end)") }
          } else {
            System.sleep(sleep)
            ended.store(System.bootTime(), ordering: .relaxed)
            lease.fail()
          }
        }
        #expect(errors.isEmpty)
        let waited = ended.load(ordering: .relaxed) - began.load(ordering: .relaxed)
        if abs(waited - sleep) < 10_000_000 { lateness.append(late.load(ordering: .relaxed)) }
      }
      #expect(lateness.min() ?? .max < 20_000_000, "\(lateness)")
    }
  }

  // MARK: Waiting in tasks

  /// A clock that counts what is slept, and does something at a time.
  private final class Sleeps: Sendable {
    let time = Atomic<UInt64>(0)
    let count = Atomic<Int>(0)

    func clock(at moment: UInt64 = .max, _ body: @escaping @Sendable () -> Void = {}) -> CacheClock {
      CacheClock(
        now: { self.time.load(ordering: .relaxed) },
        sleep: { duration in
          try Task.checkCancellation()
          let nanoseconds = UInt64(duration.attoseconds / 1_000_000_000)
          let now = self.time.add(nanoseconds, ordering: .relaxed).newValue
          self.count.add(1, ordering: .relaxed)
          if now >= moment { body() }
        })
    }
  }

  @Test func aTaskWaits() async throws {
    let world = TestWorld()
    // Files without a name are a store like any other for who has them open.
    let store = try withTemporaryDirectory { directory in
      try SharedStore.open(StoreFiles(path: directory + "/a.warp"), .init(), world.environment)
    }
    let lease = try lead(store)
    let watch = try wait(store)
    var sleeps = Sleeps()
    #expect(try await watch.wait(limit: 10_500_000, clock: sleeps.clock()) == .timedOut)
    // 1, 2, 4 and what is left.
    #expect(sleeps.time.load(ordering: .relaxed) == 10_500_000 && sleeps.count.load(ordering: .relaxed) == 4)
    sleeps = Sleeps()
    let task = Task { [sleeps] in try await watch.wait(limit: .max, clock: sleeps.clock()) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    sleeps = Sleeps()
    let clock = sleeps.clock(at: 100_000_000) { lease.endUnstorable() }
    #expect(try await watch.wait(limit: 60 * Self.second, clock: clock) == .unstorable)
    #expect(sleeps.time.load(ordering: .relaxed) < 121_000_000)
    store.close()
  }

  /// The kernel and the clock of a test have nothing to do with each other: asking for life goes by the clock's sleeps.
  @Test func aTaskSeesThatTheHolderIsGone() async throws {
    let (holder, other) = try withTemporaryDirectory { directory in
      (try SharedStore.open(path: directory + "/a.warp"), try SharedStore.open(path: directory + "/a.warp"))
    }
    let lease = try lead(holder, limit: Self.patience)
    let watch = try wait(other, limit: Self.patience)
    let sleeps = Sleeps()
    let clock = sleeps.clock(at: 30_000_000) { holder.close() }
    #expect(try await watch.wait(limit: 60 * Self.second, clock: clock) == .again)
    #expect(sleeps.time.load(ordering: .relaxed) < 120_000_000)
    withExtendedLifetime(lease) {}
    other.close()
  }
}
