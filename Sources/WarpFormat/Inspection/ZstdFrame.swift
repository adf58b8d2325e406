// SPDX-License-Identifier: Apache-2.0
// Rule E09: whether bytes are one whole zstd frame of a stated content size (RFC 8878, section 3.1.1).
//
// The frame's blocks are stepped over, not decoded, so no library is needed and nothing is allocated. That the blocks
// decode is not checked here: the entry's checksum covers their bytes.

package enum ZstdFrame {
  private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  private static let largestBlock = 128 << 10

  /// What keeps the bytes from being one frame whose content has `rawSize` bytes; nil if they are.
  package static func problem(in bytes: [UInt8], rawSize: UInt64) -> String? {
    guard bytes.count >= 5, Array(bytes.prefix(4)) == magic else { return "the value is no zstd frame" }
    let descriptor = bytes[4]
    guard descriptor & 0b1000 == 0 else { return "the zstd frame sets a reserved bit" }
    let isSingleSegment = descriptor & 0b10_0000 != 0
    let dictionary = 5 + (isSingleSegment ? 0 : 1)
    var position = dictionary + [0, 1, 2, 4][Int(descriptor & 3)]
    let sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
    guard sizeBytes > 0 else { return "the zstd frame does not state its content size" }
    guard position + sizeBytes <= bytes.count else { return "the zstd frame's header is cut off" }
    guard bytes.firstNonzero(in: dictionary..<position) == nil else { return "the zstd frame needs a dictionary" }
    var contentSize: UInt64 = 0
    for index in (0..<sizeBytes).reversed() {
      contentSize = contentSize << 8 | UInt64(bytes[position + index])
    }
    if sizeBytes == 2 { contentSize += 256 }
    guard contentSize == rawSize else {
      return "the zstd frame holds \(contentSize) bytes, rawSize is \(rawSize)"
    }
    position += sizeBytes
    // Bound: each block takes at least the three bytes of its header.
    while true {
      guard position + 3 <= bytes.count else { return "the zstd frame is cut off" }
      let block = Int(bytes[position]) | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2]) << 16
      let size = block >> 3
      let kind = block >> 1 & 3
      guard kind != 3, size <= largestBlock || kind == 1 else {
        return "the zstd frame has an undefined block"
      }
      position += 3 + (kind == 1 ? 1 : size)
      if block & 1 == 1 { break }
    }
    if descriptor & 0b100 != 0 { position += 4 }
    guard position == bytes.count else {
      return position > bytes.count ? "the zstd frame is cut off" : "bytes follow the zstd frame"
    }
    return nil
  }
}
