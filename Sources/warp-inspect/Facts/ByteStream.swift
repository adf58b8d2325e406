// SPDX-License-Identifier: Apache-2.0
// Bytes from a file or a pipe, by count or by line, with the place at which each begins.
//
// What is kept grows with what has come, never with what somebody says will come.

import WarpFormat

final class ByteStream {
  private static let pieceSize = 1 << 16

  let path: String
  private let descriptor: Int32
  private let isOwned: Bool
  private var buffer: [UInt8] = []
  /// The first byte of the buffer that was not taken.
  private var start = 0
  private var isAtEnd = false
  /// Bytes and lines taken so far.
  private(set) var offset = 0
  private(set) var lines = 0

  /// - Parameter path: "-" is standard input.
  init(_ path: String) throws(FormatError) {
    isOwned = path != "-"
    descriptor = isOwned ? try System.openStream(path) : 0
    self.path = isOwned ? path : "standard input"
  }

  deinit { if isOwned { System.close(descriptor) } }

  /// Reads on; false at the end.
  private func more() throws(FormatError) -> Bool {
    guard !isAtEnd else { return false }
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    let bytes = try System.readNext(descriptor, count: ByteStream.pieceSize, path)
    isAtEnd = bytes.isEmpty
    buffer += bytes
    return !isAtEnd
  }

  /// The next byte, not taken; nil at the end.
  func peek() throws(FormatError) -> UInt8? {
    while start == buffer.count { guard try more() else { return nil } }
    return buffer[start]
  }

  /// Exactly so many bytes, or what there is up to the end.
  func take(_ count: Int) throws(FormatError) -> [UInt8] {
    while buffer.count - start < count { guard try more() else { break } }
    let bytes = [UInt8](buffer[start..<min(buffer.count, start + count)])
    start += bytes.count
    offset += bytes.count
    return bytes
  }

  enum Line {
    /// Without its line feed.
    case whole([UInt8])
    /// The last bytes, behind which no line feed comes.
    case cut([UInt8])
    case tooLong
    case end
  }

  /// The next line, if it has at most `limit` bytes.
  func line(limit: Int) throws(FormatError) -> Line {
    var scanned = start
    while true {
      if let end = buffer[scanned...].firstIndex(of: 0x0A) {
        guard end - start <= limit else { return .tooLong }
        lines += 1
        let bytes = try take(end - start)
        _ = try take(1)
        return .whole(bytes)
      }
      guard buffer.count - start <= limit else { return .tooLong }
      let length = buffer.count - start
      guard try more() else {
        if length == 0 { return .end }
        lines += 1
        return .cut(try take(length))
      }
      scanned = start + length
    }
  }
}
