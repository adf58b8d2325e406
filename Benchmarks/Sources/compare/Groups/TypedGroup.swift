// SPDX-License-Identifier: Apache-2.0
// A hit of a typed cache in a shared store, against a get of the same entry's bytes from the same store.

import WarpFormat
import WarpKV

extension BenchGroup {
  static let typed = BenchGroup(
    name: "typed", summary: "a typed hit in a shared store, to a get of the same bytes"
  ) { session in
    for entries in session.isQuick ? [100_000] : [1000, 100_000] {
      try integers(session, entries: entries)
      if Interrupt.isRaised { return }
      try texts(session, entries: entries)
      if Interrupt.isRaised { return }
    }
  }

  private static func integers(_ session: Session, entries: Int) throws {
    let cache = try Cache<Int, Int>(
      "integers", in: .shared, capacity: BenchStore.roomy(entries),
      options: options(session, entries, valueSize: 16))
    defer { close(cache, session) }
    for entry in 0..<entries { try cache.set(entry, to: entry) }
    let series = session.series("typed", entries: entries)
    let stream = session.stream(series)
    let ids = stream.ids.map { Int($0) }
    try session.measure(
      series,
      [
        bytes(cache.store, "Int to Int as bytes", ids, room: 16) { entry in
          var writer = TypedWriter(mode: .key)
          writer.append(integer: entry)
          return writer.bytes
        },
        Variant(name: "Int to Int", isComparable: false) { range in
          var sum: UInt64 = 0
          for operation in range { sum &+= UInt64(try! cache.get(ids[operation]) ?? 0) }
          return sum
        },
      ])
    try requireHits(cache, session, "Int to Int")
  }

  private static func texts(_ session: Session, entries: Int) throws {
    let cache = try Cache<String, [UInt8]>(
      "texts", in: .shared(keys: .typed, values: .typed), capacity: BenchStore.roomy(entries),
      options: options(session, entries, valueSize: 80))
    defer { close(cache, session) }
    let names = (0..<entries).map { Content.text($0) }
    for entry in 0..<entries { try cache.set(names[entry], to: Content.value(entry, size: 64)) }
    let series = session.series("typed", entries: entries)
    let stream = session.stream(series)
    let ids = stream.ids.map { Int($0) }
    // In the order of the stream, as the encoded keys beside it and those of other streams.
    let asked = ids.map { Content.text($0) }
    try session.measure(
      series,
      [
        bytes(cache.store, "String to 64 bytes as bytes", ids, room: 80) { entry in
          var writer = TypedWriter(mode: .key)
          try writer.append(names[entry])
          return writer.bytes
        },
        Variant(name: "String to 64 bytes", isComparable: false) { range in
          var sum: UInt64 = 0
          // Borrowed, as a program has the key that it was given: an array's element would be retained and released.
          let keys = asked.span
          for operation in range { sum &+= UInt64(try! cache.get(keys[operation])?[0] ?? 0) }
          return sum
        },
      ])
    try requireHits(cache, session, "String to 64 bytes")
  }

  // MARK: Parts

  private static func options(_ session: Session, _ entries: Int, valueSize: Int) -> CacheOptions {
    var options = CacheOptions()
    options.directory = session.scratch.path
    options.shards = BenchStore.shards(entries)
    (options.maxKeySize, options.maxValueSize) = (32, valueSize)
    return options
  }

  /// Gets of encoded keys, which are made outside the time, into a buffer.
  private static func bytes(
    _ store: SharedStore?, _ name: String, _ ids: [Int], room: Int, encode: (Int) throws -> [UInt8]
  ) throws -> Variant {
    guard let store else { throw BenchError("a shared cache without a store") }
    let buffer = Buffer(room)
    // All in one piece, as the keys of other streams.
    let keys = try ids.map(encode)
    let joined = Buffer(keys.reduce(0) { $0 + $1.count })
    var places: [UnsafeRawBufferPointer] = []
    var at = joined.start
    for key in keys {
      at.copyMemory(from: key, byteCount: key.count)
      places.append(UnsafeRawBufferPointer(start: at, count: key.count))
      at += key.count
    }
    return Variant(name: name, isComparable: false) { range in
      var sum: UInt64 = 0
      withExtendedLifetime(joined) {
        for operation in range {
          var target = buffer.bytes.mutableBytes
          if case .hit(let size) = try! store.get(places[operation].bytes, into: &target) {
            sum &+= buffer.word &+ UInt64(size)
          }
        }
      }
      return sum
    }
  }

  private static func requireHits(_ cache: Cache<some Any, some Any>, _ session: Session, _ name: String) throws {
    let statistics = try cache.statistics()
    if statistics.misses > 0 { session.findings.fault("typed: \(statistics.misses) misses of \(name)") }
  }

  private static func close(_ cache: Cache<some Any, some Any>, _ session: Session) {
    let path = cache.store?.path
    cache.close()
    if let path { _ = try? SharedStore.delete(path: path) }
  }
}
