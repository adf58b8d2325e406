// SPDX-License-Identifier: Apache-2.0
// A key as those have it who look for it: compared with the bytes of a slot, which are zero-padded to whole words and may be changing.
//
// Most keys have 9 to 16 bytes. Such a key is two words in registers, and nothing of it is left to be looped over.

/// What a look for an entry asks of a key.
protocol ProbeKey {
  /// Bytes.
  var count: Int { get }
  /// Bytes in a slot: whole words.
  var paddedCount: Int { get }
  func hash(_ seed: HashSeed) -> UInt64
  /// Whether the bytes at an offset, a multiple of 8, are the key's. The caller has compared the sizes.
  func isIn(_ window: Window, _ offset: Int) -> Bool
}

/// A key of any size, where its bytes are. A buffer pointer's size would be computed anew at each use.
@safe
struct KeyBytes: ProbeKey {
  /// May be nil for an empty key.
  let start: UnsafeRawPointer?
  let count: Int

  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) { unsafe self.init(bytes.baseAddress, bytes.count) }

  @inline(__always)
  init(_ start: UnsafeRawPointer?, _ count: Int) {
    unsafe self.start = unsafe start
    self.count = count
  }

  /// - Precondition: it is not empty.
  @inline(__always)
  fileprivate var bytes: UnsafeRawPointer { unsafe start.unsafelyUnwrapped }

  @inline(__always) var paddedCount: Int { (count &+ 7) & ~7 }

  @inline(__always)
  func hash(_ seed: HashSeed) -> UInt64 {
    count > 0 ? unsafe XXH3.hash64(bytes, count, seed.value) : XXH3.empty(seed: seed.value)
  }

  @inline(__always)
  func isIn(_ window: Window, _ offset: Int) -> Bool { window.equals(offset, self) }
}

/// A key of 9 to 16 bytes, in registers.
struct ShortKey: ProbeKey {
  let count: Int
  /// The first eight bytes and the last eight. The file's words are the machine's: little-endian.
  private let first: UInt64
  private let last: UInt64
  /// The bytes behind the first eight, and zeros.
  private let second: UInt64

  @inline(__always)
  static func takes(_ size: Int) -> Bool { UInt(bitPattern: size &- 9) < 8 }

  /// - Precondition: the key has such a size, and the two words agree where they overlap.
  @inline(__always)
  init(first: UInt64, last: UInt64, count: Int) {
    (self.first, self.last, self.count) = (first, last, count)
    second = last &>> UInt64(truncatingIfNeeded: 8 &* (16 &- count))
  }

  /// nil if the key has another size.
  @inline(__always)
  init?(_ key: KeyBytes) {
    guard ShortKey.takes(key.count) else { return nil }
    self.init(sized: key)
  }

  /// - Precondition: the key has such a size.
  @inline(__always)
  init(sized key: KeyBytes) {
    unsafe self.init(
      first: key.bytes.loadUnaligned(as: UInt64.self),
      last: key.bytes.loadUnaligned(fromByteOffset: key.count &- 8, as: UInt64.self), count: key.count)
  }

  @inline(__always) var paddedCount: Int { 16 }

  @inline(__always)
  func hash(_ seed: HashSeed) -> UInt64 { XXH3.upTo16(first, last, count, seed.short) }

  @inline(__always)
  func isIn(_ window: Window, _ offset: Int) -> Bool {
    let (one, other) = (window.load64(offset), window.load64(offset &+ 8))
    if planted(.keyComparedLoosely) { return (one ^ first) | other == second }
    return one == first && other == second
  }

  /// Runs a closure on the key's bytes in memory.
  @inline(__always)
  func withBytes<Result>(_ body: (KeyBytes) -> Result) -> Result {
    unsafe withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { bytes in
      unsafe bytes.storeBytes(of: first, as: UInt64.self)
      unsafe bytes.storeBytes(of: last, toByteOffset: count &- 8, as: UInt64.self)
      return unsafe body(KeyBytes(bytes.baseAddress, count))
    }
  }
}
