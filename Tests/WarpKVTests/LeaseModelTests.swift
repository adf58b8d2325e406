// SPDX-License-Identifier: Apache-2.0
// Leases against a model that knows who holds what, and in lock files whose cells hold anything (WKV-O14 to WKV-O17).

import Testing
import WarpTestSupport

@testable import WarpFormat
@testable import WarpKV

@Suite struct LeaseModelTests {
  /// A claim as the model knows it.
  private struct Claim: Equatable {
    let id: Int
    let handle: Int
    let deadline: Int64
  }

  /// A watch, and how its claim ended; nil: it has not.
  private struct Watched {
    let watch: LeaseWatch
    let watcher: Int
    let claim: Claim
    let key: UInt8
    var end: LeaseWatchEnd?
    /// Claims made since it ended: one of them may have the same cell.
    var isLater = false
  }

  private final class Model {
    static let limit: Int64 = 1_000_000
    static let shape = StoreConfiguration(capacity: 256, maxKeySize: 8, maxValueSize: 16, shards: 2)

    let files: StoreFiles
    let world = TestWorld()
    var stores: [SharedStore]
    var values: [UInt8: [UInt8]] = [:]
    var claims: [UInt8: Claim] = [:]
    var held: [(lease: Lease, key: UInt8, claim: Claim)] = []
    var watches: [Watched] = []
    var nextID = 0
    var random: SeededGenerator

    init(_ directory: String, seed: UInt64) throws {
      files = StoreFiles(path: directory + "/a.warp")
      random = SeededGenerator(seed: seed)
      stores = []
      for _ in 0..<3 { stores.append(try SharedStore.open(files, Model.shape, world.environment)) }
    }

    func end(_ key: UInt8, _ end: LeaseWatchEnd) {
      guard let claim = claims.removeValue(forKey: key) else { return }
      for index in watches.indices where watches[index].claim == claim { watches[index].end = end }
    }

    func step() throws {
      let key = UInt8(random.below(6))
      let handle = random.below(stores.count)
      switch random.below(20) {
      case 0..<7: try lease(key, handle)
      case 7..<12: try finish()
      case 12, 13:
        let value = [UInt8(random.below(256))]
        try stores[handle].set([key], to: value)
        values[key] = value
        end(key, .again)
      case 14, 15:
        #expect(try stores[handle].remove([key]) == (values.removeValue(forKey: key) != nil))
        end(key, .again)
      case 16 where random.below(10) == 0:
        try stores[handle].removeAll()
        values = [:]
        for key in claims.keys { end(key, .again) }
      case 17: world.advance(nanoseconds: Int64(random.below(Int(Model.limit))))
      case 18 where random.below(4) == 0: try reopen(handle)
      default: check()
      }
    }

    func lease(_ key: UInt8, _ handle: Int) throws {
      let outcome = stores[handle].lease([key], limit: Model.limit)
      guard values[key] == nil else {
        #expect(outcome.kind == "found")
        return
      }
      if let claim = claims[key], world.time < claim.deadline {
        let watch = try #require(outcome.watch)
        watches.append(Watched(watch: watch, watcher: handle, claim: claim, key: key))
        return
      }
      end(key, .again)
      for index in watches.indices where watches[index].end != nil { watches[index].isLater = true }
      let lease = try #require(outcome.lease)
      nextID += 1
      let claim = Claim(id: nextID, handle: handle, deadline: world.time + Model.limit)
      claims[key] = claim
      held.append((lease, key, claim))
    }

    /// Ends some lease, held or lost, in some way.
    func finish() throws {
      guard !held.isEmpty else { return }
      let (lease, key, claim) = held.remove(at: random.below(held.count))
      let isHeld = claims[key] == claim
      switch random.below(5) {
      case 0:
        lease.fail()
        if isHeld { end(key, .again) }
      case 1:
        lease.endUnstorable()
        if isHeld { end(key, .unstorable) }
      case 2:
        #expect(try lease.store([UInt8](repeating: 0, count: 17)) == (isHeld ? .skipped : .refused))
        if isHeld { end(key, .unstorable) }
      default:
        let value = [key, UInt8(truncatingIfNeeded: claim.id)]
        #expect(try lease.store(value) == (isHeld ? .stored : .refused))
        if isHeld {
          values[key] = value
          end(key, .again)
        }
      }
    }

    /// The handle goes away with all that it held, and another takes its place, and perhaps its registry entry.
    func reopen(_ handle: Int) throws {
      stores[handle].close()
      held.removeAll { $0.claim.handle == handle }
      // Those who wait for it see it when they ask, which takes time; the model forgets them. Its own look again.
      for watched in watches where watched.watcher == handle { #expect(watched.watch.now != .timedOut) }
      watches.removeAll { $0.claim.handle == handle || $0.watcher == handle }
      claims = claims.filter { $0.value.handle != handle }
      stores[handle] = try SharedStore.open(files, Model.shape, world.environment)
    }

    func check() {
      for watched in watches {
        let expected: [LeaseWatchEnd] =
          switch watched.end {
          case nil: world.time < watched.claim.deadline ? [.timedOut] : [.again]
          case .unstorable where watched.isLater: [.unstorable, .again]
          case .some(let end): [end]
          }
        let end = watched.watch.now
        #expect(expected.contains(end), "key \(watched.key), claim \(watched.claim.id): \(end), not \(expected)")
      }
      watches.removeAll { $0.end != nil }
      for key in UInt8(0)..<6 { #expect((try? stores[0].get([key])) == values[key]) }
    }
  }

  @Test func leasesAreThoseOfTheModel() throws {
    let seed = TestPlan.seed(20_261)
    for round in 0..<(TestPlan.isDeep ? 200 : 10) {
      try withTemporaryDirectory { directory in
        let model = try Model(directory, seed: seed &+ UInt64(round))
        for step in 0..<400 {
          let issues = Result { try model.step() }
          #expect(throws: Never.self, "seed \(seed), round \(round), step \(step)") { try issues.get() }
          // Whatever the others think of it, the files are sound at every moment.
          if step % 40 == 0 { #expect(try Verifier(path: model.files.data).findings() == [], "seed \(seed)") }
        }
        model.check()
        for store in model.stores { store.close() }
      }
    }
  }

  // MARK: Deaths between two stores, and hostile cells

  private func withStore(_ body: (SharedStore, Window, _ bits: Int, _ cell: Int) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp", .init(capacity: 16, maxKeySize: 8, shards: 1))
      let file = store.attachment
      try body(
        store, file.lock, file.lockGeometry.linesOffset + LockLineFields.leases.offset,
        file.lockGeometry.leasesOffset)
      store.close()
    }
  }

  /// What is in the file at each moment of a claim and of an end is free, or claimed; and the next claim puts it in order.
  @Test func aDeathBetweenTwoStores() throws {
    typealias F = LeaseFields
    let patience: Int64 = 600_000_000_000
    try withStore { store, lock, bits, cell in
      // In Y4: its bit is set, or not yet, and nobody owns the cell.
      lock.store32(cell + F.claim.offset, 5)
      for marked in [UInt64(0), 1] {
        lock.store64(bits, marked)
        let lease = try #require(store.lease([1], limit: patience).lease)
        #expect(lock.load64(bits) == 1)
        // In the end, between Z1 and Z2: nobody is told, and who waits asks.
        let watch = try #require(store.lease([1], limit: patience).watch)
        let owner = lock.load64(cell + F.owner.offset)
        lock.store64(cell + F.owner.offset, 0)
        let began = System.bootTime()
        #expect(watch.waitSync(limit: patience) == .again)
        #expect(System.bootTime() - began < patience / 2 && owner != 0)
        #expect(try lease.store([1]) == .refused)
        // Between Z2 and Z3: only the bit is left, and the next to look clears it.
        #expect(lock.load64(bits) == 1)
        try store.set([1], to: [1])
        #expect(lock.load64(bits) == 0)
        try store.remove([1])
      }
    }
  }

  /// Anything in the cells: no trap, no wait beyond the limit, and a set still is a set.
  @Test func anythingInTheCells() throws {
    let seed = TestPlan.seed(7_117)
    var random = SeededGenerator(seed: seed)
    try withStore { store, lock, bits, cell in
      let own = try #require(store.attachment.registration).owner
      let hash = ([1] as [UInt8]).withUnsafeBytes { store.attachment.hash($0) }
      for round in 0..<200 {
        for index in 0..<Format.leaseCells {
          let at = cell + index * LeaseFields.structure.size
          lock.store64(at, random.below(3) == 0 ? hash : random.next())
          lock.store64(at + 8, [0, own, own ^ 1 << 33, random.next()][random.below(4)])
          lock.store64(at + 16, [0, UInt64.max, random.next()][random.below(3)])
          lock.store64(at + 24, random.next() & 0xFFFF_FFFF)
        }
        lock.store64(bits, [UInt64.max, random.next()][random.below(2)])
        switch store.lease([1], limit: 1_000_000) {
        case .wait(let watch):
          let began = System.bootTime()
          _ = watch.waitSync(limit: 1_000_000)
          #expect(System.bootTime() - began < 60_000_000_000, "seed \(seed), round \(round)")
        case .lead(let lease): #expect(try lease.store([2]) == .stored, "seed \(seed), round \(round)")
        case .found, .none: break
        }
        try store.set([1], to: [3])
        #expect(try store.get([1]) == [3])
        try store.remove([1])
      }
    }
  }
}
