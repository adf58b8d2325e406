// SPDX-License-Identifier: Apache-2.0
// Caches of many sizes that see the same requests in one pass: what each size would have hit.
//
// - Every cache is one SIEVE over one queue, as a store with one shard is, with expiry (SPEC.md §9, §10.3 W5, §11).
// - A get that misses fills the entry. Exact: every cache takes every key.
// - Sampled: a cache for more than `sampleSize` entries is simulated in miniature with about `sampleSize` entries, that
//   is, with the keys of a part of all hashes; smaller ones stay exact. So memory is bounded by the number of caches
//   and `sampleSize`, whatever the trace. Misses are compared with the requests that the part should have had and not
//   with those it had, which corrects for popular keys in or out of it by chance (SHARDS-adj, FAST '15).

import WarpKV

package final class Simulation {
  /// Entries of a miniature: with it the curve is within half a point of the exact one on all traces that were tried.
  package static let usualSampleSize = 16_384

  package let capacities: [Int]
  private let part: Double
  private let caches: UnsafeMutableBufferPointer<Miniature>
  private let table = KeyTable()
  /// By row and cache.
  private var states: UnsafeMutableBufferPointer<UInt32>
  /// By row: in how many caches the key is, and its hash.
  private var uses: [UInt16] = []
  private var hashes: [UInt64] = []
  /// How many gets the first n caches took, for each n.
  private var takenBy: [Int]
  package private(set) var requests = 0
  /// The requests for all keys in the same time, where that is known and these are those for a part of them.
  package var requestsOfAll: Int?
  private var hasDeadlines = false

  /// - Parameters:
  ///   - capacities: entries, ascending, each at least 1.
  ///   - sampleSize: entries of a miniature; nil: exact.
  ///   - part: the requests are those for this part of all keys.
  package init(capacities: [Int], sampleSize: Int?, part: Double = 1) {
    precondition(!capacities.isEmpty && capacities.count < Int(UInt16.max))
    self.capacities = capacities
    self.part = part
    caches = .allocate(capacity: capacities.count)
    for (index, capacity) in capacities.enumerated() {
      let room = Double(capacity) * part
      let rate = min(1, sampleSize.map { Double($0) / room } ?? 1)
      let limit = rate >= 1 ? UInt64.max : UInt64(rate * 0x1p64)
      let entries = rate >= 1 && part == 1 ? capacity : max(1, Int((room * rate).rounded()))
      caches.initializeElement(at: index, to: Miniature(capacity: entries, limit: limit))
    }
    states = .allocate(capacity: 1024 * capacities.count)
    takenBy = Array(repeating: 0, count: capacities.count + 1)
  }

  deinit {
    for cache in caches { cache.slots.deallocate() }
    caches.deallocate()
    states.deallocate()
  }

  // MARK: Requests

  /// A get; where it misses, a set.
  ///
  /// - Parameters:
  ///   - hash: of the key, and its identity.
  ///   - time: seconds, never falling.
  ///   - timeToLive: seconds, of what is set; 0: for ever.
  package func get(_ hash: UInt64, time: UInt32 = 0, timeToLive: UInt32 = 0) {
    let takers = taken(hash)
    guard takers > 0 else { return }
    let row = row(of: hash)
    let deadline = deadline(time, timeToLive)
    for index in 0..<takers where !hits(row, index, time) {
      caches[index].misses += 1
      write(row, index, time, deadline)
    }
  }

  /// A get that fills nothing: what it missed is set later, see ``fill(_:time:timeToLive:)``, or never.
  package func look(_ hash: UInt64, time: UInt32 = 0) {
    let takers = taken(hash)
    let row = table.row(of: hash)
    for index in 0..<takers where row.map({ !hits($0, index, time) }) ?? true { caches[index].misses += 1 }
  }

  /// The set that follows a get that missed; a cache where that get hit does nothing.
  package func fill(_ hash: UInt64, time: UInt32 = 0, timeToLive: UInt32 = 0) {
    let takers = takers(hash)
    guard takers > 0 else { return }
    let row = row(of: hash)
    let deadline = deadline(time, timeToLive)
    for index in 0..<takers where !hits(row, index, time) { write(row, index, time, deadline) }
  }

  /// A set that no get asked for.
  package func set(_ hash: UInt64, time: UInt32 = 0, timeToLive: UInt32 = 0) {
    let takers = takers(hash)
    guard takers > 0 else { return }
    let row = row(of: hash)
    let deadline = deadline(time, timeToLive)
    for index in 0..<takers { write(row, index, time, deadline) }
  }

  /// Whether a cache has the key; it is visited then.
  private func hits(_ row: Int, _ index: Int, _ time: UInt32) -> Bool {
    let state = states.baseAddress! + (row * caches.count + index)
    guard state.pointee != 0 else { return false }
    if hasDeadlines, expired(caches.baseAddress! + index, state.pointee, time) { return false }
    if state.pointee & Miniature.visited == 0 { state.pointee |= Miniature.visited }
    return true
  }

  private func write(_ row: Int, _ index: Int, _ time: UInt32, _ deadline: UInt32) {
    let state = states.baseAddress! + (row * caches.count + index)
    if state.pointee == 0 {
      insert(row, index, time, deadline)
    } else {
      refill(caches.baseAddress! + index, state, deadline)
    }
  }

  package func remove(_ hash: UInt64) {
    guard let row = table.row(of: hash) else { return }
    for index in caches.indices where states[row * caches.count + index] != 0 {
      drop(states[row * caches.count + index] & ~Miniature.visited, from: index)
    }
  }

  package func removeAll() {
    for index in caches.indices {
      // Bound: each turn takes an entry out.
      while caches[index].count > 0 { drop(caches[index].oldest, from: index) }
    }
  }

  /// What was requested up to here has filled the caches and counts no more.
  package func startCounting() {
    requests = 0
    for index in takenBy.indices { takenBy[index] = 0 }
    for index in caches.indices { caches[index].misses = 0 }
  }

  /// Counts a get, and returns how many caches take it.
  private func taken(_ hash: UInt64) -> Int {
    requests += 1
    let takers = takers(hash)
    takenBy[takers] += 1
    return takers
  }

  /// How many caches take the key. Larger caches take fewer keys, so it is the first so many.
  private func takers(_ hash: UInt64) -> Int {
    var count = caches.count
    // Bound: the number of caches.
    while count > 0, hash > caches[count - 1].limit { count -= 1 }
    return count
  }

  private func deadline(_ time: UInt32, _ timeToLive: UInt32) -> UInt32 {
    guard timeToLive != 0 else { return 0 }
    hasDeadlines = true
    let (sum, overflow) = time.addingReportingOverflow(timeToLive)
    return overflow ? 0 : sum
  }

  private func expired(_ cache: UnsafeMutablePointer<Miniature>, _ state: UInt32, _ time: UInt32) -> Bool {
    cache.pointee.isExpired(state & ~Miniature.visited, at: time)
  }

  // MARK: Entries

  private func row(of hash: UInt64) -> Int {
    let (row, isNew) = table.insert(hash)
    guard isNew else { return row }
    if (row + 1) * caches.count > states.count { growStates() }
    if row == uses.count {
      uses.append(0)
      hashes.append(hash)
    } else {
      hashes[row] = hash
    }
    (states.baseAddress! + row * caches.count).update(repeating: 0, count: caches.count)
    return row
  }

  private func growStates() {
    let larger = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 2 * states.count)
    larger.baseAddress!.update(from: states.baseAddress!, count: states.count)
    states.deallocate()
    states = larger
  }

  private func insert(_ row: Int, _ index: Int, _ time: UInt32, _ deadline: UInt32) {
    let cache = caches.baseAddress! + index
    let slot = cache.pointee.takeSlot()
    if cache.pointee.count == cache.pointee.capacity {
      var queue = MiniatureQueue(
        cache: cache, states: states.baseAddress! + index, stride: caches.count, time: time)
      if let victim = Sieve.victim(in: &queue, where: { _ in true }) { drop(victim, from: index) }
    }
    cache.pointee.append(slot, row: row, deadline: deadline)
    states[row * caches.count + index] = slot
    uses[row] += 1
    if hasDeadlines { sweep(index, time) }
  }

  /// An update keeps its place in the queue and counts as a visit (SPEC.md §9.2).
  private func refill(
    _ cache: UnsafeMutablePointer<Miniature>, _ state: UnsafeMutablePointer<UInt32>, _ deadline: UInt32
  ) {
    let slot = cache.pointee.takeOver(state.pointee & ~Miniature.visited, deadline: deadline)
    state.pointee = slot | Miniature.visited
  }

  private func drop(_ slot: UInt32, from index: Int) {
    let row = Int(caches[index].slots[Int(slot)].row)
    caches[index].takeOut(slot)
    states[row * caches.count + index] = 0
    uses[row] -= 1
    if uses[row] == 0 { table.remove(hashes[row]) }
  }

  /// What a set of a new key looks at for expired entries (W5).
  private func sweep(_ index: Int, _ time: UInt32) {
    let cache = caches.baseAddress! + index
    for _ in 0..<min(4, Int(cache.pointee.used)) {
      if cache.pointee.isExpired(cache.pointee.sweep, at: time) { drop(cache.pointee.sweep, from: index) }
      cache.pointee.sweep = cache.pointee.sweep < cache.pointee.used ? cache.pointee.sweep + 1 : 1
    }
  }

  // MARK: Results

  /// What each size would have hit.
  package var points: [CurvePoint] {
    var taken = 0
    var byCache: [Int] = []
    // The last cache took what the first n took with n all of them; each one before it takes those, too.
    for index in caches.indices.reversed() {
      taken += takenBy[index + 1]
      byCache.append(taken)
    }
    return zip(capacities, zip(caches, byCache.reversed())).map { capacity, counts in
      let (cache, taken) = counts
      let rate = cache.limit == .max ? 1 : Double(cache.limit) / 0x1p64
      let expected = (requestsOfAll.map { Double($0) * part } ?? Double(requests)) * rate
      let misses = expected > 0 ? Double(cache.misses) / expected : 1
      return CurvePoint(
        capacity: capacity, hitRatio: min(1, max(0, 1 - misses)), rate: rate * part, misses: cache.misses,
        taken: taken)
    }
  }
}

/// One size and what it would have hit.
package struct CurvePoint: Equatable, Sendable {
  package let capacity: Int
  package let hitRatio: Double
  /// The part of all keys that was simulated; 1: exact.
  package let rate: Double
  /// Of the simulated requests.
  package let misses: Int
  package let taken: Int

  package init(capacity: Int, hitRatio: Double, rate: Double = 1, misses: Int = 0, taken: Int = 0) {
    self.capacity = capacity
    self.hitRatio = hitRatio
    self.rate = rate
    self.misses = misses
    self.taken = taken
  }
}
