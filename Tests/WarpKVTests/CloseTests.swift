// SPDX-License-Identifier: Apache-2.0
// A handle that is closed, dropped, or led to other files while threads are inside its calls. Each call ends with a result
// or with the error that says what happened, no value is wrong, and nothing of the files stays with the process (WKV-R07).

import Synchronization
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

/// What the threads of a test share.
private final class Ground: Sendable {
  static let readers = 4
  static let writers = 2
  static let threads = readers + writers
  static let keys = 8

  let calls = Atomic<Int>(0)
  let isOver = Atomic<Bool>(false)
  private let deadline = System.bootTime() + 60_000_000_000

  var goesOn: Bool { !isOver.load(ordering: .acquiring) && System.bootTime() < deadline }
  func end() { isOver.store(true, ordering: .releasing) }
  /// Waits until the threads have made so many calls in all.
  func waits(calls count: Int) {
    while calls.load(ordering: .relaxed) < count, System.bootTime() < deadline { System.sleep(100_000) }
  }

  static func key(_ index: Int) -> [UInt8] { Array("key \(index)".utf8) }

  /// Every byte of it follows from the key and the version.
  static func value(_ index: Int, _ version: Int) -> [UInt8] {
    TestFiles.bytes(UInt64(version)) + [UInt8](repeating: UInt8(truncatingIfNeeded: index + version), count: 40)
  }

  static func fill(_ store: SharedStore) throws {
    for index in 0..<keys { try store.set(key(index), to: value(index, 1)) }
  }

  /// Reads or writes with `store` until a call throws or the test is over. Keys are there throughout and versions grow,
  /// so a get gives no less than an earlier one of its thread.
  func use(_ store: SharedStore, thread: Int, firstVersion: Int = 2) throws {
    var seen = [Int](repeating: 1, count: Ground.keys)
    var buffer = [UInt8](repeating: 0, count: 64)
    var round = firstVersion
    while goesOn {
      if thread >= Ground.readers {
        for index in stride(from: thread - Ground.readers, to: Ground.keys, by: Ground.writers) {
          try store.set(Ground.key(index), to: Ground.value(index, round))
        }
      } else {
        for index in 0..<Ground.keys {
          let result = try store.get(Ground.key(index), into: &buffer)
          if result == .busy { continue }
          guard case .hit(let size) = result else { throw Surprise("key \(index): \(result)") }
          let version = Int(buffer.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
          guard Array(buffer[..<size]) == Ground.value(index, version), version >= seen[index] else {
            throw Surprise("key \(index): version \(version) after \(seen[index])")
          }
          seen[index] = version
        }
      }
      round += 1
      calls.add(1, ordering: .relaxed)
    }
  }
}

private struct Surprise: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

@Suite struct CloseTests {
  /// Under a sanitizer a thread may be off its core for seconds, with a shard in its hands.
  private static let writerWait = Duration.seconds(30)
  private static let small = StoreConfiguration(
    capacity: 16, maxKeySize: 32, maxValueSize: 64, writerWait: writerWait)
  private static let large = StoreConfiguration(
    capacity: 1024, maxKeySize: 40, maxValueSize: 300, shards: 4, writerWait: writerWait)
  private static let rounds = TestPlan.isDeep ? 100 : 15

  /// Nothing of the files is mapped, and nobody is attached: else a lost lock file could not be made anew at once.
  private func expectGone(_ directory: String, _ path: String) throws {
    if let maps = System.text("/proc/self/maps", limit: 16 << 20) {
      #expect(!maps.contains(directory), "a mapping stayed")
    }
    try System.remove(path + "-lock")
    let store = try SharedStore.open(
      path: path, .init(ifDifferent: .useExisting, writerWait: CloseTests.writerWait))
    #expect(try store.count == Ground.keys)
    store.close()
    #expect(try Verifier(path: path).findings() == [])
    #expect(try TestFiles.names(directory) == ["a.warp", "a.warp-lock"])
  }

  /// Every thread ended because the handle was closed, and for no other reason.
  private func expectClosed(_ errors: [any Error], _ count: Int = Ground.threads) {
    #expect(errors.count == count)
    for error in errors { #expect((error as? WarpError)?.code == .closed, "\(error)") }
  }

  @Test func closeWhileThreadsReadAndWrite() throws {
    for round in 0..<CloseTests.rounds {
      try withTemporaryDirectory { directory in
        let path = directory + "/a.warp"
        let ground = Ground()
        do {
          let store = try SharedStore.open(path: path, CloseTests.small)
          try Ground.fill(store)
          let errors = TestThreads.run(Ground.threads + 1) { thread in
            guard thread == Ground.threads else { return try ground.use(store, thread: thread) }
            ground.waits(calls: 10 * round)
            store.close()
            store.close()
          }
          expectClosed(errors)
          expectCode(.closed) { _ = try store.get("k") }
          expectCode(.closed) { try store.set("k", to: [1]) }
        }
        try expectGone(directory, path)
      }
    }
  }

  /// The threads have the only references, so that one of them ends the handle right after its last call.
  @Test(arguments: [true, false]) func theLastReferenceGoesAway(_ closes: Bool) throws {
    for round in 0..<CloseTests.rounds {
      try withTemporaryDirectory { directory in
        let path = directory + "/a.warp"
        let ground = Ground()
        do {
          let store = try SharedStore.open(path: path, CloseTests.small)
          try Ground.fill(store)
        }
        let slots = TestSlots(count: Ground.threads + 1, of: try SharedStore.open(path: path, CloseTests.small))
        let errors = TestThreads.run(Ground.threads + 1) { thread in
          let store = try #require(slots.take(at: thread))
          guard thread == Ground.threads else { return try ground.use(store, thread: thread) }
          ground.waits(calls: 10 * round)
          if closes { store.close() } else { ground.end() }
        }
        if closes { expectClosed(errors) } else { #expect(errors.isEmpty, "\(errors)") }
        try expectGone(directory, path)
      }
    }
  }

  /// One handle, and one for each thread; the files change all the time.
  @Test(arguments: [true, false]) func replacementWhileThreadsReadAndWrite(_ sharesHandle: Bool) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let ground = Ground()
      do {
        let store = try SharedStore.open(path: path, CloseTests.small)
        try Ground.fill(store)
        let errors = TestThreads.run(Ground.threads + 1) { thread in
          if thread < Ground.threads {
            let own =
              sharesHandle
              ? store
              : try SharedStore.open(
                path: path, .init(ifDifferent: .useExisting, writerWait: CloseTests.writerWait))
            return try ground.use(own, thread: thread)
          }
          defer { ground.end() }
          for round in 0..<2 * CloseTests.rounds {
            ground.waits(calls: ground.calls.load(ordering: .relaxed) + round % 20)
            let next = try SharedStore.open(path: path, round % 2 == 0 ? CloseTests.large : CloseTests.small)
            if round % 3 == 0 { next.close() }
          }
        }
        #expect(errors.isEmpty, "\(errors)")
        #expect(try store.count == Ground.keys)
        #expect(store.capacity == CloseTests.small.capacity)
      }
      try expectGone(directory, path)
    }
  }

  /// The handle is closed while it is being led to other files.
  @Test func closeDuringAReplacement() throws {
    for round in 0..<4 * CloseTests.rounds {
      try withTemporaryDirectory { directory in
        let path = directory + "/a.warp"
        let ground = Ground()
        do {
          let store = try SharedStore.open(path: path, CloseTests.small)
          try Ground.fill(store)
          let errors = TestThreads.run(Ground.threads + 2) { thread in
            if thread < Ground.threads { return try ground.use(store, thread: thread) }
            ground.waits(calls: 20)
            if thread == Ground.threads {
              _ = try SharedStore.open(path: path, CloseTests.large)
            } else {
              // Somewhere between the mark and the last thread's arrival in the new files.
              let old = store.attachment
              for _ in 0..<100_000 where old.isCurrent { System.sleep(1000) }
              System.sleep(Int64(round % 50) * 20_000)
              store.close()
            }
          }
          expectClosed(errors)
        }
        try expectGone(directory, path)
      }
    }
  }

  /// The store is deleted and made anew again and again. Some threads share a handle, some open their own each time.
  @Test func deletionUnderThreads() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let ground = Ground()
      do {
        let store = try SharedStore.open(path: path, CloseTests.small)
        let errors = TestThreads.run(5) { thread in
          if thread == 4 {
            defer { ground.end() }
            for round in 0..<2 * CloseTests.rounds {
              ground.waits(calls: ground.calls.load(ordering: .relaxed) + 4)
              _ = try SharedStore.delete(path: path)
              if round % 2 == 0 { _ = try SharedStore.open(path: path, CloseTests.small) }
            }
            return
          }
          while ground.goesOn {
            let own = thread < 2 ? store : try SharedStore.open(path: path, CloseTests.small)
            do throws(WarpError) {
              for index in 0..<Ground.keys {
                try own.set(Ground.key(index), to: Ground.value(index, 7))
                let found = try own.get(Ground.key(index))
                guard found == nil || found == Ground.value(index, 7) else { break }
                ground.calls.add(1, ordering: .relaxed)
              }
            } catch {
              // There is no store at this moment; whoever opens it makes another.
              guard error.code == .superseded else { throw error }
            }
          }
        }
        #expect(errors.isEmpty, "\(errors)")
        // The name may be free now, or lead to a store in which nothing is left out.
        let last = try SharedStore.open(path: path, CloseTests.small)
        try Ground.fill(last)
        try store.set(Ground.key(0), to: Ground.value(0, 9))
        #expect(try last.get(Ground.key(0)) == Ground.value(0, 9))
      }
      try expectGone(directory, path)
    }
  }

  // MARK: From inside

  @Test func closeFromInsideAnIteration() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      do {
        let store = try SharedStore.open(path: path, CloseTests.small)
        try Ground.fill(store)
        var seen: [[UInt8]] = []
        expectCode(.closed) {
          try store.forEachEntry { entry in
            seen.append(entry.key)
            if seen.count == 3 {
              store.close()
              expectCode(.closed) { _ = try store.get(Ground.key(1)) }
              #expect(entry.value == Ground.value(2, 1))
            }
          }
        }
        #expect(seen == (0..<3).map { Ground.key($0) })
      }
      try expectGone(directory, path)
    }
  }

  @Test func closeFromInsideWithValue() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      do {
        let store = try SharedStore.open(path: path, CloseTests.small)
        try Ground.fill(store)
        let key = Ground.key(4)
        let sum = try store.withValue(for: key.span.bytes) { (value) throws(WarpError) -> Int in
          store.close()
          expectCode(.closed) { try store.set(key, to: [1]) }
          return (0..<value.byteCount).reduce(0) { $0 + Int(value.unsafeLoad(fromByteOffset: $1, as: UInt8.self)) }
        }
        #expect(sum == Ground.value(4, 1).reduce(0) { $0 + Int($1) })
      }
      try expectGone(directory, path)
    }
  }
}
