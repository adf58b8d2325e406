// SPDX-License-Identifier: Apache-2.0
// The C get on every valid fixture: each entry of its dump is found, byte for byte, up to its deadline and not from it on.

import CLimit
import Foundation

enum FixtureCheck {
  private struct Dump: Decodable {
    struct Shard: Decodable { let entries: [Entry] }
    struct Entry: Decodable {
      let key: String
      let value: String
      let codec: Int32
      let rawSize: UInt32
      let deadline: UInt64
    }
    let shards: [Shard]
  }

  static func run(_ session: Session) throws -> [String] {
    guard let checkout = Files.checkout else {
      throw BenchError("the fixtures are not above the working directory")
    }
    let directory = checkout + "/fixtures/v1/valid"
    var faults: [String] = []
    var entries = 0
    let names = Scratch.names(directory).filter { $0.hasSuffix(".warp") }.sorted()
    guard !names.isEmpty else { throw BenchError("\(directory) has no fixtures") }
    for name in names {
      let path = directory + "/" + name
      guard let text = Files.bytes(path.dropLast(5) + ".json") else { throw BenchError("\(path) has no dump") }
      let dump = try JSONDecoder().decode(Dump.self, from: Data(text))
      var limit = limit_store()
      defer { limit_close(&limit) }
      if let trouble = limit_open(&limit, path, 1) {
        faults.append("\(name): \(String(cString: trouble))")
        continue
      }
      for entry in dump.shards.flatMap(\.entries) {
        entries += 1
        faults += compare(entry, &limit).map { "\(name), key \(entry.key): \($0)" }
      }
      limit.fixed_now = 1
      let absent = limit_get(&limit, "no such key", 11, nil, 0)
      // Without a lock file an absent key proves nothing (R4).
      if absent != LIMIT_BUSY { faults.append("\(name): an absent key gives \(absent)") }
    }
    print("\(entries) entries of \(names.count) fixtures read")
    return faults
  }

  private static func compare(_ entry: Dump.Entry, _ limit: inout limit_store) -> [String] {
    guard let key = bytes(entry.key), let value = bytes(entry.value) else { return ["the dump has no bytes"] }
    var faults: [String] = []
    var target = [UInt8](repeating: 0xA5, count: value.count + 8)
    limit.fixed_now = entry.deadline > 1 ? entry.deadline - 1 : 1
    let size = limit_get(&limit, key, key.count, &target, value.count)
    if size != value.count { faults.append("a get gives \(size), not \(value.count)") }
    if Array(target[..<value.count]) != value { faults.append("the value differs") }
    if target[value.count...].contains(where: { $0 != 0xA5 }) { faults.append("the get wrote behind the buffer") }
    if value.count > 0, limit_get(&limit, key, key.count, &target, value.count - 1) != LIMIT_SMALL {
      faults.append("a buffer that is too small is not refused")
    }
    var rawSize: UInt32 = 0
    let codec = limit_codec(&limit, key, key.count, &rawSize)
    if codec != entry.codec || rawSize != entry.rawSize { faults.append("codec \(codec), raw size \(rawSize)") }
    if entry.deadline > 0 {
      limit.fixed_now = entry.deadline
      if limit_get(&limit, key, key.count, &target, value.count) != LIMIT_MISS {
        faults.append("it is found at its deadline")
      }
    }
    return faults
  }

  private static func bytes(_ hex: String) -> [UInt8]? {
    let digits = Array(hex.utf8)
    guard digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { index in
      UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) ?? 0
    }
  }
}
