// SPDX-License-Identifier: Apache-2.0
// Sets of a shared store: of keys that are there, and of new ones into a full store, against the same steps in C.
//
// For the latter every chunk has keys that were never there, so that each set is an insertion with an eviction.

import CLimit
import WarpKV

extension BenchGroup {
  static let put = BenchGroup(name: "put", summary: "a shared update, and an insert with eviction, against C") {
    session in
    for entries in session.isQuick ? [100_000] : [1000, 100_000, 1_000_000] {
      for size in session.isQuick ? [64] : [64, 1024] {
        try updates(session, entries: entries, valueSize: size)
        if Interrupt.isRaised { return }
        try inserts(session, entries: entries, valueSize: size)
        if Interrupt.isRaised { return }
      }
    }
  }

  private static func updates(_ session: Session, entries: Int, valueSize: Int) throws {
    let place = try BenchStore(session.scratch, entries: entries, valueSize: valueSize)
    let series = session.series("put", entries: entries, valueSize: valueSize)
    let stream = session.stream(series)
    session.measure(
      series,
      [
        limitPut(place, stream, valueSize, name: "update in C"), put(place, stream, valueSize, name: "update"),
      ])
  }

  private static func inserts(_ session: Session, entries: Int, valueSize: Int) throws {
    var series = session.series("put", entries: entries, valueSize: valueSize, "")
    series.chunks = min(series.chunks, 12)
    let configuration = StoreConfiguration(
      capacity: entries, maxKeySize: Content.keySize, maxValueSize: valueSize, shards: BenchStore.shards(entries))
    let place = try BenchStore(session.scratch, configuration)
    // Twice the capacity, so that each shard is full.
    try place.fill(0..<2 * entries, valueSize: valueSize)
    let keys = NewKeys(first: 2 * entries, chunk: series.chunk)
    let before = try place.store.statistics()
    session.measure(
      series,
      [
        limitPut(place, keys, valueSize, name: "insert with eviction in C"),
        put(place, keys, valueSize, name: "insert with eviction"),
      ]
    ) { _ in keys.renew() }
    let after = try place.store.statistics()
    let (inserted, evicted) = (after.insertions - before.insertions, after.evictions - before.evictions)
    if inserted != evicted || after.updates > 0 {
      session.findings.fault("put: \(inserted) insertions, \(evicted) evictions and \(after.updates) updates")
    }
  }

  // MARK: Variants

  static func put(_ place: BenchStore, _ keys: some Keys, _ size: Int, name: String) -> Variant {
    let value = Buffer(size)
    let store = place.store
    return Variant(name: name) { range in
      var sum: UInt64 = 0
      for operation in range {
        let bytes = UnsafeRawBufferPointer(value.bytes)
        if try! store.set(keys.key(operation).bytes, to: bytes.bytes) != .skipped { sum &+= 1 }
      }
      return sum
    }
  }

  static func limitPut(_ place: BenchStore, _ keys: some Keys, _ size: Int, name: String) -> Variant {
    let value = Buffer(size)
    return Variant(name: name) { range in
      var sum: UInt64 = 0
      withUnsafePointer(to: place.limit) { limit in
        for operation in range
        where limit_put(
          limit, keys.key(operation).baseAddress, Content.keySize, value.start, size, 0) >= 0
        { sum &+= 1 }
      }
      return sum
    }
  }
}

/// Whatever gives the key of an operation.
protocol Keys {
  func key(_ operation: Int) -> UnsafeRawBufferPointer
}

extension Stream: Keys {}

/// A chunk of keys that were never used before.
final class NewKeys: Keys {
  private let bytes: UnsafeMutableRawPointer
  private let chunk: Int
  private var next: Int

  init(first: Int, chunk: Int) {
    (next, self.chunk) = (first, chunk)
    bytes = UnsafeMutableRawPointer.allocate(byteCount: chunk * Content.keySize, alignment: 64)
  }

  deinit { bytes.deallocate() }

  /// The next chunk's keys.
  func renew() {
    for index in 0..<chunk { Content.writeKey(next + index, to: bytes + index * Content.keySize) }
    next += chunk
  }

  @inline(__always)
  func key(_ operation: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes + operation % chunk * Content.keySize, count: Content.keySize)
  }
}
