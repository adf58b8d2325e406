// SPDX-License-Identifier: Apache-2.0
// The target `zstd`: bytes as a stored value of codec 1. The first three are the raw size that its slot claims.
//
// What is decoded must be a sound frame to the parser of the verifier too, which never decodes. What is compressed comes
// back.

import WarpFormat
import WarpTestSupport

enum ZstdTarget {
  static func run(_ bytes: [UInt8]) {
    guard bytes.count >= 3 else { return }
    let rawSize = Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2] & 0x0F) << 16
    let frame = Array(bytes.dropFirst(3))
    let problem = ZstdFrame.problem(in: frame, rawSize: UInt64(rawSize))
    if let value = Compression.value(frame, rawSize: rawSize) {
      precondition(value.count == rawSize, "a value has another size than it claims")
      precondition(problem == nil, "a frame that can be decoded is unsound: \(problem ?? "")")
    }
    // Another room than the frame was made for.
    var target = [UInt8](repeating: 0, count: min(rawSize, 64))
    frame.withUnsafeBytes { frame in
      target.withUnsafeMutableBytes { target in _ = Compression.decompress(frame, into: target) }
    }
    guard bytes[2] & 0x10 != 0 else { return }
    guard let packed = frame.withUnsafeBytes({ Compression.compress($0, level: 1, limit: frame.count + 64) })
    else { return }
    precondition(Compression.value(packed, rawSize: frame.count) == frame, "a compressed value does not come back")
  }

  /// Frames of many shapes, each with the size that it was made of.
  static var seeds: [[UInt8]] {
    var random = SeededGenerator(seed: 1)
    return (0..<48).map { index in
      let size = [0, 1, 100, 255, 256, 300, 5000, 70_000][index % 8]
      let period = [1, 3, 17, 251, 4096, 65_536][index / 8]
      let noise = (0..<min(period, max(size, 1))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let value = (0..<size).map { noise[$0 % noise.count] }
      let frame = value.withUnsafeBytes { Compression.compress($0, level: index % 4, limit: size + 64) }
      return [UInt8(size & 0xFF), UInt8(size >> 8 & 0xFF), UInt8(size >> 16)] + (frame ?? []).prefix(2000)
    }
  }
}
