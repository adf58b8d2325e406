// SPDX-License-Identifier: Apache-2.0
// A trace: the keys that somebody's cache was asked for, in order, perhaps with the sizes of their values.
//
//   NAME.u64        UInt64 ids, little-endian, nothing else; values have 64 bytes
//   NAME.u64.zst    the same as a zstd stream
//   NAME.csv        lines "time_s,key,size_bytes" below a header line; values have the recorded size. A fourth column
//                   "ttl_s" gives how long an entry lives, 0: for ever
//   NAME.csv.zst    the same as a zstd stream
//
// A .u64 file is mapped where it lies and never copied. The others are decoded into scratch files, 8 bytes a request
// for the ids and 4 each for sizes, times and lifetimes.

/// The formats, told apart by the file's name.
package enum TraceFormat: Sendable {
  case numbers, compressedNumbers, table, compressedTable

  /// Whether the name is that of a trace.
  package static func isTrace(_ path: String) -> Bool {
    [".u64", ".u64.zst", ".csv", ".csv.zst"].contains { path.hasSuffix($0) }
  }

  package init(path: String) throws(TraceError) {
    if path.hasSuffix(".u64") {
      self = .numbers
    } else if path.hasSuffix(".u64.zst") {
      self = .compressedNumbers
    } else if path.hasSuffix(".csv") {
      self = .table
    } else if path.hasSuffix(".csv.zst") {
      self = .compressedTable
    } else {
      throw TraceError(.unknownFormat, "\(path): a trace's name ends in .u64, .csv, .u64.zst or .csv.zst")
    }
  }
}

/// A trace in memory that other processes can map, too.
package struct Trace: Sendable {
  /// The size of every value of a trace that records none.
  package static let plainSize = 64
  /// A store takes no larger values.
  static let largestSize = 1 << 30

  package let ids: MappedFile
  package let sizes: MappedFile?
  private let times: MappedFile?
  private let lifetimes: MappedFile?
  /// The largest value's.
  package let largestSize: Int

  package var count: Int { ids.size / 8 }

  package func id(at index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "a request is behind the trace's end")
    return UInt64(littleEndian: ids.base.load(fromByteOffset: 8 * index, as: UInt64.self))
  }

  package func size(at index: Int) -> Int {
    guard let sizes else { return Trace.plainSize }
    return Trace.number(sizes, index)
  }

  package var hasTimes: Bool { times != nil }
  package var hasLifetimes: Bool { lifetimes != nil }

  /// Seconds from wherever the trace counts; 0 if it records none.
  package func time(at index: Int) -> Int { times.map { Trace.number($0, index) } ?? 0 }

  /// Seconds that an entry set at this request lives; 0: for ever.
  package func timeToLive(at index: Int) -> Int { lifetimes.map { Trace.number($0, index) } ?? 0 }

  private static func number(_ file: MappedFile, _ index: Int) -> Int {
    precondition(index >= 0 && index < file.size / 4, "a request is behind the trace's end")
    return Int(UInt32(littleEndian: file.base.load(fromByteOffset: 4 * index, as: UInt32.self)))
  }

  private init(
    ids: MappedFile, sizes: MappedFile? = nil, times: MappedFile? = nil, lifetimes: MappedFile? = nil,
    largestSize: Int
  ) {
    self.ids = ids
    self.sizes = sizes
    self.times = times
    self.lifetimes = lifetimes
    self.largestSize = largestSize
  }

  /// What a parent process has read and handed down.
  package init(inheritedIDs: Int32, sizes: Int32?, largestSize: Int) throws(TraceError) {
    ids = try MappedFile(inherited: inheritedIDs)
    self.sizes = try sizes.map { (descriptor) throws(TraceError) in try MappedFile(inherited: descriptor) }
    times = nil
    lifetimes = nil
    self.largestSize = largestSize
  }

  /// Reads a trace, or maps it.
  ///
  /// - Throws: `unknownFormat`, `traceMissing`, `traceEmpty`, `traceTruncated`, `traceMalformed`, `needsZstd`, `system`.
  package static func read(_ path: String) throws(TraceError) -> Trace {
    switch try TraceFormat(path: path) {
    case .numbers: try mapNumbers(path)
    case .compressedNumbers: try readNumbers(path)
    case .table: try readTable(path, Files.forEachChunk)
    case .compressedTable: try readTable(path, ZstdFile.forEachChunk)
    }
  }

  private static func mapNumbers(_ path: String) throws(TraceError) -> Trace {
    let descriptor = try Files.openForReading(path)
    let size: Int
    do throws(TraceError) {
      size = try Files.size(descriptor, path)
      guard size > 0 else { throw empty(path) }
      guard size % 8 == 0 else { throw ragged(path, size) }
    } catch {
      Files.closeFile(descriptor)
      throw error
    }
    return Trace(ids: try MappedFile(descriptor, size: size), largestSize: plainSize)
  }

  private static func readNumbers(_ path: String) throws(TraceError) -> Trace {
    var ids = try ScratchNumbers<UInt64>()
    var word: UInt64 = 0
    var size = 0
    try ZstdFile.forEachChunk(of: path) { (chunk) throws(TraceError) in
      for index in chunk.indices {
        word |= UInt64(chunk[index]) << UInt64(8 * (size % 8))
        size += 1
        if size % 8 == 0 {
          try ids.append(word)
          word = 0
        }
      }
    }
    guard size > 0 else { throw empty(path) }
    guard size % 8 == 0 else { throw ragged(path, size) }
    return Trace(ids: try ids.finish(), largestSize: plainSize)
  }

  private typealias Reader = (String, (Span<UInt8>) throws(TraceError) -> Void) throws(TraceError) -> Void

  private static func readTable(_ path: String, _ forEachChunk: Reader) throws(TraceError) -> Trace {
    var ids = try ScratchNumbers<UInt64>()
    var sizes = try ScratchNumbers<UInt32>()
    var times = try ScratchNumbers<UInt32>()
    var lifetimes = try ScratchNumbers<UInt32>()
    var largest = 0
    var parser = TableParser(path: path)
    func take(_ row: TableParser.Row) throws(TraceError) {
      try ids.append(row.key)
      try sizes.append(row.size)
      try times.append(row.time)
      if parser.hasLifetimes { try lifetimes.append(row.timeToLive) }
      largest = max(largest, Int(row.size))
    }
    try forEachChunk(path) { (chunk) throws(TraceError) in
      for index in chunk.indices {
        if let row = try parser.take(chunk[index]) { try take(row) }
      }
    }
    if let row = try parser.finish() { try take(row) }
    guard ids.count > 0 else { throw empty(path) }
    return Trace(
      ids: try ids.finish(), sizes: try sizes.finish(), times: try times.finish(),
      lifetimes: parser.hasLifetimes ? try lifetimes.finish() : nil, largestSize: largest)
  }

  /// Whoever goes through a whole trace asks now and then: a file that is cut meanwhile would end the process.
  ///
  /// - Throws: `traceTruncated`.
  func check() throws(TraceError) {
    guard ids.isWhole else { throw TraceError(.traceTruncated, "the trace was cut while it was read") }
  }

  private static func empty(_ path: String) -> TraceError {
    TraceError(.traceEmpty, "\(path): the trace has no requests")
  }

  private static func ragged(_ path: String, _ size: Int) -> TraceError {
    TraceError(
      .traceTruncated,
      "\(path): \(size) bytes are no whole number of 8-byte ids: the file is cut off or no .u64 trace")
  }
}
