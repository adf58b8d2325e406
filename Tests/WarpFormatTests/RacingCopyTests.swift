// SPDX-License-Identifier: Apache-2.0
// The racing copy moves the bytes it is asked for and stores no other, and loads no word of which it is asked for none: by
// whichever of its ways a size goes.

import Testing
import WarpTestSupport

@testable import WarpFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct RacingCopyTests {
  /// Every way of the copy, both sides of each limit, and some of the bulk.
  private static let sizes = Array(0...600) + [4095, 4096, 5000]
  private static let margin = 64

  @Test func exactlyTheBytesAreCopiedOut() throws {
    let region = try Region(anonymous: 3 * 4096)
    let source = (0..<3 * 4096).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8 &+ 1) }
    unsafe source.withUnsafeBytes { unsafe region.window.copyIn(0, from: $0) }
    for size in RacingCopyTests.sizes {
      for offset in [0, 8, 48, 4096 - 8] {
        var target = [UInt8](repeating: 0xEE, count: size + 2 * RacingCopyTests.margin)
        // Every misalignment of the target comes up, as sizes follow each other.
        let begin = RacingCopyTests.margin - size % 16
        unsafe target.withUnsafeMutableBytes {
          unsafe region.window.copyOut(offset, to: $0.baseAddress! + begin, size: size)
        }
        #expect(Array(target[begin..<begin + size]) == Array(source[offset..<offset + size]), "size \(size)")
        let beside = target[..<begin] + target[(begin + size)...]
        #expect(beside.allSatisfy { $0 == 0xEE }, "size \(size) at \(offset) wrote beside its target")
      }
    }
  }

  /// A page that nobody may look at lies before the first byte, and behind the last word.
  @Test func nothingBesideTheWordsIsLoaded() throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let inner = 2 * page
    let region = try Region(anonymous: inner + 2 * page)
    let start = unsafe region.window.base + page
    #expect(unsafe mprotect(region.window.base, page, PROT_NONE) == 0)
    #expect(unsafe mprotect(start + inner, page, PROT_NONE) == 0)
    let window = unsafe Window(base: start, size: inner)
    let source = (0..<inner).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ 1) }
    unsafe source.withUnsafeBytes { unsafe window.copyIn(0, from: $0) }
    for size in RacingCopyTests.sizes where size <= inner {
      for offset in [0, inner - (size + 7) & ~7] {
        var target = [UInt8](repeating: 0xEE, count: size)
        unsafe target.withUnsafeMutableBytes {
          guard let base = $0.baseAddress else { return }
          unsafe window.copyOut(offset, to: base, size: size)
        }
        #expect(target == Array(source[offset..<offset + size]), "size \(size) at \(offset)")
      }
    }
  }

  @Test func copiedInBytesEndWithZerosInTheirLastWord() throws {
    let region = try Region(anonymous: 4096)
    for size in 1...600 {
      let source = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ size) }
      let filler = [UInt8](repeating: 0xEE, count: 1024)
      unsafe filler.withUnsafeBytes { unsafe region.window.copyIn(0, from: $0) }
      unsafe source.withUnsafeBytes { unsafe region.window.copyIn(64, from: $0) }
      let padded = (size + 7) & ~7
      let zeros = [UInt8](repeating: 0, count: padded - size)
      #expect(region.window.bytes(64, padded) == source + zeros, "size \(size)")
      #expect(region.window.bytes(0, 64) == Array(filler[..<64]), "size \(size)")
      let behind = 1024 - 64 - padded
      #expect(region.window.bytes(64 + padded, behind) == Array(filler[..<behind]), "size \(size)")
    }
  }
}
