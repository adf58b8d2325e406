// SPDX-License-Identifier: Apache-2.0
// The memory backend as a typed cache uses it. There is nothing to encode, and nothing that can fail.

import WarpFormat

extension MemoryBackend: TypedBackend {
  func find(_ key: Key, counting: Bool) -> Found<Key, Value> {
    entry(key, counting: counting).map { .entry($0) } ?? .miss
  }

  func set(
    _ key: Key, to value: Value, lifetime: Lifetime, if condition: SetCondition, lease: Lease?
  ) -> SetResult {
    set(key, to: value, lifetime: lifetime, if: condition)
  }

  func loadKey(_ key: Key) -> LoadKey<Key> { .value(key) }
  func encodedKey(_ key: Key) -> [UInt8]? { nil }
  func removeEntry(_ key: Key, ifRevision revision: UInt64?) -> Bool { remove(key, ifRevision: revision) != nil }
  func forEachEntry(_ body: (CachedEntry<Key, Value>) throws -> Void) throws {
    for entry in entries() { try body(entry) }
  }

  func note(_ counter: Counter, _ amount: Int) { loads.add(counter, amount) }
  func lease(_ key: Key, limit: Int64, over revision: UInt64?) -> LeaseOutcome { .none }
  func close() {}
}
