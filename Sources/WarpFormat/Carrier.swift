// SPDX-License-Identifier: Apache-2.0
// Carries the entries of one store over into another that nobody else has open (SPEC.md 23.4, P4).
//
// - In the order of insertion: the queues of several shards are walked side by side, each by its share, since a hash
//   spreads keys evenly and stamps of different shards can't be compared. With one shard the order is exact.
// - Deadlines, times and stored bytes stay as they are; a zstd frame is decompressed where the new store takes none.
// - What does not fit the new sizes is given up. If there are too many entries, SIEVE chooses, as if they had been set in
//   this order and marked visited as they are. A full disk is another matter: then nothing is replaced.
// - Where a sweep goes on is not carried over: the first entry with a deadline begins one anew.
// - The counters go on, so that count = insertions - evictions - expirations - removals still holds.

struct Carrier {
  private let old: Attachment
  private let new: Attachment
  private let now: UInt64
  private var evictions = 0
  private var expirations = 0
  private var hand: SlotIndex?

  /// The caller owns every shard of `old`.
  init(from old: Attachment, to new: Attachment) {
    self.old = old
    self.new = new
    now = old.storeTime()
  }

  /// O(entries + bytes).
  ///
  /// - Throws: `noSpace` and what else the new files' blocks can't be had for.
  mutating func run() throws(FormatError) {
    let shards = Array(old.shards)
    // Revisions are never used twice, also not across a replacement.
    let highest = shards.reduce(0) { max($0, $1.get64(ControlFields.writeCounter)) }
    for shard in new.shards { shard.put64(ControlFields.writeCounter, highest) }
    var cursors = shards.map(\.oldest)
    var walked = [Int](repeating: 0, count: shards.count)
    let longest = shards.reduce(0) { max($0, $1.count) }
    for step in 0..<longest {
      for (index, shard) in shards.enumerated() {
        let end = shard.count * (step + 1) / longest
        while walked[index] < end, let slot = cursors[index] {
          try carry(slot, from: shard)
          cursors[index] = shard.newer(slot)
          walked[index] += 1
        }
      }
    }
    if let hand, evictions == 0 { new.shard(0).hand = hand }
    carryCounters()
  }

  private mutating func carry(_ slot: SlotIndex, from shard: Shard) throws(FormatError) {
    guard shard.state(slot) == .live, let header = shard.header(slot) else { return }
    if header.deadline != 0, now >= header.deadline {
      expirations += 1
      return
    }
    let key = shard.data.bytes(shard.keyOffset(slot), header.keySize)
    let stored = shard.data.bytes(shard.valueOffset(slot, keySize: header.keySize), header.storedSize)
    guard key.count <= self.new.header.geometry.maxKeySize, let (fitted, codec) = fitted(stored, header) else {
      evictions += 1
      return
    }
    let metadata = shard.metadata(slot)
    let (new, now) = (new, now)
    let target = unsafe key.withUnsafeBytes { new.shard(of: unsafe new.hash($0)) }
    let changes: Changes
    do throws(FormatError) {
      changes = try unsafe key.span.bytes.withUnsafeBytes { (key) throws(FormatError) in
        try unsafe fitted.span.bytes.withUnsafeBytes { (value) throws(FormatError) in
          let entry = unsafe PendingEntry(
            key: key, stored: value, hash: new.hash(key),
            header: EntryHeader(
              deadline: header.deadline, keySize: header.keySize, storedSize: value.count,
              rawSize: header.rawSize, codec: codec, flags: header.flags),
            written: metadata.written, freshUntil: metadata.freshUntil)
          return try target.set(entry, in: new, now: { now })
        }
      }
    } catch {
      // Of a store that does not evict, what comes last is what there is no place for.
      guard error.code == .full else { throw error }
      evictions += 1
      return
    }
    evictions += changes.evictions
    expirations += changes.expirations
    guard let arrived = target.newest else { return }
    target.setVisited(arrived, shard.isVisited(slot))
    let isOneQueue = old.header.geometry.shardCount == 1 && new.header.geometry.shardCount == 1
    if isOneQueue, shard.hand == slot { hand = arrived }
  }

  /// The stored bytes in a form that the new store takes; nil if there is none.
  private func fitted(_ stored: [UInt8], _ header: EntryHeader) -> (bytes: [UInt8], codec: UInt8)? {
    let limits = new.header.geometry
    if header.codec == Format.codecRaw || new.header.usesZstd {
      let fits = stored.count <= limits.maxValueSize && header.rawSize <= limits.maxRawSize
      return fits ? (stored, header.codec) : nil
    }
    guard header.rawSize <= limits.maxValueSize else { return nil }
    return Compression.value(stored, rawSize: header.rawSize).map { ($0, Format.codecRaw) }
  }

  private func carryCounters() {
    var values = old.counters()
    values[.evictions] &+= UInt64(evictions)
    values[.expirations] &+= UInt64(expirations)
    // Stripe 0 is the baseline; any other counts.
    let stripe = new.lockGeometry.countersOffset + CounterFields.structure.size
    for counter in Counter.allCases { new.lock.add64(stripe + counter.rawValue * 8, values[counter]) }
  }
}
