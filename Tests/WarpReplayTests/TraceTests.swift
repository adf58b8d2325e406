// SPDX-License-Identifier: Apache-2.0
// Traces as files: what is read, and what each kind of broken file is called.

import ReplaySupport
import Testing
import WarpTestSupport
import WarpTrace

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

private func write(_ bytes: [UInt8], to path: String) {
  let file = fopen(path, "w")!
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}

private func code(_ path: String) -> TraceError.Code? {
  do throws(TraceError) {
    _ = try Trace.read(path)
    return nil
  } catch {
    return error.code
  }
}

@Suite struct TraceTests {
  @Test func aPlainTraceIsItsIDs() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.u64"
      write([1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0x80], to: path)
      let trace = try Trace.read(path)
      #expect(trace.count == 2)
      #expect(trace.id(at: 0) == 1)
      #expect(trace.id(at: 1) == 0x8000_0000_0000_0102)
      #expect(trace.size(at: 1) == 64)
      #expect(trace.largestSize == 64)
    }
  }

  @Test func eachBrokenFileHasItsCode() throws {
    try withTemporaryDirectory { directory in
      write([], to: directory + "/empty.u64")
      write([1, 2, 3], to: directory + "/ragged.u64")
      mkdir(directory + "/directory.u64", 0o700)
      #expect(code(directory + "/none.u64") == .traceMissing)
      #expect(code(directory + "/none.csv.zst") == .traceMissing)
      #expect(code(directory + "/empty.u64") == .traceEmpty)
      #expect(code(directory + "/ragged.u64") == .traceTruncated)
      #expect(code(directory + "/directory.u64") == .traceMissing)
      #expect(code(directory + "/a.txt") == .unknownFormat)
      write(Array("time_s,key,size_bytes\n".utf8), to: directory + "/rows.csv")
      #expect(code(directory + "/rows.csv") == .traceEmpty)
      #expect(code(directory + "/none.csv") == .traceMissing)
    }
  }

  /// The header line, then keys 7, 8, 7 with sizes 12, 0, 12: one zstd frame with a raw block.
  static let frame: [UInt8] = {
    let text = Array("time_s,key,size_bytes\n0,7,12\n1,8,0\n1,7,12\n".utf8)
    let block = UInt32(1 | text.count << 3)
    return [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x68] + (0..<3).map { UInt8(truncatingIfNeeded: block >> (8 * $0)) }
      + text
  }()

  @Test func aCompressedTable() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.csv.zst"
      write(TraceTests.frame, to: path)
      guard ZstdFile.isAvailable else {
        #expect(code(path) == .needsZstd)
        return
      }
      let trace = try Trace.read(path)
      #expect((0..<trace.count).map { trace.id(at: $0) } == [7, 8, 7])
      #expect((0..<trace.count).map { trace.size(at: $0) } == [12, 0, 12])
      #expect(trace.largestSize == 12)
      for count in 1..<TraceTests.frame.count {
        write(Array(TraceTests.frame.prefix(count)), to: path)
        #expect(code(path) == .traceTruncated, "\(count) bytes")
      }
      write([1, 2, 3, 4, 5, 6, 7, 8], to: path)
      #expect(code(path) == .traceMalformed)
    }
  }

  @Test func theBundledTraceIsFoundBelowTheCheckout() throws {
    guard let path = try? BundledTrace.locate(executable: #filePath) else {
      Issue.record("the trace is missing")
      return
    }
    #expect(path.hasSuffix(BundledTrace.path))
    #expect(throws: TraceError.self) {
      // Only where the tests do not run in the checkout itself.
      if path == BundledTrace.path { throw TraceError(.traceMissing, "") }
      _ = try BundledTrace.locate(executable: "/nowhere/warp-replay")
    }
  }
}

@Suite struct TableParserTests {
  private func rows(_ text: String) throws -> [TableParser.Row] {
    var parser = TableParser(path: "t")
    var rows: [TableParser.Row] = []
    for byte in text.utf8 { if let row = try parser.take(byte) { rows.append(row) } }
    if let row = try parser.finish() { rows.append(row) }
    return rows
  }

  private static let header = "time_s,key,size_bytes\n"

  @Test(arguments: ["1,2,3\n4,5,6\n", "1,2,3\n4,5,6", "1,2,3\r\n4,5,6\r\n"])
  func lineEnds(text: String) throws {
    let expected = [TableParser.Row(time: 1, key: 2, size: 3), TableParser.Row(time: 4, key: 5, size: 6)]
    #expect(try rows(TableParserTests.header + text) == expected)
  }

  @Test func theLargestNumbers() throws {
    let row = TableParser.Row(time: 0, key: .max, size: 1 << 30)
    #expect(try rows(TableParserTests.header + "0,18446744073709551615,1073741824") == [row])
  }

  @Test func lifetimesAreAFourthColumn() throws {
    let long = "time_s,key,size_bytes,ttl_s\n"
    let row = TableParser.Row(time: 9, key: 2, size: 3, timeToLive: 60)
    #expect(try rows(long + "9,2,3,60\n") == [row])
    #expect(throws: TraceError.self) { try rows(long + "9,2,3\n") }
    #expect(throws: TraceError.self) { try rows(long + "9,2,3,4,5\n") }
    try withTemporaryDirectory { directory in
      write(Array((long + "5,7,12,0\n9,7,13,60\n").utf8), to: directory + "/a.csv")
      let trace = try Trace.read(directory + "/a.csv")
      #expect((0..<2).map { trace.time(at: $0) } == [5, 9])
      #expect((0..<2).map { trace.timeToLive(at: $0) } == [0, 60])
      #expect((0..<2).map { trace.size(at: $0) } == [12, 13])
    }
  }

  @Test(arguments: [
    "1,2\n", "1,2,3,4\n", "1,,3\n", ",2,3\n", "1,2,\n", "\n", "1,-2,3\n", "1, 2,3\n", "1,2,3\r4\n",
    "1,18446744073709551616,3\n", "1,2,1073741825\n", "1,2,\u{0}\n",
  ])
  func aWrongLineIsNamed(text: String) {
    do {
      _ = try rows(TableParserTests.header + "1,2,3\n" + text)
      Issue.record("it was taken for a table")
    } catch {
      #expect("\(error)".contains("line 3"), "\(error)")
    }
  }

  @Test(arguments: ["", "\n", "time_s,key\n1,2\n", "time_s,key,size_bytes,ttl\n", "1,2,3\n"])
  func aWrongHeaderIsRefused(text: String) {
    #expect(throws: TraceError.self) { try rows(text) }
  }
}
