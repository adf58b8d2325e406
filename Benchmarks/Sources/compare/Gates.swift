// SPDX-License-Identifier: Apache-2.0
// Every promise about speed in one table: which figure of which group, and how far it may go. A figure is a ratio; what to
// is said by its name.

/// How far a figure may go.
enum Limit {
  case atMost(Double)
  case atLeast(Double)

  var number: Double {
    switch self {
    case .atMost(let number), .atLeast(let number): number
    }
  }

  func holds(_ value: Double) -> Bool {
    switch self {
    case .atMost(let number): value <= number
    case .atLeast(let number): value >= number
    }
  }

  var text: String {
    switch self {
    case .atMost(let number): "≤ \(Decimal.short(number))"
    case .atLeast(let number): "≥ \(Decimal.short(number))"
    }
  }
}

struct Gate {
  let name: String
  let group: String
  /// ``Figure/id``.
  let figure: String
  let limit: Limit

  init(_ name: String, _ group: String, _ figure: String, _ limit: Limit) {
    (self.name, self.group, self.figure, self.limit) = (name, group, figure, limit)
  }
}

extension Gate {
  static let all: [Gate] = [
    Gate("shared get, 64 B, 1k, to C", "get", "get, 1k, 64 B, zipf", .atMost(1.15)),
    Gate("shared get, 64 B, 100k, to C", "get", "get, 100k, 64 B, zipf", .atMost(1.25)),
    Gate("shared get, 64 B, 1M, to C", "get", "get, 1M, 64 B, zipf", .atMost(1.25)),
    Gate("shared get, 1 KiB, 1k, to C", "get", "get, 1k, 1 KiB, zipf", .atMost(1.10)),
    Gate("shared update, 100k, to C", "put", "update, 100k, 64 B, zipf", .atMost(1.3)),
    Gate("shared insert with eviction, 100k, to C", "put", "insert with eviction, 100k, 64 B", .atMost(1.3)),
    Gate("getMany of 16, 100k, to a C get", "batch", "getMany 16, 100k, 64 B, zipf", .atMost(0.45)),
    Gate("getMany of 16, 1M, to a C get", "batch", "getMany 16, 1M, 64 B, zipf", .atMost(0.40)),

    Gate("typed get, Int to Int, to bytes", "typed", "Int to Int, 100k, zipf", .atMost(1.5)),
    Gate("typed get, String to 64 owned bytes, to bytes", "typed", "String to 64 bytes, 100k, zipf", .atMost(2)),

    Gate("remembered, one argument, to Cache get", "remembered", "one argument, 1k, zipf", .atMost(1.5)),
    Gate("remembered, two arguments, to Cache get", "remembered", "two arguments, 1k, zipf", .atMost(1.5)),
    Gate("remembered async hit, to the sync hit", "remembered", "async hit to sync hit, 1k, zipf", .atMost(3)),

    Gate("memory Int to Int, 1k, to Dictionary and Mutex", "memory", "Int to Int, 1k, zipf", .atMost(0.5)),
    Gate("memory Int to Int, 100k, to Dictionary and Mutex", "memory", "Int to Int, 100k, zipf", .atMost(0.6)),
    Gate("memory Int to Int, 1k, to NSCache", "memory", "Int to Int to NSCache, 1k, zipf", .atMost(1.0 / 40)),
    Gate("memory Int to Int, 100k, to NSCache", "memory", "Int to Int to NSCache, 100k, zipf", .atMost(1.0 / 25)),
    Gate(
      "memory String to class, 1k, to Dictionary and Mutex", "memory", "String to class, 1k, zipf", .atMost(0.8)),
    Gate("memory, two threads on hot keys, to one", "memory", "two threads, 1k, zipf", .atLeast(1.4)),

    Gate("two reader processes, to one", "processes", "two readers to one, 1k, 64 B, zipf", .atLeast(1.7)),
    Gate(
      "retries per read beside a nonstop writer", "processes", "retries beside a writer, 1k, 64 B, zipf",
      .atMost(0.05)),
    Gate(
      "busy misses beside a nonstop writer", "processes", "busy misses beside a writer, 1k, 64 B, zipf", .atMost(0)),
    Gate("retries per read, 95/5 twice", "processes", "retries 95/5, 1k, 64 B, zipf", .atMost(0.002)),
    Gate("counting, to not counting", "processes", "counting on to off, 1k, 64 B, zipf", .atLeast(0.8)),
    Gate(
      "hits beside a stopped writer", "processes", "hits beside a stopped writer, 1k, 64 B, zipf", .atLeast(0.9)),
    Gate("hits beside a dead writer", "processes", "hits beside a dead writer, 1k, 64 B, zipf", .atLeast(0.9)),
    Gate("8 processes on 2 cores, to 2", "processes", "8 processes to 2, 1k, 64 B, zipf", .atLeast(0.8)),

    Gate("LMDB, renewed, 64 B", "lmdb", "LMDB, renewed, 100k, 64 B, zipf", .atLeast(3)),
    Gate("LMDB, renewed, 1 KiB", "lmdb", "LMDB, renewed, 100k, 1 KiB, zipf", .atLeast(3)),
    Gate("LMDB, one long transaction, 64 B", "lmdb", "LMDB, long, 100k, 64 B, zipf", .atLeast(2.3)),
    Gate("LMDB, one long transaction, 1 KiB", "lmdb", "LMDB, long, 100k, 1 KiB, zipf", .atLeast(2.3)),
    Gate("SQLite", "sqlite", "SQLite, 100k, 64 B, zipf", .atLeast(15)),
    Gate("Redis, single", "servers", "Redis, single, 100k, 64 B, zipf", .atLeast(100)),
    Gate("Redis, pipelined", "servers", "Redis, 32 in a batch, 100k, 64 B, zipf", .atLeast(10)),
    Gate("memcached, single", "servers", "memcached, single, 100k, 64 B, zipf", .atLeast(100)),
    Gate("memcached, pipelined", "servers", "memcached, 32 in a batch, 100k, 64 B, zipf", .atLeast(10)),
    Gate("the predecessor's engine, one process", "predecessor", "its engine in C, 1k, 64 B, zipf", .atLeast(1.6)),
    Gate(
      "the predecessor's engine, two processes", "predecessor", "its engine in C, two processes, 1k, 64 B, zipf",
      .atLeast(2.5)),

    Gate("open 10 GB, to 10 MB", "open", "open 10 GB to 10 MB", .atMost(2)),
    Gate("bytes per shared entry, to the formula", "size", "shared, to the formula, 100k, 64 B", .atMost(1)),
    Gate("bytes per memory entry, Int to Int", "size", "memory Int to Int, bytes per entry, 100k", .atMost(64)),
  ]
}
