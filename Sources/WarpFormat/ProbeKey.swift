// SPDX-License-Identifier: Apache-2.0
// A key as those have it who look for it: compared with the bytes of a slot, which are zero-padded to whole words and may be changing.
//
// Most keys have 9 to 16 bytes. Such a key is two words in registers, and nothing of it is left to be looped over.

/// What a look for an entry asks of a key.
protocol ProbeKey {
  /// Bytes.
  var count: Int { get }
  func hash(seed: UInt64) -> UInt64
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

  @inline(__always)
  func hash(seed: UInt64) -> UInt64 {
    count > 0 ? unsafe XXH3.hash64(bytes, count, seed) : XXH3.empty(seed: seed)
  }

  @inline(__always)
  func isIn(_ window: Window, _ offset: Int) -> Bool { window.equals(offset, self) }
}

/// A key of 9 to 16 bytes.
struct ShortKey: ProbeKey {
  private let key: KeyBytes
  private let first: UInt64
  /// The bytes behind the first eight, and zeros. The file's words are the machine's: little-endian.
  private let second: UInt64

  @inline(__always)
  static func takes(_ size: Int) -> Bool { UInt(bitPattern: size &- 9) < 8 }

  /// nil if the key has another size.
  @inline(__always)
  init?(_ key: KeyBytes) {
    guard ShortKey.takes(key.count) else { return nil }
    self.init(sized: key)
  }

  /// - Precondition: the key has such a size.
  @inline(__always)
  init(sized key: KeyBytes) {
    self.key = key
    unsafe first = key.bytes.loadUnaligned(as: UInt64.self)
    let last = unsafe key.bytes.loadUnaligned(fromByteOffset: key.count &- 8, as: UInt64.self)
    second = last &>> UInt64(truncatingIfNeeded: 8 &* (16 &- key.count))
  }

  @inline(__always) var count: Int { key.count }

  @inline(__always)
  func hash(seed: UInt64) -> UInt64 { unsafe XXH3.upTo16(key.bytes, count, seed) }

  @inline(__always)
  func isIn(_ window: Window, _ offset: Int) -> Bool {
    let (one, other) = (window.load64(offset), window.load64(offset &+ 8))
    if planted(.keyComparedLoosely) { return (one ^ first) | other == second }
    return one == first && other == second
  }
}
