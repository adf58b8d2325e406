// SPDX-License-Identifier: Apache-2.0
// `top` where there is no screen: a line for each look, for people or for programs.

import WarpFormat

enum TopLines {
  static let linesPerTitle = 20

  private static let columns: [(title: String, width: Int, cell: @Sendable (TopSample, TopRates) -> String)] = [
    ("gets/s", 6, { Numbers.short($1.gets) }),
    ("hit %", 6, { $1.hitRatio.map { Numbers.tenths($0 * 100) } ?? "-" }),
    ("sets/s", 6, { Numbers.short($1.sets) }),
    ("evict/s", 7, { Numbers.short($1[.evictions]) }),
    ("fill %", 6, { now, _ in Numbers.tenths(Double(now.entries) / Double(max(1, now.capacity)) * 100) }),
    ("exp/s", 6, { Numbers.short($1[.expirations]) }),
    ("retry/s", 7, { Numbers.short($1[.retries]) }),
    ("wait/s", 6, { Numbers.short($1[.waits]) }),
    ("busy/s", 6, { Numbers.short($1[.busyMisses] + $1.failures) }),
    ("users", 5, { now, _ in "\(now.handles.count { $0.state != .dead })" }),
  ]

  static func title(width: Int) -> String { line("time    ", columns.map { ($0.title, $0.width) }, width) }

  /// - Parameter clock: the time of the day, 8 columns.
  static func line(_ now: TopSample, _ rates: TopRates, clock: String, width: Int) -> String {
    line(clock, columns.map { ($0.cell(now, rates), $0.width) }, width)
  }

  /// As many cells as fit.
  private static func line(_ first: String, _ cells: [(String, Int)], _ width: Int) -> String {
    var line = first
    for (cell, size) in cells {
      guard line.unicodeScalars.count + 1 + size <= width else { break }
      line += " " + cell.leftPadded(size)
    }
    return line
  }

  /// - Parameter time: nanoseconds since 1970.
  static func json(_ path: String, _ before: TopSample?, _ now: TopSample, _ rates: TopRates, time: Int64) -> JSON {
    let handles = now.handles.map { handle -> JSON in
      let rate = before.flatMap { now.rate(of: handle, since: $0) }
      return .object([
        ("pid", .number(handle.pid)), ("name", .string(handle.name)), ("state", .string("\(handle.state)")),
        ("attachedSeconds", StoreFacts.seconds(handle.age)),
        ("operationsPerSecond", rate.map { .number("\($0)") } ?? .null), ("holds", .number(handle.shards)),
        ("computes", .number(handle.leases)),
      ])
    }
    let shards = now.shards.map { shard -> JSON in
      .object([
        ("entries", .number(shard.entries)), ("capacity", .number(shard.capacity)),
        ("hand", shard.hand.map { .number("\($0)") } ?? .null),
        ("owner", shard.owner.map { .string("\($0)") } ?? .null),
      ])
    }
    return .object([
      ("path", .string(path)), ("time", .number("\(Double(time / 1_000_000) / 1000)")),
      ("seconds", .number("\(rates.seconds)")), ("entries", .number(now.entries)),
      ("capacity", .number(now.capacity)), ("bytesUsed", .number(now.bytesUsed)),
      ("bytesAllocated", .number(now.bytesAllocated)),
      ("hitRatio", rates.hitRatio.map { .number("\($0)") } ?? .null),
      ("perSecond", .object(Counter.allCases.map { ("\($0)", .number("\(rates[$0])")) })),
      ("health", .string("\(now.health.word)")), ("reasons", .array(now.health.reasons.map { .string($0) })),
      ("attached", .array(handles)), ("shards", .array(shards)),
    ])
  }
}
