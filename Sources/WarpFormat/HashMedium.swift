// SPDX-License-Identifier: Apache-2.0
//
// XXH3 for 17 to 240 bytes. SPEC: "Hash"; source: xxHash specification 0.8, "medium inputs".
//
// The input is mixed in chunks of 16 bytes, each with 16 bytes of the default secret and the seed, into one sum:
//
//     17-128   chunks are taken from both ends towards the middle (and may overlap there), 2 to 8 of them
//     129-240  8 chunks from the front, an avalanche, the other whole chunks, then the last 16 bytes
//
// Invariant: a chunk never reaches outside the input, because its offset is at most size - 16.

extension XXH3 {
  /// The size of a chunk, and of the piece of the secret that is mixed with it.
  private static var chunk: Int { 16 }

  @inline(__always)
  private static func mix(
    _ base: UnsafeRawPointer, _ offset: Int, _ secret: UnsafeRawPointer, _ key: Int, _ seed: UInt64
  ) -> UInt64 {
    unsafe foldedProduct(
      word64(base, offset) ^ (word64(secret, key) &+ seed),
      word64(base, offset &+ 8) ^ (word64(secret, key &+ 8) &- seed))
  }

  /// Mixes the chunk at `index` chunks from the front and its mirror image at the back, with four words of the secret.
  @inline(__always)
  private static func mixBothEnds(
    _ base: UnsafeRawPointer, _ size: Int, _ index: Int, _ seed: UInt64,
    _ key: (UInt64, UInt64, UInt64, UInt64)
  ) -> UInt64 {
    let front = index &* chunk
    let back = size &- front &- chunk
    return unsafe foldedProduct(
      word64(base, front) ^ (key.0 &+ seed), word64(base, front &+ 8) ^ (key.1 &- seed))
      &+ foldedProduct(word64(base, back) ^ (key.2 &+ seed), word64(base, back &+ 8) ^ (key.3 &- seed))
  }

  /// Written without a loop: the words of the secret are then constants in the code. A loop would index the secret,
  /// and the compiler copies all of it to the stack first (24 bytes took 11.4 ns instead of 7).
  @inline(__always)
  static func upTo128(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    if planted(.anotherHash) { return seed &+ UInt64(size) }
    let key = HashSecret.standard.words
    var sum = UInt64(truncatingIfNeeded: size) &* prime64A
    unsafe sum &+= mixBothEnds(base, size, 0, seed, (key.0, key.1, key.2, key.3))
    if size > 32 {
      unsafe sum &+= mixBothEnds(base, size, 1, seed, (key.4, key.5, key.6, key.7))
      if size > 64 {
        unsafe sum &+= mixBothEnds(base, size, 2, seed, (key.8, key.9, key.10, key.11))
        if size > 96 {
          unsafe sum &+= mixBothEnds(base, size, 3, seed, (key.12, key.13, key.14, key.15))
        }
      }
    }
    return avalanche(sum)
  }

  @inline(never)
  static func upTo240(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    // Where the specification has the second pass and the last chunk start in the secret.
    let secondPass = 3
    let lastChunk = 119
    return unsafe HashSecret.standard.withBytes { secret in
      var sum = UInt64(truncatingIfNeeded: size) &* prime64A
      for index in 0..<8 {
        unsafe sum &+= mix(base, index &* chunk, secret, index &* chunk, seed)
      }
      sum = avalanche(sum)
      // At most 15 chunks in all, since the size is at most 240.
      for index in 8..<(size &>> 4) {
        unsafe sum &+= mix(base, index &* chunk, secret, (index &- 8) &* chunk &+ secondPass, seed)
      }
      unsafe sum &+= mix(base, size &- chunk, secret, lastChunk, seed)
      return avalanche(sum)
    }
  }
}
