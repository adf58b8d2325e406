// SPDX-License-Identifier: Apache-2.0
// The injected world and a writer for one fixture: nothing in a golden file depends on when or where it was made.

import Synchronization
import WarpFormat
import WarpKV

/// Fixed answers to everything a store asks the system.
final class FixtureWorld: Sendable {
  /// Nanoseconds since the fixture's boot.
  let now = Atomic<Int64>(1_000_000_000)
  /// Whether the last to leave records that it did.
  let outlivesReboots = Atomic<Bool>(false)
  private let drawn = Atomic<UInt64>(0)

  var environment: Environment {
    var world = Environment.system
    world.entropy = { [self] (count) throws(FormatError) in
      // Never 0, so that the first word of a store id is never reserved.
      (0..<count).map { _ in UInt8(truncatingIfNeeded: drawn.wrappingAdd(1, ordering: .relaxed).newValue &* 37 | 1)
      }
    }
    world.bootTime = { [self] in now.load(ordering: .relaxed) }
    world.realTime = { [self] in 1_767_225_600_000_000_000 + now.load(ordering: .relaxed) }
    world.bootID = { Array("fixture-boot-id!".utf8) }
    world.process = { ProcessIdentity(id: 4711, startTime: 99, pidNamespace: 1, timeNamespace: 2, userID: 1000) }
    world.recordsInode = false
    world.writerName = "WarpKV fixtures"
    let tmpfs: Int64 = 0x0102_1994
    world.fileSystem = { [self] _ in outlivesReboots.load(ordering: .relaxed) ? 0 : tmpfs }
    return world
  }
}

/// One store of known content.
struct FixtureWriter {
  let world = FixtureWorld()
  private let file: Attachment

  init(_ path: String, _ parameters: Parameters, _ recording: Recording = .off) throws {
    for name in [path, path + "-lock", path + "-init"] { try System.remove(name) }
    var request = try OpenRequest(
      files: StoreFiles(path: path), parameters: parameters, readOnly: false, creates: true, ifDifferent: .fail,
      environment: world.environment, policy: Sieve.policy)
    request.recording = recording
    file = try request.attach()
    try System.remove(path + "-init")
  }

  var header: Header { file.header }

  /// Sets an entry as the product does.
  func set(
    _ key: [UInt8], _ stored: [UInt8], lifetime: UInt64 = 0, rawSize: Int? = nil, codec: UInt8 = Format.codecRaw
  ) throws {
    let world = world
    let file = file
    try key.withUnsafeBytes { key in
      try stored.withUnsafeBytes { stored in
        let hash = file.hash(key)
        let shard = file.shard(of: hash)
        let written = file.storeTime()
        let header = EntryHeader(
          deadline: lifetime == 0 ? 0 : written + lifetime, keySize: key.count, storedSize: stored.count,
          rawSize: rawSize ?? stored.count, codec: codec, flags: 0)
        let entry = PendingEntry(key: key, stored: stored, hash: hash, header: header, written: written)
        _ = try file.withShard(shard, limit: 1_000_000_000) { () throws(FormatError) in
          try shard.set(entry, in: file, now: file.storeTime)
        }
        world.now.wrappingAdd(1_000, ordering: .relaxed)
      }
    }
  }

  func set(_ key: String, _ value: String, lifetime: UInt64 = 0) throws {
    try set(Array(key.utf8), Array(value.utf8), lifetime: lifetime)
  }

  /// Marks an entry visited, as a hit does.
  func touch(_ key: String) {
    Array(key.utf8).withUnsafeBytes { key in
      _ = file.lookup(key, hash: file.hash(key), marking: true) { _, _ in }
    }
  }

  func remove(_ key: String) throws {
    let file = file
    try Array(key.utf8).withUnsafeBytes { key in
      let hash = file.hash(key)
      let shard = file.shard(of: hash)
      var changes = Changes()
      _ = try file.withShard(shard, limit: 1_000_000_000) { () throws(FormatError) in
        shard.remove(key, hash: hash, in: file, now: file.storeTime, changes: &changes)
      }
    }
  }

  /// Claims a lease for a key that is not there.
  func claim(_ key: String) throws {
    let file = file
    try Array(key.utf8).withUnsafeBytes { key in
      let hash = file.hash(key)
      let shard = file.shard(of: hash)
      try file.withShard(shard, limit: 1_000_000_000) { () throws(FormatError) in
        _ = file.claimLease(key, hash: hash, over: nil, limit: 30_000_000_000, in: shard)
      }
    }
  }

  /// Records a request, as the product does.
  func record(_ kind: RequestKind, _ key: String?, size: Int = 0, lifetime: UInt64 = 0) {
    let deadline = lifetime == 0 ? 0 : file.storeTime() + lifetime
    file.note(kind, hash: key.map(hash) ?? 0, size: size, deadline: deadline)
    world.now.wrappingAdd(1_000, ordering: .relaxed)
  }

  func count(_ counter: Counter, _ amount: Int) { file.count(counter, amount) }

  func hash(_ key: String) -> UInt64 { Array(key.utf8).withUnsafeBytes { file.hash($0) } }

  /// Gives the store back and removes its lock file unless it matters.
  func finish(keepingLock: Bool, leavingClean: Bool) throws {
    world.outlivesReboots.store(leavingClean, ordering: .relaxed)
    file.leave()
    try System.remove(file.path + "-init")
    if !keepingLock { try System.remove(file.path + "-lock") }
  }
}
