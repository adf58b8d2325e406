// SPDX-License-Identifier: Apache-2.0
//
// XXH3 for more than 240 bytes. SPEC: "Hash"; source: xxHash specification 0.8, "large inputs".
//
// Eight 64-bit lanes take in the input in stripes of 64 bytes. Sixteen stripes, each with the secret one word further
// on, make a block of 1024 bytes, after which the lanes are scrambled; the last 64 bytes are a stripe of their own and
// may overlap the one before:
//
//     | block: 16 stripes | scramble | block | scramble | ... | 1 to 1024 bytes: whole stripes | last 64 bytes |
//
// In the specification a lane adds the product of its own halves and the *neighbour's* input word. Adding is
// commutative, so the two are summed in separate vectors and the neighbours are swapped once a block instead of once a
// stripe: the inner loop is loads, exclusive ors, one multiplication and two additions, which compilers turn into
// vector instructions of any width.

/// The eight lanes; `products` plus the pairwise swapped `inputs` is what the specification calls the accumulators.
private struct HashLanes {
  typealias Lanes = SIMD8<UInt64>

  static let stripe = 64
  static let block = 1024
  static let keyStep = 8

  var products = Lanes(
    XXH3.prime32C, XXH3.prime64A, XXH3.prime64B, XXH3.prime64C,
    XXH3.prime64D, XXH3.prime32B, XXH3.prime64E, XXH3.prime32A)
  var inputs = Lanes.zero

  @inline(__always)
  static func load(_ base: UnsafeRawPointer, _ offset: Int) -> Lanes {
    unsafe base.loadUnaligned(fromByteOffset: offset, as: Lanes.self)
  }

  @inline(__always)
  mutating func accumulate(_ stripe: Lanes, key: Lanes) {
    let mixed = stripe ^ key
    inputs &+= stripe
    products &+= (mixed & 0xFFFF_FFFF) &* (mixed &>> 32)
  }

  /// Accumulates the first `count` (at most 16) stripes at `base`.
  @inline(__always)
  mutating func accumulate(stripes count: Int, at base: UnsafeRawPointer, _ secret: UnsafeRawPointer) {
    for index in 0..<count {
      unsafe accumulate(
        Self.load(base, index &* Self.stripe), key: Self.load(secret, index &* Self.keyStep))
    }
  }

  /// Puts the input words where the specification has them: each in its neighbour's lane.
  @inline(__always)
  mutating func settle() {
    products &+= Lanes(
      inputs[1], inputs[0], inputs[3], inputs[2], inputs[5], inputs[4], inputs[7], inputs[6])
    inputs = .zero
  }

  @inline(__always)
  mutating func scramble(_ secret: UnsafeRawPointer) {
    settle()
    let key = unsafe Self.load(secret, HashSecret.size &- Self.stripe)
    products = ((products ^ (products &>> 47)) ^ key) &* XXH3.prime32A
  }
}

extension HashSecret {
  /// The secret for inputs of more than 240 bytes.
  @inline(__always)
  static func derived(seed: UInt64) -> HashSecret {
    unsafe standard.withBytes { base in
      var result = standard
      unsafe withUnsafeMutableBytes(of: &result) { bytes in
        for offset in stride(from: 0, to: size, by: 16) {
          let first = unsafe XXH3.word64(base, offset) &+ seed
          let second = unsafe XXH3.word64(base, offset &+ 8) &- seed
          unsafe bytes.storeBytes(of: first.littleEndian, toByteOffset: offset, as: UInt64.self)
          unsafe bytes.storeBytes(of: second.littleEndian, toByteOffset: offset &+ 8, as: UInt64.self)
        }
      }
      return result
    }
  }
}

extension XXH3 {
  static func long(_ base: UnsafeRawPointer, _ size: Int, _ seed: UInt64) -> UInt64 {
    // The default secret is used in place: payload digests and checksums have seed 0.
    if seed == 0 { return unsafe HashSecret.standard.withBytes { unsafe long(base, size, secret: $0) } }
    return unsafe HashSecret.derived(seed: seed).withBytes { unsafe long(base, size, secret: $0) }
  }

  @inline(never)
  private static func long(_ base: UnsafeRawPointer, _ size: Int, secret: UnsafeRawPointer) -> UInt64 {
    // Where the specification has the last stripe's key and the final merge start in the secret.
    let lastStripeKey = HashSecret.size - 71
    let mergeKey = 11
    var lanes = HashLanes()
    var rest = unsafe base
    var left = size
    // A full last block is left to the end, so that something always follows a scramble.
    while left > HashLanes.block {
      unsafe lanes.accumulate(stripes: HashLanes.block / HashLanes.stripe, at: rest, secret)
      unsafe lanes.scramble(secret)
      unsafe rest += HashLanes.block
      left &-= HashLanes.block
    }
    unsafe lanes.accumulate(stripes: (left &- 1) / HashLanes.stripe, at: rest, secret)
    unsafe lanes.accumulate(
      HashLanes.load(base, size &- HashLanes.stripe), key: HashLanes.load(secret, lastStripeKey))
    lanes.settle()

    let merged = unsafe lanes.products ^ HashLanes.load(secret, mergeKey)
    var sum = UInt64(truncatingIfNeeded: size) &* prime64A
    for index in stride(from: 0, to: 8, by: 2) {
      sum &+= foldedProduct(merged[index], merged[index &+ 1])
    }
    return avalanche(sum)
  }
}
