// SPDX-License-Identifier: Apache-2.0
// Nobody is called dead in passing: handles come and go and shards change hands while they are looked at, and what was
// read in pieces must not be told as a death.

import Foundation
import Glibc
import Synchronization
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct PassingTests {
  /// Looks at a store as long as a thread repeats `act` on it, and expects everyone to be alive. Returns how many
  /// handles and owners were seen.
  private func look(
    rounds: Int, while act: @escaping @Sendable (Scene, _ round: Int) throws -> Void
  ) throws -> (handles: Int, owners: Int) {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let image = try FileImage(path: scene.path)
      let done = Done()
      Thread.detachNewThread {
        defer { done.set() }
        do { for round in 0..<rounds { try act(scene, round) } } catch { Issue.record(error) }
      }
      var seen = (handles: 0, owners: 0)
      var isWell = true
      // Bound: the thread's rounds.
      while !done.isSet {
        guard isWell, let now = try image.occupation() else { continue }
        seen.handles += now.handles.count
        seen.owners += now.owners.count
        let states = now.handles.map(\.state) + now.owners.map(\.state)
        isWell = states.allSatisfy { $0 == .alive }
        #expect(isWell, "\(states)")
      }
      return seen
    }
  }

  @Test func handlesThatComeAndGo() throws {
    let seen = try look(
      rounds: 1000,
      while: { scene, round in
        let store = try SharedStore.open(path: scene.path, .init(access: .readWrite, ifDifferent: .useExisting))
        for _ in 0..<round % 8 { try store.set("k", to: [1]) }
        store.close()
      })
    #expect(seen.handles > 0)
  }

  /// Each owner releases its shard before it detaches, and the next one has another generation.
  @Test func shardsThatChangeHands() throws {
    let seen = try look(
      rounds: 1000,
      while: { scene, round in
        let generation = UInt32(round + 1)
        if round == 0 { try scene.lock(9) }
        try scene.attach(getpid(), entry: 9, generation: generation, locked: false)
        try scene.own(4, entry: 9, generation: generation)
        usleep(200)
        try scene.release(4)
        try scene.patch(9, RegistryFields.pid, UInt32(0))
      })
    #expect(seen.handles > 0 && seen.owners > 0)
  }
}

private final class Done: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}
