// SPDX-License-Identifier: Apache-2.0
// What a store of one shard must do, in a file or in memory, written independently of both: a dictionary, a list in
// order of insertion, a hand. It shares no code with the library and is as plain as can be.
//
// - A hit marks the entry visited. An update, or a refill of an expired entry that is still there, keeps its place and
//   marks it visited. A new entry joins at the newest end, unvisited.
// - The victim is looked for from the hand, or from the oldest: visited entries are cleared and passed, except expired
//   ones. The hand stays at the victim's newer neighbour; if there is none, it starts at the oldest of that day.
// - A get of an expired entry misses and leaves it where it is.
// - Entries are in slots: a new value takes the slot freed last, or the first never used, before another is freed. With a
//   sweep, each new key looks at so many slots from where the last look ended, and expired entries there go.
// - In place (as in memory) a key keeps its slot, a new one takes its slot after others have left, and an emptied store
//   begins with the first slot again.
// - With a weight limit, entries other than the one that is set go until it fits.

public final class SieveModel<Key: Hashable, Value> {
  public struct Entry {
    public var value: Value
    /// Nanoseconds; nil: never.
    public var deadline: Int64?
    var weight: Int
    var isVisited: Bool
    var slot: Int
    var newer: Key?
    var older: Key?
  }

  public struct Counts: Equatable {
    public var hits = 0, misses = 0, insertions = 0, updates = 0, evictions = 0, expirations = 0, removals = 0
    public var skips = 0
    public init() {}
  }

  public enum SetOutcome { case stored, replaced, full }

  public let capacity: Int
  public let evicts: Bool
  public let weightLimit: Int
  public private(set) var entries: [Key: Entry] = [:]
  public private(set) var counts = Counts()
  private var oldest: Key?
  private var newest: Key?
  private var hand: Key?
  private let sweepSlots: Int
  private let inPlace: Bool
  /// By slot, from 1; place 0 is not used.
  private var slots: [Key?] = [nil]
  /// The one freed last is the last.
  private var free: [Int] = []
  /// 0: no entry had a deadline.
  private var sweepAt = 0

  public init(
    capacity: Int, evicts: Bool = true, weightLimit: Int = .max, sweepSlots: Int = 0, inPlace: Bool = false
  ) {
    self.capacity = capacity
    self.evicts = evicts
    self.weightLimit = weightLimit
    self.sweepSlots = sweepSlots
    self.inPlace = inPlace
  }

  public func isLive(_ key: Key, at now: Int64) -> Bool {
    guard let entry = entries[key] else { return false }
    return entry.deadline.map { now < $0 } ?? true
  }

  public func get(_ key: Key, at now: Int64) -> Value? {
    guard isLive(key, at: now) else {
      counts.misses += 1
      return nil
    }
    counts.hits += 1
    entries[key]?.isVisited = true
    return entries[key]?.value
  }

  /// The weight is at most the limit.
  public func set(
    _ key: Key, _ value: Value, weight: Int = 0, deadline: Int64?, at now: Int64
  ) -> SetOutcome {
    if entries[key] != nil {
      let wasLive = isLive(key, at: now)
      if inPlace { noteDeadline(deadline) } else { move(key, to: takeSlot(deadline)) }
      entries[key]?.weight = 0
      while self.weight + weight > weightLimit { evict(at: now, keeping: key) }
      entries[key]?.weight = weight
      entries[key]?.value = value
      entries[key]?.deadline = deadline
      entries[key]?.isVisited = true
      if wasLive {
        counts.updates += 1
        return .replaced
      }
      counts.expirations += 1
      counts.insertions += 1
      return .stored
    }
    while self.weight + weight > weightLimit { evict(at: now) }
    if entries.count == capacity {
      if !evicts { reap(at: now) }
      if !evicts, entries.count == capacity { return .full }
    }
    if inPlace, entries.count == capacity { evict(at: now) }
    let slot = takeSlot(deadline)
    if entries.count == capacity { evict(at: now) }
    entries[key] = Entry(
      value: value, deadline: deadline, weight: weight, isVisited: false, slot: slot, newer: nil, older: newest)
    slots[slot] = key
    if let newest { entries[newest]?.newer = key } else { oldest = key }
    newest = key
    counts.insertions += 1
    sweep(at: now)
    return .stored
  }

  public func remove(_ key: Key, at now: Int64) -> Bool {
    guard entries[key] != nil else { return false }
    let wasLive = isLive(key, at: now)
    unlink(key)
    if wasLive { counts.removals += 1 } else { counts.expirations += 1 }
    return wasLive
  }

  /// A value over the limit: the older one goes.
  public func skip(_ key: Key, at now: Int64) {
    _ = remove(key, at: now)
    counts.skips += 1
  }

  /// Forgets everything, the counters too.
  public func removeAll() {
    entries = [:]
    oldest = nil
    newest = nil
    hand = nil
    counts = Counts()
    sweepAt = 0
    free = inPlace ? [] : (1..<slots.count).reversed()
    slots = inPlace ? [nil] : slots.map { _ in nil }
  }

  /// Keys oldest first, expired ones included.
  public var order: [Key] {
    var keys: [Key] = []
    var at = oldest
    while let key = at {
      keys.append(key)
      at = entries[key]?.newer
    }
    return keys
  }

  public var weight: Int { weightLimit == .max ? 0 : entries.values.reduce(0) { $0 + $1.weight } }

  private func evict(at now: Int64, keeping kept: Key? = nil) {
    guard var at = hand ?? oldest else { return }
    while true {
      if entries[at]?.isVisited == true, isLive(at, at: now) {
        entries[at]?.isVisited = false
      } else if at != kept {
        break
      }
      at = entries[at]?.newer ?? oldest ?? at
    }
    let wasLive = isLive(at, at: now)
    hand = at
    unlink(at)
    if wasLive { counts.evictions += 1 } else { counts.expirations += 1 }
  }

  private func reap(at now: Int64) {
    for slot in slots.indices { expire(slot, at: now) }
  }

  private func sweep(at now: Int64) {
    guard sweepAt > 0 else { return }
    for _ in 0..<min(sweepSlots, slots.count - 1) {
      expire(sweepAt, at: now)
      sweepAt = sweepAt + 1 < slots.count ? sweepAt + 1 : 1
    }
  }

  private func expire(_ slot: Int, at now: Int64) {
    guard let key = slots[slot], !isLive(key, at: now) else { return }
    unlink(key)
    counts.expirations += 1
  }

  private func noteDeadline(_ deadline: Int64?) { if deadline != nil, sweepAt == 0 { sweepAt = 1 } }

  private func takeSlot(_ deadline: Int64?) -> Int {
    noteDeadline(deadline)
    if let slot = free.popLast() { return slot }
    slots.append(nil)
    return slots.count - 1
  }

  private func move(_ key: Key, to slot: Int) {
    guard let old = entries[key]?.slot else { return }
    entries[key]?.slot = slot
    slots[slot] = key
    slots[old] = nil
    free.append(old)
  }

  private func unlink(_ key: Key) {
    guard let entry = entries.removeValue(forKey: key) else { return }
    if let older = entry.older { entries[older]?.newer = entry.newer } else { oldest = entry.newer }
    if let newer = entry.newer { entries[newer]?.older = entry.older } else { newest = entry.older }
    if hand == key { hand = entry.newer }
    slots[entry.slot] = nil
    free.append(entry.slot)
  }
}
