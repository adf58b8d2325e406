// SPDX-License-Identifier: Apache-2.0
// Opening and closing a store that is there, of 10 MB and of 10 GB; both are mostly holes. Wall time: it is system calls.

import WarpKV

extension BenchGroup {
  static let open = BenchGroup(name: "open", summary: "opening and closing an existing store, 10 GB against 10 MB")
  { session in
    let (small, large) = (session.scratch.file("small.warp"), session.scratch.file("large.warp"))
    // The same number of entries and shards: what differs is the size of the slots.
    func configuration(_ size: Int) -> StoreConfiguration {
      StoreConfiguration(capacity: 10_000, maxKeySize: 32, maxValueSize: size, shards: 16)
    }
    var sizes: [String: Int] = [:]
    for (path, size) in [(small, 1000), (large, 1_000_000)] {
      let store = try SharedStore.open(path: path, configuration(size))
      for entry in 0..<100 { try store.set(Content.key(entry), to: Content.value(entry, size: 500)) }
      store.close()
      sizes[path] = size
    }
    defer { for path in [small, large] { _ = try? SharedStore.delete(path: path) } }
    var series = session.series("open", entries: 0, "", clock: .wall, chunk: 20, chunks: 10)
    series.chunks = 10
    func opened(_ path: String, _ name: String) -> Variant {
      let configuration = configuration(sizes[path]!)
      return Variant(name: name) { range in
        for _ in range { try! SharedStore.open(path: path, configuration).close() }
        return UInt64(range.count)
      }
    }
    let timings = session.measure(
      series, [opened(small, "open and close, 10 MB"), opened(large, "open and close, 10 GB")])
    guard timings.count == 2, !timings[1].ratios.isEmpty else { return }
    session.add(series, "open 10 GB to 10 MB", timings[1], to: timings[0])
    try recovery(session)
  }

  /// What a writer pays that finds a shard whose owner died: the first set after a kill, against a set.
  private static func recovery(_ session: Session) throws {
    for entries in session.isQuick ? [1000] : [1000, 100_000] {
      let place = try BenchStore(
        session.scratch,
        StoreConfiguration(capacity: entries, maxKeySize: Content.keySize, maxValueSize: 64, shards: 1))
      try place.fill(0..<entries, valueSize: 64)
      var times: [Double] = []
      for _ in 0..<5 {
        let writer = try InterruptedWriter(session, place)
        writer.end()
        let begin = Clocks.now(.wall)
        try place.store.set(Content.key(0), to: Content.value(0, size: 64))
        times.append(Double(Clocks.now(.wall) - begin))
      }
      var series = session.series("open", entries: entries, valueSize: 64, "")
      series.runs = times.count
      let begin = Clocks.now(.wall)
      for entry in 0..<1000 { try place.store.set(Content.key(entry), to: Content.value(entry, size: 64)) }
      let set = Double(Clocks.now(.wall) - begin) / 1000
      session.add(
        series, "the first set after a kill, to a set", times.map { $0 / set },
        nanoseconds: Percentile.median(times))
    }
  }
}
