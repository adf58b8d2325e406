// SPDX-License-Identifier: Apache-2.0
// Keys and values that prove what they are.
//
//   value   | check 8 | key 8 | version 8 | written 8 | filling … |
//
// - A version of a key stands for one operation of the key's owner, which follows from (seed, key, version): so a
//   reader knows whether that version ever was a value, how long it must be, and every byte of it.
// - check covers all the bytes behind it. A copy made of two values fails it.

import WarpFormat
import WarpKV
import WarpTestSupport

/// What the owner of a key does at one version of it.
enum OwnerAction {
  case set(size: Int)
  /// A value that expires while the run goes on.
  case fleeting(size: Int, milliseconds: Int)
  case remove
  /// A value over the limit: it is skipped, and the older one goes.
  case oversize

  static let smallestSize = 32

  init(seed: UInt64, key: Int, version: UInt64, maxSize: Int) {
    let draw = SeededGenerator.mix(seed ^ UInt64(key) &* 0x9E37_79B9_7F4A_7C15 ^ SeededGenerator.mix(version))
    // Half of the values are short: the copies of up to 256 bytes take another path than the bulk ones.
    let room = draw & 1 == 0 ? maxSize : min(maxSize, 256)
    let size = OwnerAction.smallestSize + Int((draw >> 8) % UInt64(room - OwnerAction.smallestSize + 1))
    switch (draw >> 1) % 100 {
    case ..<72: self = .set(size: size)
    case ..<82: self = .fleeting(size: size, milliseconds: 1 + Int((draw >> 40) % 20))
    case ..<98: self = .remove
    default: self = .oversize
    }
  }

  var size: Int? {
    switch self {
    case .set(let size), .fleeting(let size, _): size
    case .remove, .oversize: nil
    }
  }

  /// Whether the key may be absent once this has begun.
  var mayVanish: Bool { if case .set = self { false } else { true } }
}

enum Value {
  /// 8 to 48 bytes, so that keys end at every offset in a word.
  static let keySizes = 41

  static func key(_ index: Int) -> [UInt8] {
    let number = UInt64(index)
    let rest = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: index % keySizes)
    return (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) } + rest
  }

  /// One whose home is among the first 8 buckets of its shard, whichever that is.
  static func key(_ index: Int, collidingIn store: SharedStore) -> [UInt8] {
    let header = store.attachment.header
    let buckets = UInt64(header.geometry.bucketsPerShard)
    var nonce: UInt32 = 0
    while true {
      let key = key(index) + (0..<4).map { UInt8(truncatingIfNeeded: nonce >> (8 * UInt32($0))) }
      if (XXH3.hash64(key, seed: header.hashSeed) >> 32) % buckets < 8 { return key }
      nonce += 1
    }
  }

  /// The index of a key of a run; nil if nobody made it.
  static func index(ofKey key: [UInt8], among names: [[UInt8]]) -> Int? {
    guard key.count >= 8 else { return nil }
    let number = key.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    return number < UInt64(names.count) && names[Int(number)] == key ? Int(number) : nil
  }

  static func make(key: Int, version: UInt64, written: Int64, size: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    bytes.withUnsafeMutableBytes { raw in
      raw.storeBytes(of: UInt64(key), toByteOffset: 8, as: UInt64.self)
      raw.storeBytes(of: version, toByteOffset: 16, as: UInt64.self)
      raw.storeBytes(of: written, toByteOffset: 24, as: Int64.self)
      var word = SeededGenerator.mix(UInt64(key) << 32 ^ version)
      for index in 32..<size {
        raw[index] = UInt8(truncatingIfNeeded: word)
        word = word &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
        word ^= word >> 29
      }
      raw.storeBytes(of: check(UnsafeRawBufferPointer(raw)), toByteOffset: 0, as: UInt64.self)
    }
    return bytes
  }

  struct Content {
    let key: Int
    let version: UInt64
    let written: Int64
  }

  /// nil: torn.
  static func read(_ bytes: UnsafeRawBufferPointer) -> Content? {
    guard bytes.count >= OwnerAction.smallestSize,
      bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self) == check(bytes)
    else { return nil }
    return Content(
      key: Int(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
      version: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
      written: bytes.loadUnaligned(fromByteOffset: 24, as: Int64.self))
  }

  /// Not the store's own hash: a fault there must not hide one here.
  private static func check(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
    var at = 8
    while at + 8 <= bytes.count {
      sum = (sum ^ bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0xBF58_476D_1CE4_E5B9
      sum ^= sum >> 31
      at += 8
    }
    while at < bytes.count {
      sum = (sum ^ UInt64(bytes[at])) &* 0x94D0_49BB_1331_11EB
      at += 1
    }
    return SeededGenerator.mix(sum)
  }
}
