// SPDX-License-Identifier: Apache-2.0
// LMDB on the same entries and stream: in memory, write map, no sync. Once with a transaction that is renewed around each read,
// which sees what others wrote, and once in one long transaction, which does not.
//
// The ratio is LMDB's time to WarpKV's.

import CPeers
import WarpKV

extension BenchGroup {
  static let lmdb = BenchGroup(name: "lmdb", summary: "LMDB's time for a get, to WarpKV's") { session in
    for entries in session.isQuick ? [100_000] : [1000, 100_000, 1_000_000] {
      for size in [64, 1024] {
        try lmdb(session, entries: entries, valueSize: size)
        if Interrupt.isRaised { return }
      }
    }
  }

  private static func lmdb(_ session: Session, entries: Int, valueSize: Int) throws {
    // Pages are filled to a half at worst, and the tree takes some.
    let room = entries * (valueSize + 64) * 4 + (64 << 20)
    let directory = session.scratch.file("lmdb")
    try Files.makeDirectory(directory)
    defer { Scratch.removeTree(directory) }
    var trouble: UnsafePointer<CChar>?
    guard let peer = lmdb_open(directory, room, &trouble) else { throw BenchError(reason(trouble)) }
    defer { lmdb_close(peer) }
    try session.scratch.reserve(entries * (valueSize + 64) * 2)
    try fill(
      "LMDB", entries, valueSize, begin: { lmdb_begin(peer) }, commit: { lmdb_commit(peer) },
      put: { key, value in lmdb_put(peer, key, key.count, value, value.count) })
    let place = try BenchStore(session.scratch, entries: entries, valueSize: valueSize)
    let series = session.series("lmdb", entries: entries, valueSize: valueSize)
    let stream = session.stream(series)
    let buffer = Buffer(valueSize)
    session.measure(
      series,
      [
        place.get(stream), place.limitGet(stream),
        Variant(name: "LMDB, renewed") { range in
          sum(stream, range, buffer) { lmdb_get_renewed(peer, $0, Content.keySize, buffer.start, valueSize) }
        },
        Variant(name: "LMDB, long") { range in
          lmdb_begin_long(peer)
          defer { lmdb_end_long(peer) }
          return sum(stream, range, buffer) { lmdb_get_long(peer, $0, Content.keySize, buffer.start, valueSize) }
        },
      ])
  }

  // MARK: For all peers

  static func reason(_ trouble: UnsafePointer<CChar>?) -> String {
    trouble.map { String(cString: $0) } ?? "no memory"
  }

  /// The sum over gets that copy into a buffer and return the size.
  @inline(__always)
  static func sum(
    _ stream: Stream, _ range: Range<Int>, _ buffer: Buffer, _ get: (UnsafeRawPointer) -> Int
  ) -> UInt64 {
    var sum: UInt64 = 0
    for operation in range {
      let size = get(stream.key(operation).baseAddress!)
      if size >= 0 { sum &+= buffer.word &+ UInt64(size) }
    }
    return sum
  }

  /// Fills a store in transactions of 10,000 entries.
  static func fill(
    _ name: String, _ entries: Int, _ size: Int, begin: () -> Int32, commit: () -> Int32,
    put: ([UInt8], [UInt8]) -> Int32
  ) throws {
    for start in stride(from: 0, to: entries, by: 10_000) {
      if Interrupt.isRaised { throw BenchError("interrupted") }
      var status = begin()
      for entry in start..<min(start + 10_000, entries) where status == 0 {
        status = put(Content.key(entry), Content.value(entry, size: size))
      }
      if status == 0 { status = commit() }
      guard status == 0 else { throw BenchError("\(name) did not store: \(status)") }
    }
  }
}
