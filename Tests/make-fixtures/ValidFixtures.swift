// SPDX-License-Identifier: Apache-2.0
// The valid stores: small, each for one thing that a reader may get wrong.

import WarpFormat
import WarpTestSupport

struct ValidFixtures {
  let directory: String

  func make() throws {
    let small = Parameters(capacity: 4, maxKeySize: 16, maxValueSize: 32)
    try write("empty", small) { _ in }
    try write("one-entry", Parameters(capacity: 1, maxKeySize: 16, maxValueSize: 32)) {
      try $0.set("hello", "world")
    }
    try write("update-and-remove", small) { store in
      for name in ["a", "b", "c", "d"] { try store.set(name, "first " + name) }
      try store.set("b", "second b")
      try store.remove("c")
      try store.remove("a")
    }
    try write("sizes", small) { store in
      try store.set("", "the empty key")
      try store.set("the empty value", "")
      try store.set("sixteen-byte-key", String(repeating: "v", count: 32))
      try store.set("seven77", "odd key size")
    }
    try write("wrapped-chain", Parameters(capacity: 4, maxKeySize: 16, maxValueSize: 32), Self.wrappedChain)
    try write("full-after-evictions", Parameters(capacity: 3, maxKeySize: 8, maxValueSize: 8), keepingLock: true) {
      store in
      for call in [1, 2, 3, 1, 2, 4, 1, 5] {
        store.touch("k\(call)")
        if [1, 2, 3, 4, 5].contains(call) { try store.set("k\(call)", "v\(call)") }
      }
    }
    try write("deadlines", small) { store in
      try store.set("forever", "no deadline")
      try store.set("second", "one second", lifetime: 1_000_000_000)
      try store.set("year", "one year", lifetime: 31_536_000_000_000_000)
      try store.set("nanosecond", "expired", lifetime: 1)
    }
    try write("several-shards", Parameters(capacity: 6, shards: 4, maxKeySize: 8, maxValueSize: 8)) { store in
      for number in 0..<6 { try store.set("key\(number)", "value\(number)") }
    }
    try write(
      "no-eviction",
      Parameters(
        capacity: 2, maxKeySize: 8, maxValueSize: 8, eviction: Format.evictionNone,
        defaultTimeToLive: 60_000_000_000,
        userTag: 0xFEED, schemaFingerprint: 0xC0FFEE)
    ) { try $0.set("a", "1") }
    try write("large-slots", Parameters(capacity: 1, maxKeySize: 8, maxValueSize: 16_384)) { store in
      try store.set("small", "7 bytes")
      try store.set("large", String(repeating: "0123456789abcdef", count: 1000))
    }
    try write("zstd", Parameters(capacity: 2, maxKeySize: 8, maxValueSize: 32, maxRawSize: 1024, zstd: true)) {
      store in
      try store.set("raw", "not compressed")
      try store.set(
        Array("zstd".utf8), Self.repeatedByteFrame(UInt8(ascii: "z"), count: 700), rawSize: 700, codec: 1)
    }
    try write("left-clean", small, leavingClean: true) { store in
      try store.set("forever", "no deadline")
      try store.set("hour", "one hour", lifetime: 3_600_000_000_000)
    }
    try write(
      "attached", Parameters(capacity: 8, shards: 2, maxKeySize: 8, maxValueSize: 8), keepingLock: true, inUse: true
    ) {
      store in
      for number in 0..<6 { try store.set("key\(number)", "value\(number)") }
      for number in [0, 3, 4] { store.touch("key\(number)") }
      store.count(.hits, 3)
      store.count(.insertions, 6)
      for key in ["lease0", "lease1", "lease2"] { try store.claim(key) }
      try store.set("lease1", "done")
    }
    try write(
      "recorded", small, keepingLock: true, recording: .on(RequestRecord(cells: 1024, shift: 1)!), Self.recorded)
    try write("typed-values", Parameters(capacity: 32, maxKeySize: 32, maxValueSize: 96), Self.typedValues)
  }

  private func write(
    _ name: String, _ parameters: Parameters, keepingLock: Bool = false, inUse: Bool = false,
    leavingClean: Bool = false, recording: Recording = .off, _ fill: (FixtureWriter) throws -> Void
  ) throws {
    let path = "\(directory)/\(name).warp"
    let writer = try FixtureWriter(path, parameters, recording)
    try fill(writer)
    let lock = try TestFiles.read(path + StoreFiles.lockSuffix)
    try writer.finish(keepingLock: keepingLock, leavingClean: leavingClean)
    // As it was before the writer left.
    if inUse { try TestFiles.write(path + StoreFiles.lockSuffix, lock) }
  }

  /// One request of each kind for each of some keys, of which about half are recorded.
  private static func recorded(_ store: FixtureWriter) throws {
    for number in 0..<6 {
      let key = "key\(number)"
      store.record(.miss, key)
      store.record(.set, key, size: 5, lifetime: number == 0 ? 0 : UInt64(number) * 1_500_000_000)
      store.record(.hit, key, size: 5, lifetime: 1)
    }
    store.record(.removal, "key0")
    store.record(.removal, "key1")
    store.record(.removeAll, nil)
  }

  /// Four entries whose homes are the last two of eight buckets, so that the chain goes on at bucket 0.
  private static func wrappedChain(_ store: FixtureWriter) throws {
    var found = 0
    var number = 0
    while found < 4 {
      let key = "wrap\(number)"
      number += 1
      guard (store.hash(key) >> 32) % 8 >= 6 else { continue }
      try store.set(key, "entry \(found)")
      found += 1
    }
  }

  /// One entry for each type of the registry; the key is the name of the type, encoded as a key.
  private static func typedValues(_ store: FixtureWriter) throws {
    let pair: [(key: TypedValue, value: TypedValue)] = [
      (.string("a"), .integer(1)), (.string("b"), .none),
    ]
    let values: [(String, TypedValue)] = [
      ("none", .none), ("some", .some(.none)), ("false", .bool(false)), ("true", .bool(true)),
      ("integer", .integer(-42)), ("unsigned", .integer(Int128(UInt64.max))), ("wide", .integer(.min)),
      ("widest", .largeInteger(.max)), ("double", .double(-0.0)), ("nan", .double(.nan)), ("float", .float(1.5)),
      ("string", .string("grüße, 世界")), ("bytes", .bytes([0, 127, 255])),
      ("uuid", .uuid(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF)),
      ("array", .array([.integer(1), .string("two"), .none])), ("tuple", .tuple([.bool(true), .double(2.5)])),
      ("set", .set([.integer(1), .integer(2)])), ("map", .map(pair)),
      ("enum", .enumCase(name: "circle", values: [.double(3)])),
      ("codec", .codec(name: "json", bytes: Array("{}".utf8))),
    ]
    for (name, value) in values {
      try store.set(TypedValue.string(name).typedBytes(mode: .key), try value.typedBytes(mode: .value))
    }
  }

  /// A zstd frame of one repeated byte, spelled out (RFC 8878): magic, single segment with a 2-byte content size,
  /// one last RLE block. It does not depend on a library's version.
  static func repeatedByteFrame(_ byte: UInt8, count: Int) -> [UInt8] {
    let size = count - 256
    let block = count << 3 | 1 << 1 | 1
    return [0x28, 0xB5, 0x2F, 0xFD, 0x60, UInt8(size & 255), UInt8(size >> 8)]
      + [UInt8(block & 255), UInt8(block >> 8 & 255), UInt8(block >> 16 & 255), byte]
  }
}
