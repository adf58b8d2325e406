// SPDX-License-Identifier: Apache-2.0
// The lines of a .csv trace, a byte at a time: "time_s,key,size_bytes". Chunks of a stream end anywhere, so the parser
// keeps its state between bytes and no line is ever put together.

/// Reads rows of whole numbers below a fixed header line.
package struct TableParser {
  package struct Row: Equatable, Sendable {
    package var key: UInt64
    package var size: UInt32

    package init(key: UInt64, size: UInt32) {
      self.key = key
      self.size = size
    }
  }

  static let header = Array("time_s,key,size_bytes".utf8)

  private let path: String
  /// 1-based; the header is line 1.
  private var line = 1
  /// The header so far, cut off where it is longer than the right one.
  private var heading: [UInt8] = []
  /// Of the current line: the field, its digits and its value, and the key that was before it.
  private var field = 0
  private var digits = 0
  private var value: UInt64 = 0
  private var key: UInt64 = 0
  /// After a carriage return only a line feed may follow.
  private var sawReturn = false

  package init(path: String) { self.path = path }

  /// Takes the next byte; returns a row if it completes one.
  ///
  /// - Throws: `traceMalformed`, naming the line.
  package mutating func take(_ byte: UInt8) throws(ReplayError) -> Row? {
    if byte == UInt8(ascii: "\n") { return try endLine() }
    guard !sawReturn else { throw malformed("a carriage return is not at the end") }
    if byte == UInt8(ascii: "\r") {
      sawReturn = true
    } else if line == 1 {
      if heading.count <= Self.header.count { heading.append(byte) }
    } else if byte == UInt8(ascii: ",") {
      try endField()
    } else {
      try takeDigit(byte)
    }
    return nil
  }

  /// The end of the file: the last line needs no line feed.
  package mutating func finish() throws(ReplayError) -> Row? {
    if line > 1, field == 0, digits == 0, !sawReturn { return nil }
    return try endLine()
  }

  private mutating func takeDigit(_ byte: UInt8) throws(ReplayError) {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
      throw malformed("field \(field + 1) is no whole number")
    }
    let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = tens.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
    guard !overflow, !carry else { throw malformed("field \(field + 1) is over 64 bits") }
    value = sum
    digits += 1
  }

  private mutating func endField() throws(ReplayError) {
    guard digits > 0 else { throw malformed("field \(field + 1) is empty") }
    guard field < 2 else { throw malformed("it has more than 3 fields") }
    // The time is checked to be a number and otherwise not used: a replay runs as fast as it can.
    if field == 1 { key = value }
    field += 1
    digits = 0
    value = 0
  }

  private mutating func endLine() throws(ReplayError) -> Row? {
    defer {
      line += 1
      field = 0
      digits = 0
      value = 0
      sawReturn = false
    }
    if line == 1 {
      guard heading == Self.header else { throw malformed("the header is not time_s,key,size_bytes") }
      return nil
    }
    guard field == 2, digits > 0 else { throw malformed("it has fewer than 3 fields") }
    guard value <= UInt64(Trace.largestSize) else {
      throw malformed("a value of \(value) bytes is over the store's largest, \(Trace.largestSize)")
    }
    return Row(key: key, size: UInt32(value))
  }

  private func malformed(_ reason: String) -> ReplayError {
    ReplayError(.traceMalformed, "\(path): line \(line): \(reason)")
  }
}
