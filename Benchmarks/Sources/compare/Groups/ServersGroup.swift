// SPDX-License-Identifier: Apache-2.0
// Redis and memcached on a unix socket of this run, one client, wall time: one key a request, and 32 requests in one write.
// The ratio is the server's time for a key to WarpKV's.

import CPeers
import WarpKV

extension BenchGroup {
  static let servers = BenchGroup(
    name: "servers", summary: "a get from Redis and memcached on a unix socket, to WarpKV's"
  ) { session in
    for (name, kind) in [("Redis", SERVER_REDIS), ("memcached", SERVER_MEMCACHED)] {
      do {
        try measure(session, name, Int32(kind))
      } catch let error as BenchError {
        for way in ["single", "pipelined"] { session.findings.skip("\(name), \(way)", error.description) }
      }
      if Interrupt.isRaised { return }
    }
  }

  private static func measure(_ session: Session, _ name: String, _ kind: Int32) throws {
    let entries = 100_000
    let size = 64
    let server = try Server(session.scratch, kind: kind)
    try server.fill(entries, valueSize: size)
    let place = try BenchStore(session.scratch, entries: entries, valueSize: size)
    let series = session.series("servers", entries: entries, valueSize: size, clock: .wall)
    let stream = session.stream(series)
    let failures = Failures()
    session.measure(
      series,
      [
        place.get(stream),
        ask(server, stream, batch: 1, every: 64, name: "\(name), single", failures),
        ask(server, stream, batch: 32, every: 8, name: "\(name), 32 in a batch", failures),
      ])
    let range = 0..<1024
    if ask(server, stream, batch: 32, every: 1, name: "", failures).run(range) != place.get(stream).run(range) {
      session.findings.fault("servers: \(name) gave other bytes than WarpKV")
    }
    if failures.count > 0 { session.findings.fault("servers: \(failures.count) requests to \(name) failed") }
  }

  private final class Failures { var count = 0 }

  private static func ask(
    _ server: Server, _ stream: Stream, batch: Int, every: Int, name: String, _ failures: Failures
  ) -> Variant {
    Variant(name: name, every: every) { range in
      var sum: UInt64 = 0
      for start in stride(from: range.lowerBound, to: range.upperBound, by: batch) {
        let count = Int32(min(batch, range.upperBound - start))
        let values = server_get_sum(
          server.link, stream.key(start).baseAddress, Content.keySize, Content.keySize, count, &sum)
        if values != Int(count) { failures.count += 1 }
      }
      return sum
    }
  }
}
