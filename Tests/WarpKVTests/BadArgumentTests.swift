// SPDX-License-Identifier: Apache-2.0
// Every wrong argument has its code, names the parameter, and makes nothing.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct BadArgumentTests {
  /// WKV-F07.
  @Test(
    arguments: [
      "", ".", "..", ".hidden", "a/b", "/a", "a\0b", "a\nb", "a\u{7F}", String(repeating: "n", count: 201),
    ]) func badNames(_ name: String) throws
  {
    try withTemporaryDirectory { directory in
      let error = expectCode(.invalidName) { _ = try SharedStore.open(name, directory: directory + "/d") }
      #expect(error?.field == "name")
      expectCode(.invalidName) { try SharedStore.delete(named: name, directory: directory + "/d") }
      let left = try TestFiles.names(directory)
      #expect(left.isEmpty)
    }
  }

  @Test func theLongestNameWorks() throws {
    try withTemporaryDirectory { directory in
      let name = String(repeating: "é", count: 100)
      try SharedStore.open(name, directory: directory).set("k", to: [1])
      #expect(try SharedStore.list(directory: directory) == [name])
      #expect(try SharedStore.delete(named: name, directory: directory))
      #expect(try SharedStore.list(directory: directory) == [])
    }
  }

  @Test(arguments: ["", "\0", "DIR/sub/", "DIR/a\0b"]) func badPaths(_ pattern: String) throws {
    try withTemporaryDirectory { directory in
      let path = pattern.hasPrefix("DIR") ? directory + pattern.dropFirst(3) : pattern
      #expect(expectCode(.invalidName) { _ = try SharedStore.open(path: path) }?.field == "path")
      expectCode(.invalidName) { try SharedStore.delete(path: path) }
      let left = try TestFiles.names(directory)
      #expect(left.isEmpty)
      #expect(try !TestFiles.exists("-init"))
    }
  }

  @Test func badShapes() throws {
    try expect(.invalidCapacity, "capacity", .init(capacity: 0))
    try expect(.invalidCapacity, "capacity", .init(capacity: -1))
    try expect(.invalidCapacity, "capacity", .init(capacity: .min))
    try expect(.invalidCapacity, "capacity", .init(capacity: .max))
    try expect(.invalidCapacity, "capacity", .init(capacity: 1 << 31 + 1))
    // In range one by one, but the file would be over 2^46 bytes.
    try expect(.invalidCapacity, "capacity", .init(capacity: 1 << 31, maxValueSize: 1 << 30))
    try expect(.invalidCapacity, "capacity", .init(capacity: 1 << 20, maxValueSize: 1 << 30))
    for shards in [0, -1, 3, 8192, .min, .max] {
      try expect(.invalidShardCount, "shards", .init(capacity: 100_000, shards: shards))
    }
    try expect(.invalidShardCount, "shards", .init(capacity: 3, shards: 4))
    try expect(.invalidShardCount, "shards", .init(capacity: 1 << 31, maxKeySize: 0, maxValueSize: 0, shards: 1))
    for size in [-1, 65_537, .min, .max] { try expect(.invalidKeySize, "maxKeySize", .init(maxKeySize: size)) }
    for size in [-1, 1 << 30 + 1, .min, .max] {
      try expect(.invalidValueSize, "maxValueSize", .init(maxValueSize: size))
    }
    for size in [-1, 4095, 1 << 30 + 1, .max] {
      try expect(.invalidValueSize, "maxRawSize", .init(maxValueSize: 4096, maxRawSize: size))
    }
  }

  private static let absurd: [Duration] = [
    .zero, .nanoseconds(-1), .seconds(-5), .seconds(Int64.min), .seconds(Int64.max), .seconds(Int64.max) * 8,
    .nanoseconds(Int64.max), .seconds(4_611_686_019),
  ]

  @Test func badDurations() throws {
    for duration in BadArgumentTests.absurd {
      try expect(.invalidTimeToLive, "timeToLive", .init(timeToLive: duration))
      try expect(.invalidArgument, "writerWait", .init(writerWait: duration))
    }
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp")
      try store.set("k", to: [1])
      for duration in BadArgumentTests.absurd {
        let error = expectCode(.invalidTimeToLive) { try store.set("k", to: [2], timeToLive: duration) }
        #expect(error?.field == "timeToLive")
      }
      #expect(try store.get("k") == [1])
      // The smallest and the largest work, and the largest does not wrap into the past.
      try store.set("small", to: [1], timeToLive: .nanoseconds(1))
      try store.set("atto", to: [1], timeToLive: Duration(secondsComponent: 0, attosecondsComponent: 1))
      try store.set("large", to: [1], timeToLive: .nanoseconds(1 << 62))
      #expect(try store.get("large") == [1])
      #expect(try store.get("small") == nil)
    }
  }

  @Test func keysAndValuesThatAreTooLong() throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp", .init(maxKeySize: 4, maxValueSize: 8))
      expectCode(.keyTooLarge) { try store.set([1, 2, 3, 4, 5], to: [1]) }
      #expect(try store.get([1, 2, 3, 4, 5]) == nil)
      #expect(try store.contains([1, 2, 3, 4, 5]) == false)
      #expect(try store.remove([1, 2, 3, 4, 5]) == false)
      try store.set([1, 2, 3, 4], to: [UInt8](repeating: 9, count: 8))
      #expect(try store.set([1, 2, 3, 4], to: [UInt8](repeating: 9, count: 9)) == .skipped)
      #expect(try store.get([1, 2, 3, 4]) == nil)
      #expect(try store.set([7], to: [UInt8](repeating: 9, count: 1 << 20)) == .skipped)
      let statistics = try store.statistics()
      #expect(statistics.oversizeSkips == 2)
      #expect(statistics.removals == 1)
      #expect(statistics.count == 0)
    }
  }

  @Test func aBufferThatIsTooSmall() throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp")
      try store.set([1], to: [1, 2, 3])
      var buffer: [UInt8] = [9, 9]
      #expect(try store.get([1], into: &buffer) == .tooSmall(needed: 3))
      #expect(buffer == [9, 9])
      var none: [UInt8] = []
      #expect(try store.get([1], into: &none) == .tooSmall(needed: 3))
      try store.set([2], to: [])
      #expect(try store.get([2], into: &none) == .hit(size: 0))
    }
  }

  private func expect(
    _ code: FormatError.Code, _ field: String, _ configuration: StoreConfiguration,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withTemporaryDirectory { directory in
      let error = expectCode(code, sourceLocation: sourceLocation) {
        _ = try SharedStore.open(path: directory + "/a.warp", configuration)
      }
      #expect(error?.field == field, sourceLocation: sourceLocation)
      expectCode(code, sourceLocation: sourceLocation) {
        _ = try SharedStore.open("a", configuration, directory: directory + "/named")
      }
      let left = try TestFiles.names(directory)
      #expect(left.isEmpty, sourceLocation: sourceLocation)
    }
  }
}
