// SPDX-License-Identifier: Apache-2.0
// Gets of short keys with short values in registers: what they settle is what a get into a buffer says, and they settle it.

import Testing
import WarpFormat
import WarpTestSupport

@testable import WarpKV

@Suite struct QuickWordsTests {
  private func withStore(_ shape: StoreConfiguration, _ body: (SharedStore) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      try body(try SharedStore.open(path: directory + "/a.warp", shape))
    }
  }

  /// What the get of a key of 9 to 16 bytes ended with.
  private func words(_ store: SharedStore, _ key: [UInt8]) -> (outcome: GetResult?, bytes: [UInt8]) {
    let (first, last) = key.withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: key.count - 8, as: UInt64.self))
    }
    let found = store.current.quickWords(first, last, key.count)
    if found.isMiss { return (.miss, []) }
    guard found.isHit else { return (nil, []) }
    let bytes = [found.first, found.second].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return (.hit(size: found.size), Array(bytes.prefix(found.size)))
  }

  @Test func everySizeOfKeyAndValue() throws {
    try withStore(StoreConfiguration(capacity: 400, maxKeySize: 16, maxValueSize: 20)) { store in
      for size in 9...16 {
        for room in 0...20 {
          let key = (0..<size).map { UInt8(truncatingIfNeeded: 250 &- $0 &- room) }
          let value = (0..<room).map { UInt8(truncatingIfNeeded: $0 &+ size) }
          #expect(words(store, key).outcome == .miss)
          try store.set(key, to: value)
          let before = try store.statistics()
          let found = words(store, key)
          let after = try store.statistics()
          // Larger ones are looked up in another way, and counted there.
          #expect(
            found.outcome == (room <= 16 ? .hit(size: room) : nil) && found.bytes == (room <= 16 ? value : []))
          #expect(after.hits - before.hits == (room <= 16 ? 1 : 0) && after.misses == before.misses)
          for index in [0, size / 2, size - 1] {
            var near = key
            near[index] ^= 0x80
            #expect(words(store, near).outcome == .miss)
          }
        }
      }
    }
  }

  /// A get of such a key marks its entry visited.
  @Test func hitsMarkTheirEntries() throws {
    try withStore(StoreConfiguration(capacity: 2, maxKeySize: 16, maxValueSize: 8, shards: 1)) { store in
      func key(_ number: Int) -> [UInt8] { Array("number \(1000 + number)".utf8) }
      for number in 0..<2 { try store.set(key(number), to: [7]) }
      #expect(words(store, key(0)).outcome == .hit(size: 1))
      try store.set(key(2), to: [7])
      #expect(words(store, key(0)).outcome == .hit(size: 1))
      #expect(words(store, key(1)).outcome == .miss)
    }
  }

  /// The chain of the second key of a fingerprint names the slot of the first before its own.
  @Test func keysThatShareAFingerprint() throws {
    let shape = StoreConfiguration(capacity: 8, maxKeySize: 16, maxValueSize: 8, shards: 1)
    try withStore(shape) { store in
      func key(_ number: Int) -> [UInt8] { Array("\(1_000_000_000 + number)".utf8) }
      let (one, other) = store.numbersOfOneFingerprint(key)
      for number in [one, other] { try store.set(key(number), to: [UInt8(number & 255)]) }
      #expect(words(store, key(one)).bytes == [UInt8(one & 255)])
      // Found by the whole try, which has no room for the value.
      #expect(words(store, key(other)).outcome == nil)
      try store.remove(key(one))
      #expect(words(store, key(one)).outcome == .miss)
      #expect(words(store, key(other)).bytes == [UInt8(other & 255)])
    }
  }

  /// What is no quick get at all.
  @Test func othersAreLeftAlone() throws {
    let key = Array("a key of 16 byte".utf8)
    try withStore(StoreConfiguration(capacity: 8, maxKeySize: 15, maxValueSize: 8)) { store in
      #expect(words(store, key).outcome == nil)
    }
    try withStore(StoreConfiguration(capacity: 8, requestRecording: .on(oneKeyIn: 1))) { store in
      try store.set(key, to: [1])
      #expect(words(store, key).outcome == nil)
    }
    try withStore(StoreConfiguration(capacity: 8)) { store in
      try store.set(key, to: [1])
      store.close()
      #expect(words(store, key).outcome == nil)
    }
    let clock = ManualClock()
    var shape = StoreConfiguration(capacity: 8)
    shape.clock = clock.clock
    try withStore(shape) { store in
      try store.set(key, to: [1], timeToLive: .seconds(1))
      #expect(words(store, key).outcome == .hit(size: 1))
      clock.advance(.seconds(1))
      #expect(words(store, key).outcome == .miss)
    }
  }

  private struct Wrong: Error {
    let key: UInt64
    let outcome: GetResult?
    let first: UInt64
    let second: UInt64
  }

  /// Keys that are set again and again, each time in another slot, while other keys take the slots they leave: each get finds its
  /// own key's value, both words of one version.
  @Test func besideWriters() throws {
    try withTemporaryDirectory { directory in
      let shape = StoreConfiguration(
        capacity: 64, maxKeySize: 16, maxValueSize: 16, shards: 1, writerWait: .seconds(30))
      let keys = (0..<32).map { Array("number \(1_000_000 + $0)".utf8) }
      let scene = try WritingScene(directory + "/a.warp", shape, keys: keys) { (key, version) in
        let word = UInt64(key) | version << 8
        return [word, ~word].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
      }
      let errors = scene.run { (store, goesOn) in
        var (rounds, judged) = (0, 0)
        while goesOn() {
          rounds += 1
          for number in 0..<WritingScene.kept {
            let before = scene.version
            let (outcome, bytes) = words(store, keys[number])
            guard let outcome else { continue }
            let found = bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
            let (first, second) = found.withUnsafeBytes {
              ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            guard outcome == .hit(size: 16), second == ~first, first & 0xFF == UInt64(number), first >> 8 >= before
            else { throw Wrong(key: UInt64(number), outcome: outcome, first: first, second: second) }
            judged += 1
          }
        }
        if judged < 8 * rounds { throw Wrong(key: UInt64(judged), outcome: nil, first: 0, second: 0) }
      }
      #expect(errors.isEmpty, "\(errors)")
      #expect(scene.version >= 20)
    }
  }
}
