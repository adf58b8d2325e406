// SPDX-License-Identifier: Apache-2.0
// Recovery of shards whose owner left at a known place, step by step (SPEC.md 23.2). `warp-torture kill` covers the
// places that only a real kill finds.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct RecoveryTests {
  /// How far an update got before its owner died.
  enum Cut: CaseIterable {
    case filling, committed, odd, swung, live
  }

  /// Does the steps of an update by hand and leaves; returns the owner's attachment, still registered.
  private func update(
    _ path: String, _ key: [UInt8], to value: [UInt8], until cut: Cut
  ) throws -> WarpFormat.Attachment {
    let request = try OpenRequest(
      files: StoreFiles(path: path), parameters: Parameters(), readOnly: false, creates: false,
      ifDifferent: .useExisting,
      environment: .system, policy: Sieve.policy)
    let file = try request.attach()
    try key.withUnsafeBytes { key in
      try value.withUnsafeBytes { value in
        let hash = file.hash(key)
        let shard = file.shard(of: hash)
        let owner = try #require(file.registration).owner
        #expect(
          try shard.acquire(owner, Waiter(limit: 1_000_000_000, mayGoOn: true), isDead: { _ in false }) == false)
        let old = try #require(shard.find(key, HashParts(hash: hash)))
        let header = EntryHeader(
          deadline: 0, keySize: key.count, storedSize: value.count, rawSize: value.count, codec: 0, flags: 0)
        let slot = try shard.takeSlot(size: 32 + 8 + value.count, in: file)
        let revision = shard.get64(ControlFields.writeCounter) + 1
        shard.put64(ControlFields.writeCounter, revision)
        var metadata = EntryMetadata(
          checksum: 0, stamp: shard.stamp(old.slot), revision: revision, written: 1, freshUntil: 0, hash: hash)
        metadata.checksum = EntryChecksum.value(
          storeID: file.storeWords, shard: shard.index, slot: slot.raw, header: header, metadata: metadata,
          digest: XXH3.hash64(value, seed: 0))
        shard.fill(slot, key: key, stored: value, header: header, metadata: metadata)
        if cut == .filling {
          shard.setControl(slot, shard.controlWord(slot).with(.writing))
          return
        }
        if cut == .committed { return }
        shard.beginWrite()
        if cut == .odd { return }
        shard.link(old.bucket, HashParts(hash: hash).word(slot))
        if cut == .swung { return }
        shard.setControl(slot, shard.controlWord(slot).with(.live))
      }
    }
    return file
  }

  private func store(_ path: String) throws -> SharedStore {
    let store = try SharedStore.open(path: path, .init(capacity: 4, maxKeySize: 8, maxValueSize: 16))
    for name in ["a", "b", "c", "d"] { try store.set(name, to: [1]) }
    return store
  }

  private func expectSound(_ store: SharedStore, _ cut: Cut) throws {
    // Before the swing the update may have happened or not; COMMITTED is kept, WRITING is not.
    let expected: [UInt8] = cut == .filling ? [1] : [2]
    try store.set("b", to: [7])
    #expect(try store.get("a") == expected)
    try store.set("a", to: [3])
    #expect(try store.get("a") == [3])
    for name in ["c", "d"] { #expect(try store.get(name) == [1]) }
    for number in 0..<40 { try store.set("n\(number % 9)", to: [9]) }
    #expect(try store.count == 4)
    #expect(try Verifier(path: store.path).findings() == [])
  }

  /// The entry is given up while the word stays: whoever comes next finds it withdrawn, hence dead (L2).
  @Test(arguments: Cut.allCases) func aDeadOwnersShardIsRebuilt(_ cut: Cut) throws {
    try withTemporaryDirectory { directory in
      let store = try store(directory + "/a.warp")
      let dead = try update(store.path, [UInt8(ascii: "a")], to: [2], until: cut)
      dead.leave()
      try expectSound(store, cut)
      #expect(try store.statistics().recoveries == 1)
    }
  }

  /// Nobody is left who knows that the shard is torn, and the lock file is gone: a rebuilt one says so.
  @Test(arguments: Cut.allCases) func aRebuiltLockFileCountsAsTorn(_ cut: Cut) throws {
    try withTemporaryDirectory { directory in
      let first = try store(directory + "/a.warp")
      let dead = try update(first.path, [UInt8(ascii: "a")], to: [2], until: cut)
      dead.leave()
      first.close()
      try System.remove(first.path + "-lock")
      let again = try SharedStore.open(path: first.path, .init(capacity: 4, maxKeySize: 8, maxValueSize: 16))
      try expectSound(again, cut)
    }
  }

  /// Hits go on while the owner is dead and nobody has come yet; also for a reader that can't recover.
  @Test(arguments: Cut.allCases) func hitsGoOnMeanwhile(_ cut: Cut) throws {
    try withTemporaryDirectory { directory in
      let first = try store(directory + "/a.warp")
      let dead = try update(first.path, [UInt8(ascii: "a")], to: [2], until: cut)
      dead.leave()
      let reader = try SharedStore.open(path: first.path, .init(access: .readOnly))
      for name in ["b", "c", "d"] { #expect(try reader.get(name) == [1]) }
      let value = try #require(try reader.get("a"))
      #expect(value == (cut == .swung || cut == .live ? [2] : [1]))
      let batch = try reader.getBatch(["a", "b", "c", "d"].map { Array($0.utf8) }, room: 16)
      #expect(batch.map(\.bytes) == [value, [1], [1], [1]])
    }
  }

  /// WKV-R05: while a living owner is in the middle of a change nobody knows that a key is absent.
  @Test func aMissIsNotBelievedInTheMiddleOfAChange() throws {
    try withTemporaryDirectory { directory in
      let store = try store(directory + "/a.warp")
      let holder = try update(store.path, [UInt8(ascii: "a")], to: [2], until: .odd)
      let reader = try SharedStore.open(path: store.path, .init(access: .readOnly))
      var buffer = [UInt8](repeating: 0, count: 16)
      #expect(try reader.get([UInt8(ascii: "b")], into: &buffer) == .hit(size: 1))
      #expect(try reader.get([UInt8(ascii: "x")], into: &buffer) == .busy)
      holder.shard(0).endWrite()
      #expect(try reader.get([UInt8(ascii: "x")], into: &buffer) == .miss)
      holder.shard(0).release()
    }
  }

  /// WKV-O03, WKV-O06: a living handle keeps its shard and its entry however long it holds them.
  @Test func nobodyStealsFromTheLiving() throws {
    try withTemporaryDirectory { directory in
      let store = try store(directory + "/a.warp")
      let holder = try update(store.path, [UInt8(ascii: "a")], to: [2], until: .swung)
      // Its lock is gone, as after closefrom(3), but the process is seen alive.
      let entry = try #require(holder.registration).entry
      _ = try System.lockByte(
        holder.mapping.file.descriptor, .none, at: Format.registryLockOffset + Int64(entry), "")
      let other = try SharedStore.open(
        path: store.path, .init(capacity: 4, maxKeySize: 8, maxValueSize: 16, writerWait: .milliseconds(50)))
      #expect(throws: FormatError.self) { try other.set("a", to: [3]) }
      #expect(holder.lock.load64(holder.shard(0).ownerAt) == holder.registration?.owner)
      holder.shard(0).release()
      try other.set("a", to: [3])
      #expect(try other.get("a") == [3])
    }
  }
}
