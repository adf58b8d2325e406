// SPDX-License-Identifier: Apache-2.0
// SIEVE by the book (Zhang et al., "SIEVE is Simpler than LRU", NSDI '24): one list, one hand, one bit an entry. It
// shares no line with the library, so that two programs have to agree about every miss.
//
//   head = newest  <->  …  <->  tail = oldest;  the hand walks from the tail to the head and then begins again
//
// - A hit sets the bit and moves nothing. A new entry joins at the head with the bit clear.
// - The hand clears set bits and passes on; the first clear one goes, and the hand stays at its newer neighbour. If it
//   has none, the hand is unset: the next walk begins at whatever is the tail then.

/// A simulation that counts; there are no values.
package struct ExactSieve {
  private let capacity: Int
  /// By key number: is it in, was it asked for again, and its neighbours; `none` where there is none.
  private var isIn: [Bool]
  private var visited: [Bool]
  private var newer: [Int]
  private var older: [Int]
  private var head = none
  private var tail = none
  private var hand = none
  private var count = 0

  private static let none = -1

  init(capacity: Int, keys: Int) {
    self.capacity = capacity
    isIn = Array(repeating: false, count: keys)
    visited = isIn
    newer = Array(repeating: Self.none, count: keys)
    older = newer
  }

  /// How often an exact SIEVE misses, with get else fill.
  package static func misses(_ trace: Trace, _ keys: KeyNumbers, capacity: Int) -> Int {
    var sieve = ExactSieve(capacity: capacity, keys: keys.limit)
    var misses = 0
    for index in 0..<trace.count where !sieve.ask(keys.number(trace.id(at: index))) { misses += 1 }
    return misses
  }

  /// Whether the key was in; it is afterwards.
  mutating func ask(_ key: Int) -> Bool {
    if isIn[key] {
      visited[key] = true
      return true
    }
    if count == capacity { evict() }
    isIn[key] = true
    visited[key] = false
    older[key] = head
    newer[key] = Self.none
    if head == Self.none { tail = key } else { newer[head] = key }
    head = key
    count += 1
    return false
  }

  private mutating func evict() {
    var victim = hand == Self.none ? tail : hand
    // At most one whole round clears every bit, so the second finds a clear one.
    while visited[victim] {
      visited[victim] = false
      victim = newer[victim] == Self.none ? tail : newer[victim]
    }
    hand = newer[victim]
    if newer[victim] == Self.none { head = older[victim] } else { older[newer[victim]] = older[victim] }
    if older[victim] == Self.none { tail = newer[victim] } else { newer[older[victim]] = newer[victim] }
    isIn[victim] = false
    count -= 1
  }
}
