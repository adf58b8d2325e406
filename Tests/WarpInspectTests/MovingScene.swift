// SPDX-License-Identifier: Apache-2.0
// What the tests of export, import, copy and repair share: stores with something of everything in them, and what a store
// says of itself to a reader that knows nothing of moving.

import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

/// An entry as a dump shows it: what must survive a move.
struct Shown: Equatable, CustomStringConvertible {
  let key: [UInt8]
  let value: [UInt8]
  let deadline: UInt64
  let written: UInt64
  let freshUntil: UInt64

  var description: String { "\(String(decoding: key, as: UTF8.self)): \(value.count) bytes, deadline \(deadline)" }
}

enum MovingScene {
  /// Every byte, text beyond ASCII, quotes and controls, the empty key and the empty value.
  static let contents: [([UInt8], [UInt8])] = [
    ([], Array("the empty key".utf8)),
    (Array("the empty value".utf8), []),
    (Array("grüße \"世界\" \\ /".utf8), Array("emoji 🦉, line\u{2028}separator".utf8)),
    ([0xFF, 0x00, 0x80], [UInt8](0...255)),
    (Array("controls".utf8), Array("tab\there\r\n\u{7F}".utf8)),
    (Array("c1".utf8), [0xC2, 0x85]),
    (Array("long".utf8), [UInt8](repeating: 0x61, count: 700)),
  ]

  /// A store of these and of numbered keys; some with deadlines, one of them over, some fresh for a time, some visited.
  static func make(
    _ path: String, capacity: Int = 128, shards: Int = 4, numbered: Int = 40,
    eviction: StoreConfiguration.Eviction = .sieve
  ) throws {
    let store = try SharedStore.open(
      path: path, .init(capacity: capacity, maxKeySize: 64, maxValueSize: 1024, shards: shards, eviction: eviction))
    for (key, value) in contents { try store.set(key, to: value) }
    for number in 0..<numbered {
      let lifetime: Duration? = number % 3 == 0 ? .seconds(3600 + number) : nil
      try store.set(
        "key\(number)", to: Array("value \(number)".utf8), timeToLive: lifetime,
        freshFor: number % 6 == 0 ? .seconds(60) : nil)
      if number % 5 == 0 { _ = try store.get("key\(number)") }
    }
    // Not over at once: the sweep of its own set could find it.
    try store.set("over", to: [1], timeToLive: .milliseconds(50))
    System.sleep(60_000_000)
    store.close()
  }

  /// All entries of a store, shard by shard from the oldest on.
  static func entries(_ path: String) throws -> [Shown] {
    let image = try FileImage(path: path)
    var entries: [Shown] = []
    for shard in 0..<image.geometry.shardCount {
      for entry in try image.entries(inShard: shard) {
        let metadata = EntryMetadata(entry.metadata)
        entries.append(
          Shown(
            key: entry.key, value: entry.value, deadline: EntryHeader(entry.header).deadline,
            written: metadata.written, freshUntil: metadata.freshUntil))
      }
    }
    return entries
  }

  /// The same without what has expired.
  static func living(_ path: String) throws -> [Shown] {
    let now = try FileImage(path: path).moment().now
    return try entries(path).filter { $0.deadline == 0 || $0.deadline > now }
  }

  /// The keys whose entries are visited, sorted.
  static func visited(_ path: String) throws -> [[UInt8]] {
    let image = try FileImage(path: path)
    var keys: [[UInt8]] = []
    for shard in 0..<image.geometry.shardCount {
      let visited = Set(try image.lock?.visitedSlots(shard) ?? [])
      keys += try image.entries(inShard: shard).filter { visited.contains($0.slot) }.map(\.key)
    }
    return keys.sorted { $0.lexicographicallyPrecedes($1) }
  }

  static func findings(_ path: String) throws -> [Finding] { try Verifier(path: path).findings() }

  /// The names in a directory but those that running a program leaves.
  static func names(_ directory: String) throws -> [String] {
    try TestFiles.names(directory).filter { $0 != "output" && $0 != "errors" }
  }
}
