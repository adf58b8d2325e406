// SPDX-License-Identifier: Apache-2.0
// Decoded traces. A compressed trace is decoded once, into nameless files that every worker maps; memory then holds one
// copy of it however many workers there are, and a long trace needs no more of it than the kernel cares to keep.

/// Numbers of one width, appended little-endian to a scratch file.
struct ScratchNumbers<Word: FixedWidthInteger & UnsignedInteger> {
  private let descriptor: Int32
  private var pending: [UInt8] = []
  private(set) var count = 0

  /// Bytes gathered before they are written: few system calls, and still in the processor's cache.
  private static var bufferSize: Int { 1 << 16 }

  init() throws(TraceError) {
    descriptor = try Files.makeScratch()
    pending.reserveCapacity(Self.bufferSize)
  }

  mutating func append(_ word: Word) throws(TraceError) {
    withUnsafeBytes(of: word.littleEndian) { pending.append(contentsOf: $0) }
    count += 1
    if pending.count >= Self.bufferSize { try flush() }
  }

  private mutating func flush() throws(TraceError) {
    try Files.append(pending, to: descriptor)
    pending.removeAll(keepingCapacity: true)
  }

  /// The numbers, mapped; there must be at least one.
  consuming func finish() throws(TraceError) -> MappedFile {
    try flush()
    return try MappedFile(descriptor, size: count * MemoryLayout<Word>.size)
  }
}
