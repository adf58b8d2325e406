// SPDX-License-Identifier: Apache-2.0
// The same 100,000 operations twice: by the library on one store, by the C code on another. Every answer must be the same,
// and with it every victim of SIEVE, every expiration and every counter; and a checker must find nothing in what C wrote.

import CLimit
import Synchronization
import WarpFormat
import WarpKV

enum ReplayCheck {
  private static let operations = 100_000

  private struct Shape {
    let capacity: Int
    let shards: Int
    let keys: Int
    let maxValueSize: Int
    let expires: Bool
  }

  static func run(_ session: Session) throws -> [String] {
    var faults: [String] = []
    for (index, shape) in [
      Shape(capacity: 1000, shards: 1, keys: 3000, maxValueSize: 64, expires: false),
      Shape(capacity: 1000, shards: 1, keys: 3000, maxValueSize: 300, expires: true),
      Shape(capacity: 5000, shards: 16, keys: 20_000, maxValueSize: 64, expires: true),
      // A table of 8 buckets with one entry, and one in which windows fill up.
      Shape(capacity: 1, shards: 1, keys: 5, maxValueSize: 16, expires: false),
      Shape(capacity: 40, shards: 4, keys: 200, maxValueSize: 16, expires: true),
    ].enumerated() {
      let found = try replay(session, shape, seed: UInt64(index + 1))
      faults += found.map { "capacity \(shape.capacity), \(shape.shards) shards: \($0)" }
      if Interrupt.isRaised { throw BenchError("interrupted") }
    }
    return faults
  }

  /// The time of both stores. A class because the library's clock is a closure that may be called from any thread.
  private final class Clock: Sendable {
    let now = Atomic<UInt64>(1_000_000_000)
  }

  private static func replay(_ session: Session, _ shape: Shape, seed: UInt64) throws -> [String] {
    let clock = Clock()
    let configuration = StoreConfiguration(
      capacity: shape.capacity, maxKeySize: Content.keySize, maxValueSize: shape.maxValueSize, shards: shape.shards,
      clock: CacheClock(now: { clock.now.load(ordering: .relaxed) }, sleep: { _ in }))
    let library = try BenchStore(session.scratch, configuration, name: "library.warp")
    let hands = try BenchStore(session.scratch, configuration, name: "hands.warp")
    // Both stores have their hash seed; that of one shard decides nothing but where a key lies, that of several also which
    // shard. So several shards compare no misses, only what must hold anyway.
    let isExact = shape.shards == 1
    var random = SplitMix(seed: seed)
    var zipf = Zipf(count: shape.keys)
    var faults: [String] = []
    var buffer = [UInt8](repeating: 0, count: shape.maxValueSize)
    var written: [[UInt8]: [UInt8]] = [:]
    var hits = 0
    for operation in 0..<operations where faults.count < 5 {
      let now = clock.now.add(1_000_000, ordering: .relaxed).newValue
      hands.limit.fixed_now = now &+ hands.limit.clock_base
      let entry = zipf.rank(&random)
      // Keys of all sizes, also none and odd ones; several entries share a short one.
      let key = Array(Content.key(entry).prefix(entry % 17))
      let size = 8 + Int(random.next() % UInt64(shape.maxValueSize - 7))
      let lifetime = shape.expires && random.next() % 4 == 0 ? 1 + random.next() % 500_000_000 : 0
      if random.next() % 10 > 0 {
        let expected = try library.store.get(key, into: &buffer)
        let expectedValue = buffer
        let found = limit_get(&hands.limit, key, key.count, &buffer, buffer.count)
        if isExact, number(expected) != found { faults.append("get \(operation): \(found) instead of \(expected)") }
        if found >= 0 {
          hits += 1
          let value = Array(buffer[..<found])
          if isExact, value != Array(expectedValue[..<found]) { faults.append("get \(operation): another value") }
          if value != written[key] { faults.append("get \(operation): not the value that was set last") }
          continue
        }
      }
      let value = Content.value(operation, size: size)
      written[key] = value
      try library.store.set(key, to: value, timeToLive: lifetime > 0 ? .nanoseconds(lifetime) : nil)
      let result = limit_put(&hands.limit, key, key.count, value, value.count, lifetime)
      if result < 0 { faults.append("put \(operation): \(result)") }
    }
    faults += try judge(library, hands, shape, isExact: isExact, keys: shape.keys)
    print("\(operations) operations on \(shape.capacity) entries in \(shape.shards) shards, \(hits) hits")
    return faults
  }

  private static func number(_ result: GetResult) -> Int {
    switch result {
    case .hit(let size): size
    case .miss: LIMIT_MISS
    case .busy: LIMIT_BUSY
    case .tooSmall: LIMIT_SMALL
    }
  }

  /// What is left when both are done.
  private static func judge(
    _ library: BenchStore, _ hands: BenchStore, _ shape: Shape, isExact: Bool, keys: Int
  ) throws -> [String] {
    var faults: [String] = []
    for finding in try Verifier(path: hands.path).findings().prefix(5) {
      faults.append("\(finding.rule) at \(finding.offset): \(finding.message)")
    }
    var (expected, found) = (try library.store.statistics(), try hands.store.statistics())
    (expected.allocatedBytes, found.allocatedBytes) = (0, 0)
    if isExact, expected != found { faults.append("statistics: \(found), and the library's: \(expected)") }
    let balance = found.insertions - found.evictions - found.expirations - found.removals
    if balance != found.count { faults.append("\(found.count) entries, and by the counters \(balance)") }
    // Another handle, which checks every checksum, reads what the C code reads, and of one shard what the library has.
    let now = hands.limit.fixed_now &- hands.limit.clock_base
    let configuration = StoreConfiguration(
      verifyReads: true, ifDifferent: .useExisting, createIfMissing: false,
      clock: CacheClock(now: { now }, sleep: { _ in }))
    let reader = try SharedStore.open(path: hands.path, configuration)
    defer { reader.close() }
    var buffer = [UInt8](repeating: 0, count: shape.maxValueSize)
    for entry in 1...keys {
      let key = Array(Content.key(entry).prefix(entry % 17))
      let value = try reader.get(key)
      let size = limit_get(&hands.limit, key, key.count, &buffer, buffer.count)
      if value != (size < 0 ? nil : Array(buffer[..<size])) {
        faults.append("entry \(entry): C and library differ")
      }
      if isExact, try library.store.get(key) != value { faults.append("entry \(entry): the stores differ") }
      if faults.count > 5 { break }
    }
    if try reader.statistics().corrupt > 0 { faults.append("checksums are wrong") }
    return faults
  }
}
