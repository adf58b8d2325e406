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
  @usableFromInline typealias Entry = MemoryEntry<Key, Value>

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
    if Entry.isReadWithoutLock { return glance(key, hash, index) }
    guard let value = withShard(index, { shard in shard.get(key, hash) }) else { return .miss }
    return .hit(value)
  }

  /// One look without the lock. Counts as a get, if it could tell.
  @inlinable @inline(__always)
  func glance(_ key: Key, _ hash: UInt64, _ index: Int) -> MemoryGlance<Value> {
    let gate = unsafe gate(index)
    let before = unsafe gate.pointee.sequence.load(ordering: .acquiring)
    guard before & 1 == 0 else { return .unknown }
    // There is one from the beginning.
    let view = unsafe gate.pointee.view.load(ordering: .acquiring).unsafelyUnwrapped
    let slot = unsafe view.pointee.table.first(Shard.tag(hash))
    guard slot != .none else {
      guard unsafe gate.pointee.isUnchanged(since: before) else { return .unknown }
      tallies.countMiss()
      return .miss
    }
    // The slots that the buckets of this view name are in its entries, whenever they were written.
    let place = unsafe view.pointee.entries + Int(slot.raw)
    return unsafe withUnsafeTemporaryAllocation(of: Entry.self, capacity: 1) { buffer in
      guard let copy = buffer.baseAddress else { return .unknown }
      unsafe Entry.copyOut(place, to: copy, fromWord: 1)
      // Bytes as yet, no truths: until nothing was written meanwhile.
      guard unsafe gate.pointee.isUnchanged(since: before), unsafe !copy.pointee.hasDeadline,
        unsafe copy.pointee.key == key
      else { return .unknown }
      if unsafe !copy.pointee.isVisited { unsafe Entry.visited(place).pointee.store(1, ordering: .relaxed) }
      tallies.countHit()
      return .hit(unsafe copy.pointee.value)
    }
  }
}

extension MemoryBackend {
  /// The first look could not tell. Bound: some more, each of one round through the table, then with the lock.
  @inlinable @inline(never)
  func getAgain(_ key: Key, _ hash: UInt64) -> Value? {
    let index = shardIndex(hash)
    guard MemoryEntry<Key, Value>.isReadWithoutLock else { return getLocked(key, hash, index) }
    let gate = unsafe gate(index)
    return unsafe withUnsafeTemporaryAllocation(of: MemoryEntry<Key, Value>.self, capacity: 1) { buffer in
      for _ in 0..<MemoryTuning.readerTries {
        let before = unsafe gate.pointee.sequence.load(ordering: .acquiring)
        guard before & 1 == 0, let view = unsafe gate.pointee.view.load(ordering: .acquiring),
          let copy = buffer.baseAddress,
          let found = unsafe view.pointee.find(
            key, Shard.tag(hash), copy, where: { unsafe gate.pointee.isUnchanged(since: before) })
        else { continue }
        guard found.slot != .none, found.deadline == 0 || clock() < found.deadline else {
          reader.tallies.countMiss()
          return nil
        }
        if unsafe !copy.pointee.isVisited {
          let place = unsafe view.pointee.entries + Int(found.slot.raw)
          unsafe MemoryEntry.visited(place).pointee.store(1, ordering: .relaxed)
        }
        reader.tallies.countHit()
        return unsafe copy.pointee.value
      }
      return getLocked(key, hash, index)
    }
  }
}

extension MemoryView where Key: Hashable {
  /// Copies the key's entry and its deadline; no slot if there is none. nil: something was written meanwhile.
  @inlinable @inline(__always)
  func find(
    _ key: Key, _ tag: UInt32, _ copy: MemoryEntry<Key, Value>.Place, where isUnchanged: () -> Bool
  ) -> (slot: MemorySlot, deadline: UInt64)? {
    for distance in 0...table.mask {
      let bucket = table[Int(tag) &+ distance]
      if bucket == 0 { break }
      guard MemoryTable.tag(bucket) == tag else { continue }
      let slot = MemoryTable.slot(bucket)
      unsafe MemoryEntry.copyOut(entries + Int(slot.raw), to: copy, fromWord: 1)
      let isDated = unsafe UnsafeRawPointer(copy).load(
        fromByteOffset: MemoryEntry<Key, Value>.datedOffset, as: UInt8.self)
      let deadline = isDated == 0 ? 0 : deadlines[slot]
      guard isUnchanged() else { return nil }
      if unsafe copy.pointee.key == key { return (slot, deadline) }
    }
    return isUnchanged() ? (MemorySlot.none, 0) : nil
  }
}
