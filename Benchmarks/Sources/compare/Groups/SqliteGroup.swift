// SPDX-License-Identifier: Apache-2.0
// SQLite on the same entries and stream: WITHOUT ROWID, WAL, memory-mapped, no sync, prepared statements. The ratio is SQLite's
// time to WarpKV's.

import CPeers
import WarpKV

extension BenchGroup {
  static let sqlite = BenchGroup(name: "sqlite", summary: "SQLite's time for a get, to WarpKV's") { session in
    for size in session.isQuick ? [64] : [64, 1024] {
      let entries = 100_000
      try session.scratch.reserve(entries * (size + 64) * 3)
      let path = session.scratch.file("sqlite.db")
      defer { for suffix in ["", "-wal", "-shm"] { Scratch.removeTree(path + suffix) } }
      var trouble: UnsafePointer<CChar>?
      guard let peer = sqlite_open(path, &trouble) else { throw BenchError(reason(trouble)) }
      defer { sqlite_close(peer) }
      try fill("SQLite", entries, size, begin: { sqlite_begin(peer) }, commit: { sqlite_commit(peer) }) {
        key, value in
        sqlite_put(peer, key, key.count, value, value.count)
      }
      let place = try BenchStore(session.scratch, entries: entries, valueSize: size)
      let series = session.series("sqlite", entries: entries, valueSize: size)
      let stream = session.stream(series)
      let buffer = Buffer(size)
      session.measure(
        series,
        [
          place.get(stream),
          Variant(name: "SQLite", every: 16) { range in
            sum(stream, range, buffer) { sqlite_get(peer, $0, Content.keySize, buffer.start, size) }
          },
        ])
      if try !agrees(place, stream, buffer, get: { sqlite_get(peer, $0, Content.keySize, buffer.start, size) }) {
        session.findings.fault("sqlite: it read other bytes than WarpKV")
      }
      if Interrupt.isRaised { return }
    }
  }

  /// Whether a peer that runs only a part of each chunk reads what WarpKV reads, on a thousand operations.
  static func agrees(
    _ place: BenchStore, _ stream: Stream, _ buffer: Buffer, get: (UnsafeRawPointer) -> Int
  ) throws -> Bool {
    let range = 0..<min(1000, stream.count)
    return sum(stream, range, buffer, get) == place.get(stream).run(range)
  }
}
