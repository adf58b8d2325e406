// SPDX-License-Identifier: Apache-2.0
// A file as bytes that are only ever read, with `pread` (SPEC.md, "Verification").
//
// Invariants:
// - Nothing here maps the file or changes a byte of it. A file that shrinks meanwhile gives an error; through a mapping
//   it would give a signal.
// - Holes are skipped, and all-zero chunks are not kept, so memory follows what the file holds and not what it claims.

/// An open file that inspection reads from.
struct ByteFile: Sendable {
  let descriptor: Int32
  let path: String
  /// Bytes, when it was opened.
  let size: Int

  init(descriptor: Int32, path: String) throws(FormatError) {
    let status = try System.status(descriptor, path)
    guard status.isRegular else {
      throw FormatError(.notAStore, "it is not a regular file", path: path, offset: 0, rule: "WKV-H02")
    }
    self.descriptor = descriptor
    self.path = path
    size = status.size
  }

  /// Exactly `count` bytes.
  ///
  /// - Throws: `truncated` if the file has become shorter than it was, `system` with errno.
  func read(at offset: Int, count: Int) throws(FormatError) -> [UInt8] {
    let bytes = try System.read(descriptor, at: offset, count: count, path)
    guard bytes.count == count else {
      throw FormatError(
        .truncated, "the file became shorter while it was read: look again", path: path,
        offset: offset + bytes.count, rule: "WKV-G03")
    }
    return bytes
  }

  /// A range of the file, without the chunks that are zero throughout. The range is inside the file.
  func sparse(at base: Int, count: Int, chunkSize: Int = SparseBytes.usualChunk) throws(FormatError)
    -> SparseBytes
  {
    var result = SparseBytes(count: count, chunkSize: chunkSize)
    // One read is cheaper than asking where the holes are.
    if count <= SparseBytes.usualChunk {
      let bytes = try read(at: base, count: count)
      var start = 0
      while start < count {
        let end = min(start + chunkSize, count)
        if bytes.firstNonzero(in: start..<end) != nil {
          result.set(chunk: start / chunkSize, count <= chunkSize ? bytes : [UInt8](bytes[start..<end]))
        }
        start = end
      }
      return result
    }
    var start = 0
    while start < count {
      guard let data = System.nextData(descriptor, from: base + start), data.lowerBound < base + count else {
        break
      }
      start = max(start, (data.lowerBound - base) / chunkSize * chunkSize)
      // Bound: each turn reads one chunk of the range.
      while start < count, base + start < data.upperBound {
        let bytes = try read(at: base + start, count: min(chunkSize, count - start))
        if bytes.firstNonzero(in: 0..<bytes.count) != nil { result.set(chunk: start / chunkSize, bytes) }
        start += chunkSize
      }
    }
    return result
  }

  /// The offset of the first byte in the range that is not zero.
  func firstNonzero(in range: Range<Int>) throws(FormatError) -> Int? {
    var start = range.lowerBound
    var data = start..<start
    while start < range.upperBound {
      if range.count > SparseBytes.usualChunk, start >= data.upperBound {
        guard let next = System.nextData(descriptor, from: start), next.lowerBound < range.upperBound else {
          break
        }
        data = next
        start = max(start, next.lowerBound)
      }
      let bytes = try read(at: start, count: min(SparseBytes.usualChunk, range.upperBound - start))
      if let index = bytes.firstNonzero(in: 0..<bytes.count) { return start + index }
      start += bytes.count
    }
    return nil
  }
}

/// Private bytes in chunks, of which those that are zero throughout are left out.
struct SparseBytes: Sendable {
  static let usualChunk = 1 << 16

  /// Bytes, left-out ones included.
  let count: Int
  let chunkSize: Int
  private var chunks: [[UInt8]?]

  /// All zero. A structure never crosses chunks: `chunkSize` is a multiple of its size.
  init(count: Int, chunkSize: Int) {
    self.count = count
    self.chunkSize = chunkSize
    chunks = Array(repeating: nil, count: (count + chunkSize - 1) / chunkSize)
  }

  mutating func set(chunk index: Int, _ bytes: [UInt8]) { chunks[index] = bytes }

  var chunkCount: Int { chunks.count }

  /// nil: zero throughout.
  func chunk(_ index: Int) -> [UInt8]? { chunks[index] }

  func integer(_ field: Field, at start: Int) -> UInt64 {
    guard let chunk = chunks[start / chunkSize] else { return 0 }
    return chunk.integer(field, at: start % chunkSize)
  }

  func count(_ field: Field, at start: Int) -> Int { Int(clamping: integer(field, at: start)) }

  /// A copy of a structure.
  func bytes(at start: Int, count: Int) -> [UInt8] {
    guard let chunk = chunks[start / chunkSize] else { return [UInt8](repeating: 0, count: count) }
    return [UInt8](chunk[(start % chunkSize)..<(start % chunkSize + count)])
  }
}
