// SPDX-License-Identifier: Apache-2.0
// Mixed work on a shared store, against the same work in C on a store of its own: gets and sets, a real trace, entries that
// expire. No gate: what users do is a mixture, and these are some.

import CLimit
import CPeers
import WarpKV

extension BenchGroup {
  static let workloads = BenchGroup(
    name: "workloads", summary: "95/5, 50/50, a Twitter trace, entries that expire; against C"
  ) { session in
    let entries = 100_000
    for percent in [5, 50] {
      try mix(session, entries: entries, writes: percent)
      if Interrupt.isRaised { return }
    }
    for percent in [10, 50] {
      try expiring(session, entries: entries, percent: percent)
      if Interrupt.isRaised { return }
    }
    try trace(session)
  }

  /// Two stores of the same shape, the first for the C hands.
  private static func pair(_ session: Session, _ configuration: StoreConfiguration) throws -> (
    BenchStore, BenchStore
  ) {
    (try BenchStore(session.scratch, configuration), try BenchStore(session.scratch, configuration))
  }

  /// Gets, and sets of keys that are there.
  private static func mix(_ session: Session, entries: Int, writes: Int) throws {
    let place = try BenchStore(session.scratch, entries: entries, valueSize: 64)
    let series = session.series("workloads", entries: entries, valueSize: 64)
    let stream = session.stream(series)
    let name = "\(100 - writes)/\(writes)"
    let (library, hands) = (LibraryHands(place, room: 64), CHands(place, room: 64))
    func work(_ hands: some Hands) -> (Range<Int>) -> UInt64 {
      { range in
        var hits: UInt64 = 0
        for operation in range {
          let key = stream.key(operation)
          if operation &* writes % 100 < writes {
            hands.set(key, size: 64, lifetime: 0)
          } else if hands.get(key) {
            hits &+= 1
          }
        }
        return hits
      }
    }
    session.measure(
      series, [Variant(name: "\(name) in C", run: work(hands)), Variant(name: name, run: work(library))])
  }

  /// Get, else set with a time to live, so short for some entries that they expire before they are asked for again.
  private static func expiring(_ session: Session, entries: Int, percent: Int) throws {
    let configuration = StoreConfiguration(
      capacity: entries, maxKeySize: Content.keySize, maxValueSize: 64, shards: BenchStore.shards(entries))
    let (first, second) = try pair(session, configuration)
    let series = session.series("workloads", entries: 2 * entries, valueSize: 64)
    let stream = session.stream(series)
    let name = "get, else fill, \(percent) % expire"
    let fill = Fill(stream: stream, sizes: [64]) { id in Int(id) % 100 < percent ? 20_000_000 : 3_600_000_000_000 }
    session.measure(
      series,
      [
        Variant(name: "\(name), in C", isComparable: false) { fill.run($0, CHands(first, room: 64)) },
        Variant(name: name, isComparable: false) { fill.run($0, LibraryHands(second, room: 64)) },
      ])
    let statistics = try second.store.statistics()
    session.add(
      series, "\(name): hit ratio, to C's", [statistics.hitRatio / (try first.store.statistics().hitRatio)])
  }

  /// Get, else set, on a million requests to a Twitter cache, with its sizes, up to 1 KiB.
  private static func trace(_ session: Session) throws {
    let trace = try TwitterTrace()
    let capacity = 10_000
    let configuration = StoreConfiguration(
      capacity: capacity, maxKeySize: Content.keySize, maxValueSize: TwitterTrace.mostSize,
      shards: BenchStore.shards(capacity))
    let (first, second) = try pair(session, configuration)
    var series = session.series("workloads", entries: capacity, "trace")
    series.chunks = min(series.chunks, trace.ids.count / series.chunk)
    let stream = Stream(count: trace.ids.count, entries: capacity, distribution: .zipf) { Int(trace.ids[$0]) }
    let fill = Fill(stream: stream, sizes: trace.sizes) { _ in 0 }
    session.measure(
      series,
      [
        Variant(name: "Twitter trace in C", isComparable: false) {
          fill.run($0, CHands(first, room: TwitterTrace.mostSize))
        },
        Variant(name: "Twitter trace", isComparable: false) {
          fill.run($0, LibraryHands(second, room: TwitterTrace.mostSize))
        },
      ])
    let (ours, theirs) = (try second.store.statistics().hitRatio, try first.store.statistics().hitRatio)
    session.add(series, "Twitter trace: hit ratio, to C's", [ours / theirs])
  }
}

/// Who does the gets and sets.
private protocol Hands {
  func get(_ key: UnsafeRawBufferPointer) -> Bool
  func set(_ key: UnsafeRawBufferPointer, size: Int, lifetime: UInt64)
}

private struct LibraryHands: Hands {
  let store: SharedStore
  let buffer: Buffer

  init(_ place: BenchStore, room: Int) { (store, buffer) = (place.store, Buffer(room)) }

  @inline(__always)
  func get(_ key: UnsafeRawBufferPointer) -> Bool {
    var target = buffer.bytes.mutableBytes
    return try! store.get(key.bytes, into: &target).isHit
  }

  @inline(__always)
  func set(_ key: UnsafeRawBufferPointer, size: Int, lifetime: UInt64) {
    let value = UnsafeRawBufferPointer(start: buffer.start, count: size)
    _ = try! store.set(
      key.bytes, to: value.bytes, timeToLive: lifetime == 0 ? nil : .nanoseconds(Int64(lifetime)))
  }
}

private struct CHands: Hands {
  let place: BenchStore
  let limit: limit_store
  let buffer: Buffer
  let room: Int

  init(_ place: BenchStore, room: Int) {
    (self.place, limit, buffer, self.room) = (place, place.limit, Buffer(room), room)
  }

  @inline(__always)
  func get(_ key: UnsafeRawBufferPointer) -> Bool {
    withUnsafePointer(to: limit) { limit_get($0, key.baseAddress, key.count, buffer.start, room) >= 0 }
  }

  @inline(__always)
  func set(_ key: UnsafeRawBufferPointer, size: Int, lifetime: UInt64) {
    withUnsafePointer(to: limit) { _ = limit_put($0, key.baseAddress, key.count, buffer.start, size, lifetime) }
  }
}

/// Get, else set. The sum is the number of hits.
private struct Fill {
  let stream: Stream
  /// Of each operation, or one for all.
  let sizes: [Int]
  /// Nanoseconds by the entry's number, 0: for ever.
  let lifetime: (UInt32) -> UInt64

  @inline(__always)
  func run(_ range: Range<Int>, _ hands: some Hands) -> UInt64 {
    var hits: UInt64 = 0
    for operation in range {
      let key = stream.key(operation)
      if hands.get(key) {
        hits &+= 1
      } else {
        hands.set(
          key, size: sizes.count == 1 ? sizes[0] : sizes[operation], lifetime: lifetime(stream.ids[operation]))
      }
    }
    return hits
  }
}
