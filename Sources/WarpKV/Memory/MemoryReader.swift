// SPDX-License-Identifier: Apache-2.0
// What a get in memory needs of the backend: some words, which a cache has a copy of, so that a hit touches no object.
//
// - No reference is counted: whoever uses a reader keeps the backend.
// - What is inlined into the program knows one hit, the most frequent: of an entry in its home bucket that was visited before
//   and has no deadline. All else is a call, so that this has room in the registers.
// - Where keys and values are plain bits a reader may end up a writer, of nothing but places: see `bringHome`.

public import Synchronization

/// What a look without the lock found.
@frozen
@usableFromInline
enum MemoryGlance<Value> {
  case hit(Value)
  case miss
  /// Nothing that it knows. Not counted.
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

  /// One look without the lock, at the home bucket: a hit, which is counted, or unknown.
  @inlinable @inline(__always)
  func glance(_ key: Key, _ hash: UInt64, _ index: Int) -> MemoryGlance<Value> {
    let gate = unsafe gate(index)
    let before = unsafe gate.pointee.sequence.load(ordering: .acquiring)
    guard before & 1 == 0, let cell = unsafe home(gate, Shard.tag(hash)) else { return .unknown }
    return unsafe Cell.withCopy { copy in
      unsafe Cell.copyOut(cell, to: copy)
      // Bytes as yet, no truths: until nothing was written meanwhile.
      guard unsafe gate.pointee.isUnchanged(since: before), unsafe Cell.key(copy).pointee == key
      else { return .unknown }
      tallies.countHit()
      return .hit(unsafe Cell.value(copy).pointee)
    }
  }

  /// The entry in a tag's home bucket, if it may be the tag's, was visited and has no deadline. A writer may be changing it.
  @inlinable @inline(__always)
  func home(_ gate: UnsafeMutablePointer<Gate>, _ tag: UInt32) -> Cell.Place? {
    typealias Table = MemoryTable<Key, Value>
    if Table.holdsCells {
      let table = unsafe gate.pointee.table
      let home = table.home(tag)
      return unsafe MemoryFlags.load(table.flags(home)).areVisitedUndated(tag) ? table.cell(home) : nil
    }
    // There is one from the beginning. The slots that the buckets of this view name are in its nodes, whenever they were
    // written.
    let places = unsafe gate.pointee.view.load(ordering: .acquiring).unsafelyUnwrapped.pointee.places
    let home = places.table.home(tag)
    let sign = places.table.sign(home)
    guard Table.matches(sign, tag) else { return nil }
    let (cell, flags) = unsafe places.content(home, sign)
    return unsafe MemoryFlags.load(flags).areVisitedUndated(tag) ? cell : nil
  }
}

extension MemoryBackend {
  /// A get of which the first look knew nothing. Bound: some more, each of one round through the table, then with the lock.
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
        guard let flags = unsafe found.flags, unsafe found.deadline == 0 || clock() < found.deadline else {
          reader.tallies.countMiss()
          return nil
        }
        if unsafe !MemoryFlags.load(flags).isVisited { unsafe MemoryFlags.mark(flags) }
        reader.tallies.countHit()
        if unsafe !found.isHome { bringHome(key, hash, index) }
        return unsafe MemoryCell<Key, Value>.value(copy).pointee
      }
      return getLocked(key, hash, index)
    }
  }

  /// Brings one in some of the entries home that were found elsewhere, if nobody has the lock, and the shard's writes have
  /// paid for it.
  ///
  /// Those that are often asked for get there, and most hits then end at the first bucket: the processor foresees that, and
  /// asks for their memory early. (In the spirit of a list that moves what is asked for to its front: Rivest, "On
  /// self-organizing sequential search heuristics", 1976.)
  @inlinable @inline(__always)
  func bringHome(_ key: Key, _ hash: UInt64, _ index: Int) {
    if unsafe gate(index).pointee.allowsMoves, reader.tallies.isOneInSome(MemoryTuning.hitsPerMove) {
      moveHome(key, hash, index)
    }
  }

  @inlinable @inline(never)
  func moveHome(_ key: Key, _ hash: UInt64, _ index: Int) {
    let gate = unsafe gate(index)
    guard unsafe gate.pointee.lock.tryLock() else { return }
    unsafe shard(index).pointee.bringHome(key, hash, gate.pointee)
    unsafe gate.pointee.lock.unlock()
  }
}

extension MemoryView where Key: Hashable {
  @usableFromInline typealias Found = (flags: MemoryFlags.Place?, deadline: UInt64, isHome: Bool)

  /// Copies the key's entry and its deadline; no flags if there is none. nil: something was written meanwhile.
  @inlinable @inline(__always)
  func find(
    _ key: Key, _ tag: UInt32, _ copy: MemoryCell<Key, Value>.Place, where isUnchanged: () -> Bool
  ) -> Found? {
    var found: Found = (nil, 0, false)
    var isWhole = true
    let index = places.table.search(tag) { index, sign in
      let (cell, flags) = unsafe places.content(index, sign)
      unsafe MemoryCell<Key, Value>.copyOut(cell, to: copy)
      let isDated = unsafe MemoryFlags.load(flags).isDated
      unsafe found = unsafe (
        flags, isDated ? deadlines[places.table.slot(index, sign)] : 0, index == places.table.home(tag)
      )
      isWhole = isUnchanged()
      return unsafe !isWhole || MemoryCell<Key, Value>.key(copy).pointee == key
    }
    guard isWhole, index != nil || isUnchanged() else { return nil }
    return unsafe index == nil ? (nil, 0, false) : found
  }
}
