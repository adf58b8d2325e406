// SPDX-License-Identifier: Apache-2.0
// What an entry takes beyond its key and value, against the README's formula. The ratio of a shared store is what is allocated to
// what the formula and its fixed parts say; that of the cache in memory is bytes.

import CPeers
import WarpKV

extension BenchGroup {
  static let size = BenchGroup(name: "size", summary: "bytes per entry, against the README's formula") { session in
    let entries = 100_000
    for size in [64, 1024] {
      let configuration = StoreConfiguration(
        capacity: entries, maxKeySize: Content.keySize, maxValueSize: size, shards: 1)
      let place = try BenchStore(session.scratch, configuration)
      try place.fill(0..<entries, valueSize: size)
      let statistics = try place.store.statistics()
      guard statistics.count == entries else {
        throw BenchError("of \(entries) entries \(statistics.count) stayed")
      }
      let stride = up(32 + up(Content.keySize, 8) + size, 64)
      // Buckets: the next power of two of twice the capacity, 8 bytes each; one slot more; and two roundings to pages.
      var buckets = 8
      while buckets < 2 * entries { buckets *= 2 }
      let formula = entries * (stride + 64 + 1) + buckets * 8 + stride + 64 + 1
      let fixed = 8192 + 256 + 2 * 4096 + 140_000
      var series = session.series("size", entries: entries, valueSize: size, "")
      series.runs = 1
      session.add(
        series, "shared, to the formula", [Double(statistics.allocatedBytes) / Double(formula + fixed)])
      session.add(
        series, "shared, bytes per entry beyond key and value",
        [Double(statistics.allocatedBytes - entries * (Content.keySize + size)) / Double(entries)])
      let perEntry = Double(buckets * 8) / Double(entries)
      if perEntry < 16 || perEntry > 32 { session.findings.fault("size: \(perEntry) bytes of buckets an entry") }
    }
    try memory(session, entries: entries)
  }

  private static func up(_ size: Int, _ unit: Int) -> Int { (size + unit - 1) / unit * unit }

  /// What the allocator has given out more, once a cache of Int to Int is full.
  private static func memory(_ session: Session, entries: Int) throws {
    guard peers_heap() > 0 else {
      return session.findings.skip(
        "bytes per memory entry, Int to Int", "the allocator does not tell what it gave out")
    }
    let before = peers_heap()
    let cache = Cache<Int, Int>(capacity: entries)
    // More keys than it holds: then each shard is full.
    for entry in 0..<2 * entries { cache[entry] = entry }
    let taken = peers_heap() - before
    let count = try cache.statistics().count
    withExtendedLifetime(cache) {}
    var series = session.series("size", entries: entries, "")
    series.runs = 1
    session.add(
      series, "memory Int to Int, bytes per entry", [Double(taken) / Double(count) - 16])
  }
}
