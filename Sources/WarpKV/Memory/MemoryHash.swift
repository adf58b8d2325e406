// SPDX-License-Identifier: Apache-2.0
// Hashing of keys in memory. Three ways, the first that is right for the type:
//
//   integers of fixed width   their bits, mixed             (equality is equality of the bits)
//   ByteKey                   their bytes, mixed            (the type promises the same)
//   everything else           Hasher, then mixed            (only the type knows what is equal)
//
// - Equal keys hash alike. That is why String goes through Hasher, though its bytes would be faster: strings are equal
//   if they are canonically equivalent ("é" and "e" with an accent). So does Double: -0.0 == 0.0.
// - Each backend has a seed of its own, so that nobody who feeds keys knows which of them collide, and so that filling
//   one backend in the order of another one's table costs nothing.
// - The low bits choose the shard, the high 32 the bucket; both must depend on every bit of the key.

/// A key whose equality is the equality of its bytes, every one of which counts: no pointers, no two ways to write the same
/// value. A UUID is one. It is then hashed without `Hasher`, unless there is padding between its bytes.
package protocol ByteKey: Hashable {
  /// Whether there is no padding.
  static var isDense: Bool { get }
}

extension ByteKey {
  package static var isDense: Bool { true }
}

/// What makes the hashes of one backend its own.
@frozen
@usableFromInline package struct MemorySeed: Sendable {
  @usableFromInline let first: UInt64
  @usableFromInline let second: UInt64

  package init(_ first: UInt64, _ second: UInt64) {
    self.first = first
    self.second = second
  }

  @usableFromInline package static func random() -> MemorySeed {
    MemorySeed(UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
  }

  /// Two folded multiplications: the high half brings every bit of the word down, the low half brings it up. The
  /// second one hides patterns that suit the first one's constant.
  @inlinable @inline(__always)
  func mix(_ word: UInt64) -> UInt64 {
    MemorySeed.fold(MemorySeed.fold(word ^ first, 0x9E37_79B9_7F4A_7C15) ^ second, 0xD6E8_FEB8_6659_FD93)
  }

  @inlinable @inline(__always)
  static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}

extension MemorySeed {
  /// Whether keys of a type are hashed by their bytes.
  static func hashesBytes<Key>(of type: Key.Type) -> Bool {
    guard let type = type as? any ByteKey.Type else { return false }
    return type.isDense
  }

  /// The type tests compare constants and vanish where the compiler knows the type.
  @inlinable @inline(__always)
  func hash<Key: Hashable>(_ key: Key, asBytes: Bool) -> UInt64 {
    if let word = MemorySeed.word(of: key) { return mix(word) }
    if asBytes || Key.self == UInt128.self || Key.self == Int128.self { return hash(bytesOf: key) }
    return mix(UInt64(truncatingIfNeeded: key.hashValue))
  }

  /// An integer of up to 64 bits. Each cast is from the very type that was tested for.
  @inlinable @inline(__always)
  static func word<Key>(of key: Key) -> UInt64? {
    if Key.self == Int.self { return UInt64(truncatingIfNeeded: unsafe unsafeBitCast(key, to: Int.self)) }
    if Key.self == UInt64.self { return unsafe unsafeBitCast(key, to: UInt64.self) }
    if Key.self == UInt.self { return UInt64(truncatingIfNeeded: unsafe unsafeBitCast(key, to: UInt.self)) }
    if Key.self == Int64.self { return UInt64(truncatingIfNeeded: unsafe unsafeBitCast(key, to: Int64.self)) }
    if Key.self == UInt32.self { return UInt64(unsafe unsafeBitCast(key, to: UInt32.self)) }
    if Key.self == Int32.self { return UInt64(truncatingIfNeeded: unsafe unsafeBitCast(key, to: Int32.self)) }
    if Key.self == UInt16.self { return UInt64(unsafe unsafeBitCast(key, to: UInt16.self)) }
    if Key.self == Int16.self { return UInt64(truncatingIfNeeded: unsafe unsafeBitCast(key, to: Int16.self)) }
    if Key.self == UInt8.self { return UInt64(unsafe unsafeBitCast(key, to: UInt8.self)) }
    if Key.self == Int8.self { return UInt64(truncatingIfNeeded: unsafe unsafeBitCast(key, to: Int8.self)) }
    return nil
  }

  /// The buffer is the key's own storage, and every offset is below its size.
  @inlinable @inline(__always)
  func hash<Key>(bytesOf key: Key) -> UInt64 {
    unsafe withUnsafeBytes(of: key) { bytes in
      var state = UInt64(truncatingIfNeeded: bytes.count)
      var offset = 0
      // Two words at a time are multiplied with each other, once they are unlike what anybody chose.
      while offset &+ 16 <= bytes.count {
        let one = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let other = unsafe bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)
        state = MemorySeed.fold(one ^ first, other ^ second ^ state)
        offset &+= 16
      }
      // Each bit must reach both ends.
      if offset == bytes.count { return MemorySeed.fold(state ^ first, 0x9E37_79B9_7F4A_7C15) }
      while offset &+ 8 <= bytes.count {
        state = unsafe mix(state ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset &+= 8
      }
      var rest: UInt64 = 0
      guard offset < bytes.count else { return state }
      while offset < bytes.count {
        rest = unsafe rest << 8 | UInt64(bytes[offset])
        offset &+= 1
      }
      return mix(state ^ rest)
    }
  }
}
