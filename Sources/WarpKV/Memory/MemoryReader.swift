// SPDX-License-Identifier: Apache-2.0
// What a get in memory needs of the backend: some words, which a cache has a copy of, so that a hit touches no object.
//
// - No reference is counted: whoever uses a reader keeps the backend.
// - All that is rare is a call, so that the rest, which is inlined into the program, has room in the registers: an entry
//   with a deadline, a miss, a writer in the way, another key of the same tag.

public import Synchronization

/// What a look without the lock found.
@frozen
@usableFromInline
enum MemoryGlance<Value> {
  case hit(Value)
  case miss
  /// Not counted. A writer was in the way, or the bucket of another key, or the entry has a deadline.
  case unknown
}

@frozen @safe
@usableFromInline
struct MemoryReader<Key: Hashable & Sendable, Value: Sendable>: @unchecked Sendable {
  // Sendable: gates and tallies are atomic, shards are reached under their locks, or word by word as MemoryView says.

  @usableFromInline typealias Gate = MemoryGate<Key, Value>
  @usableFromInline typealias Shard = MemoryShard<Key, Value>
  @usableFromInline typealias Cell = MemoryCell<Key, Value>

  /// As many gates and, behind each, a shard as there are shards, `stride` bytes apart. They are two variables: other threads
  /// use the gate while the lock's holder changes the shard. nil: of no backend.
  @usableFromInline let base: UnsafeMutableRawPointer?
  @usableFromInline let shardMask: UInt64
  @usableFromInline let seed: MemorySeed
  @usableFromInline let tallies: MemoryTallies
  @usableFromInline let hashesBytes: Bool

  init(_ base: UnsafeMutableRawPointer?, shards: Int, _ seed: MemorySeed, _ tallies: MemoryTallies) {
    unsafe self.base = unsafe base
    shardMask = UInt64(shards - 1)
    self.seed = seed
    self.tallies = tallies
    hashesBytes = MemorySeed.hashesBytes(of: Key.self)
  }

  /// The reader of a cache that is not in memory.
  static var none: MemoryReader {
    unsafe MemoryReader(nil, shards: 1, MemorySeed(0, 0), MemoryTallies(isUsed: false))
  }

  @inlinable @inline(__always)
  var isNone: Bool { unsafe base == nil }

  @inlinable @inline(__always)
  static var stride: Int {
    let mask = MemoryTuning.shardAlignment - 1
    return (MemoryLayout<Gate>.stride + MemoryLayout<Shard>.stride + mask) & ~mask
  }

  /// The index is below the number of shards, there is a base, and this memory is used as nothing else.
  @inlinable @inline(__always)
  func gate(_ index: Int) -> UnsafeMutablePointer<Gate> {
    unsafe (base.unsafelyUnwrapped + index &* MemoryReader.stride).assumingMemoryBound(to: Gate.self)
  }

  /// The same; a shard is aligned as its integers and pointers are, and so is a gate.
  @inlinable @inline(__always)
  func shard(_ index: Int) -> UnsafeMutablePointer<Shard> {
    unsafe (base.unsafelyUnwrapped + (index &* MemoryReader.stride &+ MemoryLayout<Gate>.stride))
      .assumingMemoryBound(to: Shard.self)
  }

  @inlinable @inline(__always)
  func hash(_ key: Key) -> UInt64 { seed.hash(key, asBytes: hashesBytes) }

  @inlinable @inline(__always)
  func index(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash & shardMask) }

  /// Runs the body with a shard, alone: the lock orders all who take it. The body writes nothing that readers without it
  /// look at, but visited flags.
  @inlinable @inline(__always)
  func withShard<Result>(_ index: Int, _ body: (inout Shard) -> Result) -> Result {
    let gate = unsafe gate(index)
    unsafe gate.pointee.lock.lock()
    defer { unsafe gate.pointee.lock.unlock() }
    return unsafe body(&shard(index).pointee)
  }

  /// A get, except for what only the backend can do.
  @inlinable @inline(__always)
  func get(_ key: Key, _ hash: UInt64) -> MemoryGlance<Value> {
    let index = index(hash)
    if Cell.isReadWithoutLock { return glance(key, hash, index) }
    guard let value = withShard(index, { shard in shard.get(key, hash) }) else { return .miss }
    return .hit(value)
  }

  @usableFromInline typealias Seen = (cell: Cell.Place, place: MemoryFlags.Place, flags: MemoryFlags)

  /// The first entry that may be the tag's; nil if there is none. It is one of a moment, whichever.
  @inlinable @inline(__always)
  func first(_ gate: UnsafeMutablePointer<Gate>, _ tag: UInt32) -> Seen? {
    var seen: Seen?
    if MemoryTable<Key, Value>.holdsCells {
      let table = unsafe gate.pointee.table
      _ = table.search(tag) { index, sign in
        unsafe seen = unsafe (table.cell(index), table.flags(index), MemoryTable<Key, Value>.flags(sign))
        return true
      }
    } else {
      // There is one from the beginning. The slots that the buckets of this view name are in its nodes, whenever they were
      // written.
      let view = unsafe gate.pointee.view.load(ordering: .acquiring).unsafelyUnwrapped
      _ = unsafe view.pointee.places.find(tag) { spot in
        unsafe seen = unsafe (spot.cell, spot.place, spot.flags)
        return true
      }
    }
    return unsafe seen
  }

  /// One look without the lock. Counts as a get, if it could tell.
  @inlinable @inline(__always)
  func glance(_ key: Key, _ hash: UInt64, _ index: Int) -> MemoryGlance<Value> {
    let gate = unsafe gate(index)
    let before = unsafe gate.pointee.sequence.load(ordering: .acquiring)
    guard before & 1 == 0 else { return .unknown }
    guard let (cell, place, flags) = unsafe first(gate, Shard.tag(hash)) else {
      guard unsafe gate.pointee.isUnchanged(since: before) else { return .unknown }
      tallies.countMiss()
      return .miss
    }
    return unsafe Cell.withCopy { copy in
      unsafe Cell.copyOut(cell, to: copy)
      // Bytes as yet, no truths: until nothing was written meanwhile.
      guard unsafe gate.pointee.isUnchanged(since: before), !flags.isDated, unsafe Cell.key(copy).pointee == key
      else { return .unknown }
      if !flags.isVisited { unsafe MemoryFlags.mark(place) }
      tallies.countHit()
      return .hit(unsafe Cell.value(copy).pointee)
    }
  }
}

extension MemoryBackend {
  /// The first look could not tell. Bound: some more, each of one round through the table, then with the lock.
  @inlinable @inline(never)
  func getAgain(_ key: Key, _ hash: UInt64) -> Value? {
    let index = shardIndex(hash)
    guard MemoryCell<Key, Value>.isReadWithoutLock else { return getLocked(key, hash, index) }
    let gate = unsafe gate(index)
    return unsafe MemoryCell<Key, Value>.withCopy { copy in
      for _ in 0..<MemoryTuning.readerTries {
        let before = unsafe gate.pointee.sequence.load(ordering: .acquiring)
        guard before & 1 == 0, let view = unsafe gate.pointee.view.load(ordering: .acquiring),
          let found = unsafe view.pointee.find(
            key, Shard.tag(hash), copy, where: { unsafe gate.pointee.isUnchanged(since: before) })
        else { continue }
        guard let spot = found.spot, found.deadline == 0 || clock() < found.deadline else {
          reader.tallies.countMiss()
          return nil
        }
        if !spot.flags.isVisited { unsafe MemoryFlags.mark(spot.place) }
        reader.tallies.countHit()
        return unsafe MemoryCell<Key, Value>.value(copy).pointee
      }
      return getLocked(key, hash, index)
    }
  }
}

extension MemoryView where Key: Hashable {
  /// Copies the key's entry and its deadline; no entry if there is none. nil: something was written meanwhile.
  @inlinable @inline(__always)
  func find(
    _ key: Key, _ tag: UInt32, _ copy: MemoryCell<Key, Value>.Place, where isUnchanged: () -> Bool
  ) -> (spot: MemorySpot<Key, Value>?, deadline: UInt64)? {
    var (isWhole, deadline): (Bool, UInt64) = (true, 0)
    let spot = places.find(tag) { spot in
      unsafe MemoryCell<Key, Value>.copyOut(spot.cell, to: copy)
      deadline = spot.flags.isDated ? deadlines[spot.slot] : 0
      isWhole = isUnchanged()
      return unsafe !isWhole || MemoryCell<Key, Value>.key(copy).pointee == key
    }
    guard isWhole, spot != nil || isUnchanged() else { return nil }
    return (spot, spot == nil ? 0 : deadline)
  }
}
