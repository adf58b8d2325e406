// SPDX-License-Identifier: Apache-2.0
// The lines of a .csv trace, a byte at a time: "time_s,key,size_bytes", or with "ttl_s" behind them. Chunks of a stream
// end anywhere, so the parser keeps its state between bytes and no line is ever put together.

/// Reads rows of whole numbers below a fixed header line.
package struct TableParser {
  package struct Row: Equatable, Sendable {
    /// Seconds from wherever the trace counts; later than 2^32 is 2^32 - 1.
    package var time: UInt32
    package var key: UInt64
    package var size: UInt32
    /// Seconds; 0 where the trace says nothing, and for entries that don't expire.
    package var timeToLive: UInt32

    package init(time: UInt32, key: UInt64, size: UInt32, timeToLive: UInt32 = 0) {
      self.time = time
      self.key = key
      self.size = size
      self.timeToLive = timeToLive
    }
  }

  static let header = Array("time_s,key,size_bytes".utf8)
  static let longHeader = header + Array(",ttl_s".utf8)

  private let path: String
  /// 1-based; the header is line 1.
  private var line = 1
  /// The header so far, cut off where it is longer than the right one.
  private var heading: [UInt8] = []
  /// Fields of each line: 3, or 4 with lifetimes.
  private var fields = 3
  /// Of the current line: the field, its digits and its value, and the fields that were before it.
  private var field = 0
  private var digits = 0
  private var value: UInt64 = 0
  private var row = Row(time: 0, key: 0, size: 0)
  /// After a carriage return only a line feed may follow.
  private var sawReturn = false

  package init(path: String) { self.path = path }

  /// Takes the next byte; returns a row if it completes one.
  ///
  /// - Throws: `traceMalformed`, naming the line.
  package mutating func take(_ byte: UInt8) throws(TraceError) -> Row? {
    if byte == UInt8(ascii: "\n") { return try endLine() }
    guard !sawReturn else { throw malformed("a carriage return is not at the end") }
    if byte == UInt8(ascii: "\r") {
      sawReturn = true
    } else if line == 1 {
      if heading.count <= Self.longHeader.count { heading.append(byte) }
    } else if byte == UInt8(ascii: ",") {
      try endField()
    } else {
      try takeDigit(byte)
    }
    return nil
  }

  /// The end of the file: the last line needs no line feed.
  package mutating func finish() throws(TraceError) -> Row? {
    if line > 1, field == 0, digits == 0, !sawReturn { return nil }
    return try endLine()
  }

  private mutating func takeDigit(_ byte: UInt8) throws(TraceError) {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
      throw malformed("field \(field + 1) is no whole number")
    }
    let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = tens.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
    guard !overflow, !carry else { throw malformed("field \(field + 1) is over 64 bits") }
    value = sum
    digits += 1
  }

  private mutating func endField() throws(TraceError) {
    guard digits > 0 else { throw malformed("field \(field + 1) is empty") }
    guard field < fields - 1 else { throw malformed("it has more than \(fields) fields") }
    try keepField()
    field += 1
    digits = 0
    value = 0
  }

  private mutating func keepField() throws(TraceError) {
    switch field {
    case 0: row.time = UInt32(clamping: value)
    case 1: row.key = value
    case 2:
      guard value <= UInt64(Trace.largestSize) else {
        throw malformed("a value of \(value) bytes is over the store's largest, \(Trace.largestSize)")
      }
      row.size = UInt32(value)
    default: row.timeToLive = UInt32(clamping: value)
    }
  }

  private mutating func endLine() throws(TraceError) -> Row? {
    defer {
      line += 1
      field = 0
      digits = 0
      value = 0
      sawReturn = false
    }
    if line == 1 {
      guard heading == Self.header || heading == Self.longHeader else {
        throw malformed("the header is not time_s,key,size_bytes or time_s,key,size_bytes,ttl_s")
      }
      fields = heading == Self.header ? 3 : 4
      return nil
    }
    guard field == fields - 1, digits > 0 else { throw malformed("it has fewer than \(fields) fields") }
    try keepField()
    return row
  }

  /// Whether the header promises lifetimes; known once the first row is there.
  package var hasLifetimes: Bool { fields == 4 }

  private func malformed(_ reason: String) -> TraceError {
    TraceError(.traceMalformed, "\(path): line \(line): \(reason)")
  }
}
