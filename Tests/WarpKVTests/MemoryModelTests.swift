// SPDX-License-Identifier: Apache-2.0
// The memory backend against a model: random operations with a seed, agreement after every single one. A disagreement
// ends the run with the seed and the number of the operation; WARP_SEED repeats it.

import Testing
import WarpKV
import WarpTestSupport

private let shapes: [MemoryShape] = [
  MemoryShape(capacity: 1, operations: 4000), MemoryShape(capacity: 2, operations: 4000),
  MemoryShape(capacity: 3, dated: 0, operations: 4000), MemoryShape(capacity: 7, operations: 8000),
  MemoryShape(capacity: 64, operations: 10_000), MemoryShape(capacity: 64, dated: 950, operations: 10_000),
  MemoryShape(capacity: 1000, operations: 20_000), MemoryShape(capacity: 300, dated: 0, operations: 10_000),
  MemoryShape(capacity: 67, shards: 4, operations: 10_000),
  MemoryShape(capacity: 1100, shards: 32, operations: 20_000),
  MemoryShape(capacity: 7, weightLimit: 20, operations: 8000),
  MemoryShape(capacity: 200, weightLimit: 300, operations: 10_000),
  MemoryShape(capacity: 50, shards: 2, weightLimit: 121, operations: 8000),
]

/// Expiring long before it could be evicted, so that the sweep does all the work.
private let sweptShape = MemoryShape(capacity: 5000, shards: 1, dated: 1000, operations: 20_000)

@Suite struct MemoryModelTests {
  @Test(arguments: shapes) func numbersAsKeys(_ shape: MemoryShape) throws {
    try compare(shape, seed: TestPlan.seed(UInt64(shape.capacity))) { Int(truncatingIfNeeded: $0) }
  }

  /// A key that lies in one word with the bookkeeping, and whose home is one of few.
  @Test(arguments: shapes) func bytesAsKeys(_ shape: MemoryShape) throws {
    guard shape.capacity < 80 else { return }
    try compare(shape, seed: TestPlan.seed(UInt64(shape.capacity) + 2000)) { UInt8(truncatingIfNeeded: $0) }
  }

  @Test(arguments: shapes) func stringsAsKeys(_ shape: MemoryShape) throws {
    try compare(shape, seed: TestPlan.seed(UInt64(shape.capacity) + 1000)) { "key \($0)" }
  }

  @Test func mostlyExpired() throws {
    try compare(sweptShape, seed: TestPlan.seed(77)) { Int(truncatingIfNeeded: $0) }
  }

  /// Deep: a million operations of each kind over all shapes.
  private func compare<Key: Hashable & Sendable>(
    _ shape: MemoryShape, seed: UInt64, _ key: (UInt64) -> Key
  ) throws {
    let run = try MemoryRun(shape, seed: seed, key)
    for number in 0..<(TestPlan.isDeep ? 1_000_000 / shapes.count : shape.operations) {
      do {
        try run.step()
        if number % run.checkEvery == 0 { try run.compareAll() }
      } catch {
        Issue.record("seed \(seed), operation \(number): \(error)")
        return
      }
    }
    #expect(throws: Never.self) { try run.compareAll() }
  }

  /// SPEC.md's vector for exact SIEVE, call by call.
  @Test func theVectorOfTheSpecification() throws {
    let ids = [1, 2, 3, 1, 2, 4, 1, 5, 2, 3, 6, 1, 4, 4, 5, 7, 1, 2, 3, 1, 8, 2, 9, 1, 3]
    let cache = try MemoryBackend<Int, Int>(capacity: 3)
    let model = SieveModel<Int, Int>(capacity: 3)
    var outcome = ""
    for id in ids {
      let isHit = cache.get(id) != nil
      outcome += isHit ? "H" : "M"
      if !isHit { cache.set(id, to: id) }
      if model.get(id, at: 0) == nil { _ = model.set(id, id, deadline: nil, at: 0) }
      #expect(cache.keys() == model.order)
    }
    #expect(outcome == "MMMHHMHMMMMHMHMMHMMHMMMHM")
    #expect(cache.statistics.evictions == model.counts.evictions)
  }
}
