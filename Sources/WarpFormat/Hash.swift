// SPDX-License-Identifier: Apache-2.0
//
// XXH3-64: the hash of keys, of payload digests and of slot checksums. SPEC: "Hash".
//
// Written from the public specification of xxHash 0.8 (document "xxHash fast digest algorithm", chapter XXH3), with
// the default 192-byte secret and any 64-bit seed; no code is copied. One shot only: whatever the format hashes is in
// memory as a whole. The input's size chooses one of five procedures, and every one of them reads each input byte:
//
//     size     0     1-3    4-8    9-16   17-128   129-240      241 and more
//     file     this file .............    HashMedium.swift      HashLong.swift
//
// Invariants: nothing is allocated for any size; no byte outside the input is read; input and secret are
// read as little-endian words.
//
// Up to 16 bytes the needed words of the secret are constants folded by hand, so that a short key is hashed in
// registers without touching the secret in memory.

/// XXH3 with 64-bit results, as the public xxHash specification 0.8 defines it.
///
/// Not a cryptographic hash: an adversary who can choose keys can make them collide whatever the seed is, so whoever
/// stores entries by it bounds the cost of collisions by other means.
public enum XXH3 {
  /// The hash of some bytes.
  ///
  /// - Parameters:
  ///   - bytes: Any number of bytes at any alignment; they must not change meanwhile (a torn input gives a useless
  ///     hash, never a fault).
  ///   - seed: Any value; 0 is the unseeded hash.
  /// - Complexity: O(size), without allocation. Callable from any thread.
  @inlinable @inline(__always)
  public static func hash64(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    let size = bytes.count
    guard size > 0, let base = bytes.baseAddress else { return empty(seed: seed) }
    return unsafe hash64(base, size, seed)
  }

  /// The hash of at least one byte.
  @inlinable @inline(__always)
  package static func hash64(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    if size > 16 { return unsafe over16(base, size, seed) }
    // Keys of 9 to 16 bytes, the most common, are two comparisons away.
    if size > 8 { return unsafe upTo16(base, size, seed) }
    if size > 3 { return unsafe upTo8(base, size, seed) }
    return unsafe upTo3(base, size, seed)
  }

  /// The hash of a span of bytes; see ``hash64(_:seed:)-(UnsafeRawBufferPointer,_)``.
  @inlinable
  public static func hash64(_ bytes: RawSpan, seed: UInt64) -> UInt64 {
    // The span keeps its memory alive and initialised for the duration of the closure.
    unsafe bytes.withUnsafeBytes { unsafe hash64($0, seed: seed) }
  }

  /// The hash of an array of bytes; see ``hash64(_:seed:)-(UnsafeRawBufferPointer,_)``.
  @inlinable
  public static func hash64(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
    // The array keeps its storage alive for the duration of the closure.
    unsafe bytes.withUnsafeBytes { unsafe hash64($0, seed: seed) }
  }
}

// The specification's constants. Their names are its names.
extension XXH3 {
  @usableFromInline static var prime32A: UInt64 { 0x9E37_79B1 }
  @usableFromInline static var prime32B: UInt64 { 0x85EB_CA77 }
  @usableFromInline static var prime32C: UInt64 { 0xC2B2_AE3D }
  @usableFromInline static var prime64A: UInt64 { 0x9E37_79B1_85EB_CA87 }
  @usableFromInline static var prime64B: UInt64 { 0xC2B2_AE3D_27D4_EB4F }
  @usableFromInline static var prime64C: UInt64 { 0x1656_67B1_9E37_79F9 }
  @usableFromInline static var prime64D: UInt64 { 0x85EB_CA77_C2B2_AE63 }
  @usableFromInline static var prime64E: UInt64 { 0x27D4_EB2F_1656_67C5 }
  @usableFromInline static var primeMixA: UInt64 { 0x1656_6791_9E37_79F9 }
  @usableFromInline static var primeMixB: UInt64 { 0x9FB2_1C65_1E98_DF25 }
}

// The building blocks that every size class shares. Whoever passes a pointer guarantees that the word behind it lies
// in the input or in the secret.
extension XXH3 {
  @inlinable @inline(__always)
  static func word32(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(UInt32(littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }

  @inlinable @inline(__always)
  static func word64(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inlinable @inline(__always)
  static func rotate(_ value: UInt64, left count: UInt64) -> UInt64 {
    value &<< count | value &>> (64 &- count)
  }

  /// The full product of two words, its halves folded onto each other.
  @inlinable @inline(__always)
  static func foldedProduct(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }

  @inlinable @inline(__always)
  static func avalanche(_ value: UInt64) -> UInt64 {
    let mixed = (value ^ value &>> 37) &* primeMixA
    return mixed ^ mixed &>> 32
  }

  /// The final mix of the older XXH64, which XXH3 keeps for the smallest inputs.
  @inlinable @inline(__always)
  static func avalanche64(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ value &>> 33) &* prime64B
    mixed = (mixed ^ mixed &>> 29) &* prime64C
    return mixed ^ mixed &>> 32
  }
}

// Inputs of up to 16 bytes. Each `key` constant is the exclusive or of the two words of the default secret that the
// specification names for that size; the byte range stands beside it.
extension XXH3 {
  @inlinable @inline(__always)
  static func empty(seed: UInt64) -> UInt64 {
    let key: UInt64 = 0x8726_F910_5DC2_1DDC  // secret[56..<64] ^ secret[64..<72]
    return avalanche64(seed ^ key)
  }

  @inlinable @inline(__always)
  static func upTo3(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    let key: UInt64 = 0x8727_5A9B  // secret[0..<4] ^ secret[4..<8]
    let first = UInt64(unsafe base.load(fromByteOffset: 0, as: UInt8.self))
    let middle = UInt64(unsafe base.load(fromByteOffset: size &>> 1, as: UInt8.self))
    let last = UInt64(unsafe base.load(fromByteOffset: size &- 1, as: UInt8.self))
    let combined = last | UInt64(truncatingIfNeeded: size) &<< 8 | first &<< 16 | middle &<< 24
    return avalanche64((key &+ seed) ^ combined)
  }

  @inlinable @inline(__always)
  static func upTo8(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    let key: UInt64 = 0xC73A_B174_C5EC_D5A2  // secret[8..<16] ^ secret[16..<24]
    let spread = seed ^ UInt64(UInt32(truncatingIfNeeded: seed).byteSwapped) &<< 32
    let combined = unsafe word32(base, size &- 4) | word32(base, 0) &<< 32
    var value = (key &- spread) ^ combined
    value ^= rotate(value, left: 49) ^ rotate(value, left: 24)
    value = value &* primeMixB
    value ^= (value &>> 35) &+ UInt64(truncatingIfNeeded: size)
    value = value &* primeMixB
    return value ^ value &>> 28
  }

  @inlinable @inline(__always)
  static func upTo16(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    unsafe upTo16(word64(base, 0), word64(base, size &- 8), size, ShortSecret(seed: seed))
  }

  /// Of 9 to 16 bytes whose first and last eight are at hand.
  @inlinable @inline(__always)
  static func upTo16(_ first: UInt64, _ last: UInt64, _ size: Int, _ secret: ShortSecret) -> UInt64 {
    let (low, high) = (secret.low ^ first, secret.high ^ last)
    let product = foldedProduct(low, high)
    return avalanche(UInt64(truncatingIfNeeded: size) &+ low.byteSwapped &+ high &+ product)
  }

  /// What inputs of 9 to 16 bytes are mixed with: it depends on the seed alone.
  @frozen
  @usableFromInline
  struct ShortSecret: Sendable {
    @usableFromInline let low: UInt64
    @usableFromInline let high: UInt64

    @inlinable @inline(__always)
    init(seed: UInt64) {
      low = 0x6782_737B_EA42_39B9 &+ seed  // secret[24..<32] ^ secret[32..<40]
      high = 0xAF56_BC3B_0996_523A &- seed  // secret[40..<48] ^ secret[48..<56]
    }
  }

  /// Not inlined into clients: above 16 bytes the work outweighs the call.
  @usableFromInline
  static func over16(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    if size <= 128 { return unsafe upTo128(base, size, seed) }
    if size <= 240 { return unsafe upTo240(base, size, seed) }
    return unsafe long(base, size, seed)
  }
}
