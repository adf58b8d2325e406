// SPDX-License-Identifier: Apache-2.0
// What `warp-torture enumerate` does to a store, as data: the store itself runs a step, and so does a dictionary that
// knows nothing of files (EnumerateModel). A key's place in the table is part of its name, so a scenario says in plain
// sight which keys collide.

import WarpFormat
import WarpKV
import WarpTestSupport

/// A key by what matters of it: its label, its home bucket and its shard.
struct KeyName: Hashable, CustomStringConvertible {
  let label: String
  let home: Int
  let shard: Int

  init(_ label: String, home: Int = 0, shard: Int = 0) {
    self.label = label
    self.home = home
    self.shard = shard
  }

  var description: String { label }
}

/// A value by what matters of it. Two versions of one key differ in every byte.
struct ValueName: Hashable {
  var version = 1
  var size = 20

  func bytes(_ name: KeyName) -> [UInt8] {
    let first = name.label.utf8.reduce(UInt8(truncatingIfNeeded: version &* 101)) { $0 &* 31 &+ $1 }
    return (0..<size).map { first &+ UInt8(truncatingIfNeeded: $0 / 8) }
  }
}

/// One call of the store's.
enum Step {
  case set(KeyName, ValueName = ValueName(), seconds: Int? = nil)
  /// Only if there is none.
  case add(KeyName, ValueName)
  /// Only if it has the revision that it has now.
  case replace(KeyName, ValueName)
  case remove(KeyName)
  case take(KeyName)
  case touch(KeyName, seconds: Int?)
  case increment(KeyName, by: Int)
  case removeAll
  /// A get, which marks the entry visited.
  case get(KeyName)
  /// Walks over all entries.
  case list
  /// The clock goes on.
  case advance(seconds: Int)
  /// Claims the lease of a key and keeps it.
  case claim(KeyName)
  /// Stores under the lease that was claimed.
  case fulfil(KeyName, ValueName)
  /// Gives up the lease that was claimed.
  case fail(KeyName)
  /// Closes the handle, the last one.
  case leave
  /// Opens the store in another boot; done by whoever opens it.
  case wake
}

/// Finds keys for names: the hash seed is the store's, so each store has its own.
final class KeyRing {
  let store: SharedStore
  private let geometry: Geometry
  private var known: [KeyName: [UInt8]] = [:]

  init(_ store: SharedStore) {
    self.store = store
    geometry = store.attachment.header.geometry
  }

  /// The first key `label-number` with that home and shard; all its numbers are tried in order, so every process finds
  /// the same.
  func key(_ name: KeyName) -> [UInt8] {
    if let key = known[name] { return key }
    for number in 0... {
      let key = Array("\(name.label)-\(number)".utf8)
      let hash = key.withUnsafeBytes { store.attachment.hash($0) }
      guard Int(truncatingIfNeeded: hash) & (geometry.shardCount - 1) == name.shard,
        Int(hash >> 32) & (geometry.bucketsPerShard - 1) == name.home % geometry.bucketsPerShard
      else { continue }
      known[name] = key
      return key
    }
    fatalError("there are more numbers than hashes")
  }

  /// One name for each shard that no scenario uses.
  var probes: [KeyName] { (0..<geometry.shardCount).map { KeyName("probe", home: 0, shard: $0) } }
}

/// Runs steps on a store with a clock of its own.
final class Actor {
  let ring: KeyRing
  private let clock: ManualClock
  private var leases: [KeyName: Lease] = [:]

  init(_ store: SharedStore, _ clock: ManualClock) {
    ring = KeyRing(store)
    self.clock = clock
  }

  /// Looks up, before anything is watched, what a step needs.
  func prepare(_ step: Step) { for name in step.names { _ = ring.key(name) } }

  func run(_ step: Step) throws {
    let store = ring.store
    switch step {
    case .set(let name, let value, let seconds):
      try store.set(ring.key(name), to: value.bytes(name), timeToLive: seconds.map { .seconds($0) })
    case .add(let name, let value): try store.add(ring.key(name), value: value.bytes(name))
    case .replace(let name, let value):
      let revision = try store.entry(for: ring.key(name))?.revision ?? 0
      try store.replace(ring.key(name), with: value.bytes(name), ifRevision: revision)
    case .remove(let name): try store.remove(ring.key(name))
    case .take(let name): _ = try store.take(ring.key(name))
    case .touch(let name, let seconds):
      try store.touch(ring.key(name), timeToLive: seconds.map { .seconds($0) })
    case .increment(let name, let amount): try store.increment(ring.key(name), by: amount)
    case .removeAll: try store.removeAll()
    case .get(let name): _ = try store.get(ring.key(name))
    case .list: _ = try store.keys()
    case .advance(let seconds): clock.advance(.seconds(seconds))
    case .claim(let name):
      guard case .lead(let lease) = store.lease(ring.key(name), limit: 3_600_000_000_000) else {
        throw FormatError(.busy, "the lease of \(name) can't be had")
      }
      leases[name] = lease
    case .fulfil(let name, let value):
      let bytes = value.bytes(name)
      _ = try bytes.withUnsafeBytes { (bytes) throws(WarpError) in
        try leases[name]?.store(bytes, lifetime: Lifetime(whole: 0, fresh: 0))
      }
    case .fail(let name): leases[name]?.fail()
    case .leave: store.close()
    case .wake: break
    }
  }
}

extension Step {
  /// The keys that it is about.
  var names: [KeyName] {
    switch self {
    case .set(let name, _, _), .add(let name, _), .replace(let name, _), .remove(let name), .take(let name),
      .touch(let name, _), .increment(let name, _), .get(let name), .claim(let name), .fulfil(let name, _),
      .fail(let name):
      [name]
    case .removeAll, .list, .advance, .leave, .wake: []
    }
  }
}
