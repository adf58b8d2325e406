// SPDX-License-Identifier: Apache-2.0
// Many keys in one call: the same answers as one by one.

import Testing
import WarpFormat
import WarpTestSupport

@testable import WarpKV

@Suite struct StoreBatchTests {
  private static let shape = StoreConfiguration(capacity: 400, maxKeySize: 16, maxValueSize: 3000, shards: 4)

  private func withStore(_ body: (SharedStore) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp", Self.shape)
      try body(store)
    }
  }

  private func key(_ number: Int) -> [UInt8] { [UInt8(number & 255), UInt8(number >> 8)] }

  /// Sizes around the group, values around the scratch memory on the stack.
  @Test(arguments: [0, 1, 2, 15, 16, 17, 32, 33, 300]) func theAnswersAreThoseOfSingleGets(_ count: Int) throws {
    try withStore { store in
      let sizes = [0, 1, 64, 1023, 1024, 1025, 3000]
      let entries = (0..<count).filter { $0 % 3 != 0 }.map { number in
        (
          key: key(number),
          value: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: sizes[number % sizes.count])
        )
      }
      #expect(try store.setMany(entries).allSatisfy { $0 == .stored })
      #expect(try store.count == entries.count)
      // Some are not there, one comes twice, one is longer than any key.
      let keys = (0..<count).map(key) + [key(1), [UInt8](repeating: 1, count: 17)]
      let before = try store.statistics()
      let values = try store.getMany(keys)
      let after = try store.statistics()
      #expect(values == (try keys.map { try store.get($0) }))
      #expect(values.count == keys.count && values.last == .some(nil))
      #expect(after.hits - before.hits == values.count { $0 != nil })
      #expect(after.misses - before.misses == values.count { $0 == nil })
    }
  }

  @Test func hitsOfABatchMarkTheirEntries() throws {
    try withTemporaryDirectory { directory in
      let shape = StoreConfiguration(capacity: 3, maxKeySize: 8, maxValueSize: 8, shards: 1)
      let store = try SharedStore.open(path: directory + "/a.warp", shape)
      try store.setMany((0..<3).map { (key($0), [7]) })
      #expect(try store.getMany([key(0), key(2)]) == [[7], [7]])
      try store.set(key(3), to: [7])
      #expect(try store.getMany((0..<4).map(key)) == [[7], nil, [7], [7]])
    }
  }

  @Test func aSetOfABatchThatFailsLeavesThoseBeforeIt() throws {
    try withStore { store in
      var entries = (0..<40).map { (key: key($0), value: [1] as [UInt8]) }
      entries[20].key = [UInt8](repeating: 0, count: 17)
      expectCode(.keyTooLarge) { try store.setMany(entries) }
      #expect(try store.count == 20)
      entries[20] = (key(20), [UInt8](repeating: 0, count: 3001))
      let results = try store.setMany(entries, timeToLive: .seconds(9000), freshFor: .seconds(5000))
      #expect(results == (0..<40).map { $0 < 20 ? .replaced : $0 == 20 ? .skipped : .stored })
      let entry = try #require(try store.entry(for: key(39)))
      #expect(entry.remaining! > .zero && entry.remaining! <= .seconds(9000) && !entry.isStale)
    }
  }

  /// Into one buffer: the same answers and counts, and bytes behind a value stay.
  @Test(arguments: [0, 1, 2, 15, 16, 17, 32, 33, 300]) func intoABuffer(_ count: Int) throws {
    try withStore { store in
      for keySize in [1, 2, 9, 12, 16] {
        try store.removeAll()
        func key(_ number: Int) -> [UInt8] {
          (0..<keySize).map { UInt8(truncatingIfNeeded: $0 < 2 ? number >> (8 * $0) : $0) }
        }
        for number in 0..<count where number % 3 != 0 {
          try store.set(key(number), to: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 70))
        }
        let keys = (0..<count).flatMap(key)
        var values = [UInt8](repeating: 255, count: count * 64 + 3)
        var results = [GetResult](repeating: .busy, count: count)
        let before = try store.statistics()
        var span = values.mutableSpan
        var bytes = span.mutableBytes
        var resultSpan = results.mutableSpan
        let hits = try store.getMany(
          keys.span.bytes, keySize: keySize, into: &bytes, valueSize: 64, results: &resultSpan)
        let after = try store.statistics()
        #expect(hits == results.count { $0.isHit })
        #expect(after.hits - before.hits == hits)
        #expect(after.misses - before.misses == results.count { $0 == .miss })
        for number in 0..<count {
          var alone = [UInt8](repeating: 255, count: 64)
          #expect(try store.get(key(number), into: &alone) == results[number])
          if results[number].isHit { #expect(Array(values[number * 64..<number * 64 + 64]) == alone) }
        }
        #expect(values.suffix(3) == [255, 255, 255])
      }
    }
  }

  @Test func keysThatNoSlotHasRoomFor() throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(
        path: directory + "/a.warp", .init(capacity: 64, maxKeySize: 8, maxValueSize: 8))
      for number in UInt8(0)..<40 { try store.set([UInt8](repeating: number, count: 8), to: [number]) }
      for size in [9, 12, 16, 17, 300] {
        let keys = (UInt8(0)..<40).map { [UInt8](repeating: $0, count: size) }
        let found = try store.getBatch(keys, room: 8)
        #expect(found.count == 40 && found.allSatisfy { $0.result == .miss }, "\(size) bytes")
      }
      #expect(try store.statistics().misses == 200)
    }
  }

  /// Two keys of one fingerprint: the chain of the second names the slot of the first before its own.
  @Test func keysThatShareAFingerprint() throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(
        path: directory + "/a.warp", StoreConfiguration(capacity: 8, maxKeySize: 16, maxValueSize: 8, shards: 1))
      func key(_ number: Int) -> [UInt8] { Array("\(1_000_000_000 + number)".utf8) }
      let (one, other) = store.numbersOfOneFingerprint(key)
      for missing in [nil, one, other] {
        for number in [one, other] where number != missing { try store.set(key(number), to: [UInt8(number & 255)]) }
        if let missing { try store.remove(key(missing)) }
        let found = try store.getBatch([key(one), key(other)], room: 8)
        for (number, found) in zip([one, other], found) {
          #expect(found.result == (number == missing ? .miss : .hit(size: 1)))
          #expect(found.bytes == (number == missing ? [] : [UInt8(number & 255)]))
        }
      }
    }
  }

  /// Keys that are set again and again, each time in another slot, while other keys take the slots they leave: each get of a
  /// batch finds its own key's value, whole, none older than when the batch began, and none older than the batch before found.
  @Test func besideWriters() throws {
    try withTemporaryDirectory { directory in
      let shape = StoreConfiguration(
        capacity: 64, maxKeySize: 16, maxValueSize: 40, shards: 1, writerWait: .seconds(30))
      let keys = (0..<32).map { Array("\(1_000_000_000_000 + $0)".utf8) }
      let scene = try WritingScene(directory + "/a.warp", shape, keys: keys) { (key, version) in
        [UInt64(key), version, version, version, version].flatMap { word in
          (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
      }
      let errors = scene.run { (store, goesOn) in
        var last = [UInt64](repeating: 0, count: WritingScene.kept)
        var (rounds, judged) = (0, 0)
        while goesOn() {
          rounds += 1
          let before = scene.version
          for (key, found) in try store.getBatch(Array(keys[..<WritingScene.kept]), room: 40).enumerated() {
            if found.result == .busy { continue }
            guard found.result == .hit(size: 40) else { throw Wrong(key: key, result: found.result) }
            let words: [UInt64] = found.bytes.withUnsafeBytes { bytes in
              (0..<5).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
            }
            let (seen, least) = (words[1], max(before, last[key]))
            guard words[0] == UInt64(key), words[2...].allSatisfy({ $0 == seen }), seen >= least else {
              throw Wrong(key: key, result: found.result, words: words, least: least)
            }
            last[key] = seen
            judged += 1
          }
        }
        // A busy shard is rare: writers are never stopped for long.
        if judged < 8 * rounds { throw Wrong(key: judged, result: .busy) }
      }
      #expect(errors.isEmpty, "\(errors)")
      #expect(scene.version >= 20)
    }
  }

  private struct Wrong: Error {
    let key: Int
    let result: GetResult
    var words: [UInt64] = []
    var least: UInt64 = 0
  }

  @Test func closuresSeeCopies() throws {
    try withStore { store in
      try store.setMany((0..<40).map { (key($0), [UInt8](repeating: UInt8($0), count: $0 * 50)) })
      var sizes: [Int: Int] = [:]
      try store.withValues(for: (0..<45).map(key)) { index, value in sizes[index] = value.byteCount }
      #expect(sizes.count == 40 && sizes.allSatisfy { $0.value == $0.key * 50 })
      store.close()
      expectCode(.closed) { try store.withValues(for: [key(1)]) { _, _ in } }
    }
  }

  /// The package's variant: no array for a value, and the closure may use the store and end the batch.
  @Test func theClosureSeesEachHit() throws {
    try withStore { store in
      try store.setMany((0..<50).map { (key($0), [UInt8($0)]) })
      var seen: [Int] = []
      expectCode(.closed) {
        try store.getMany((0..<60).map(key)) { (index, value) throws(WarpError) in
          #expect([UInt8](value) == [UInt8(index)])
          seen.append(index)
          try store.remove(key(index))
          if index == 40 { throw WarpError(.closed, "this is enough") }
        }
      }
      #expect(seen == Array(0...40))
      #expect(try store.count == 9)
    }
  }
}
