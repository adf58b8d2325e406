// SPDX-License-Identifier: Apache-2.0
// Keys and values that are coded in place, against the writer and the reader of the typed encoding.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct DirectCodingTests {
  /// What the direct way writes for a key, nil if it leaves it to the writer.
  private func written<Key>(_ key: Key) -> [UInt8]? {
    var room = [UInt8](repeating: 0xAA, count: DirectCoding<Key>.keyRoom + 1)
    let size = room.withUnsafeMutableBytes { DirectCoding<Key>.write(key: key, to: $0.baseAddress!) }
    #expect(room.last == 0xAA, "it wrote behind the room")
    return size == 0 ? nil : Array(room[..<size])
  }

  private func read<Value>(_ type: Value.Type, _ bytes: [UInt8]) -> Value? {
    let whole = bytes.withUnsafeBytes { DirectCoding<Value>.read($0) }
    guard DirectCoding<Value>.isWord, bytes.count <= 16 else { return whole }
    // The same from two words, with anything behind the value's end.
    let words = (bytes + [UInt8](repeating: 0xAB, count: 16 - bytes.count)).withUnsafeBytes {
      ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
    }
    let fromWords = DirectCoding<Value>.read(words.0, words.1, size: bytes.count)
    #expect(fromWords.map { "\($0)" } == whole.map { "\($0)" }, "\(Value.self) of \(bytes)")
    return fromWords
  }

  /// Through both ways, and with each byte of the encoding spoiled: what the direct way takes, the reader takes too.
  private func check<Value: WarpDecodable>(
    _ value: Value, _ random: inout SeededGenerator, same: (Value, Value) -> Bool
  ) throws {
    let codec = Codec<Value>.typed
    let key = try codec.encode(value, mode: .key)
    #expect(DirectCoding<Value>.isKnown)
    #expect(written(value) == (key.count <= DirectCoding<Value>.keyRoom ? key : nil))
    if DirectCoding<Value>.isWord {
      let (first, last) = DirectCoding<Value>.words(of: value)
      #expect(key.count == DirectCoding<Value>.wordSize)
      #expect(key.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } == first)
      #expect(key.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 1, as: UInt64.self) } == last)
    }
    let bytes = try codec.encode(value, mode: .value)
    let copy = read(Value.self, bytes)
    #expect(copy.map { same($0, value) } == true, "\(value)")
    for index in 0..<min(bytes.count, 20) {
      var spoiled = bytes
      spoiled[index] = UInt8.random(in: 0...255, using: &random)
      compare(spoiled, codec, same)
    }
    compare(Array(bytes.dropLast()), codec, same)
    compare(bytes + [0], codec, same)
  }

  private func compare<Value>(_ bytes: [UInt8], _ codec: Codec<Value>, _ same: (Value, Value) -> Bool) {
    let one = read(Value.self, bytes)
    let other = try? codec.decode(bytes, mode: .value)
    switch (one, other) {
    case (let one?, let other?): #expect(same(one, other), "\(bytes)")
    case (nil, nil): break
    default: Issue.record("\(Value.self) of \(bytes): \(String(describing: one)), \(String(describing: other))")
    }
  }

  @Test func writesAndReadsWhatTheCodecDoes() throws {
    let seed = TestPlan.seed(61)
    var generator = SampleGenerator(seed: seed)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      try check(generator.integer(Int.self), &random, same: ==)
      try check(generator.integer(Int8.self), &random, same: ==)
      try check(generator.integer(Int16.self), &random, same: ==)
      try check(generator.integer(Int32.self), &random, same: ==)
      try check(generator.integer(Int64.self), &random, same: ==)
      try check(generator.integer(UInt.self), &random, same: ==)
      try check(generator.integer(UInt8.self), &random, same: ==)
      try check(generator.integer(UInt16.self), &random, same: ==)
      try check(generator.integer(UInt32.self), &random, same: ==)
      try check(generator.integer(UInt64.self), &random, same: ==)
      try check(generator.pick([true, false]), &random, same: ==)
      try check(generator.anyDouble(), &random) { $0.bitPattern == $1.bitPattern }
      try check(generator.anyFloat(), &random) { $0.bitPattern == $1.bitPattern }
      try check(generator.text(), &random) { $0.utf8.elementsEqual($1.utf8) }
      try check(generator.bytes(), &random, same: ==)
    }
    for number in [UInt64.max, UInt64(Int64.max), UInt64(Int64.max) + 1, 0] {
      try check(number, &random, same: ==)
      try check(UInt(number), &random, same: ==)
    }
    try check("", &random, same: ==)
    for size in [0, 1, 250, 251, 252, 5000] { try check([UInt8](repeating: 7, count: size), &random, same: ==) }
  }

  @Test func othersAreLeftToTheirCodecs() throws {
    #expect(!DirectCoding<Int128>.isKnown && !DirectCoding<[Int]>.isKnown && !DirectCoding<Int?>.isKnown)
    #expect(written(Int128(1)) == nil && written([1]) == nil)
    #expect(read(Int128.self, try Codec<Int128>.typed.encode(1, mode: .value)) == nil)
  }

  // MARK: In a store

  private func cache<Key: Codable, Value: Codable>(
    _ place: TestPlace, _ keys: Codec<Key>, _ values: Codec<Value>,
    _ change: (inout CacheOptions) -> Void = { _ in }
  ) throws -> Cache<Key, Value> {
    var options = CacheOptions(directory: place.folder.path)
    change(&options)
    return try Cache("direct", in: .shared(keys: keys, values: values), capacity: 100, options: options)
  }

  /// A codec of the program's own is used, although its type has another encoding.
  @Test func namedCodecsAreUsed() throws {
    let place = try TestPlace(.shared)
    let codec = Codec<Int>.named(
      "ours",
      encode: { number in
        guard let byte = UInt8(exactly: number) else { throw CancellationError() }
        return [byte]
      }, decode: { Int($0[0]) + 100 })
    let cache = try cache(place, codec, codec)
    try cache.set(1, to: 2)
    #expect(try cache.get(1) == 102)
    #expect(cache.value(for: 1) { _ in 0 } == 102)
    #expect(cache[300] == nil, "a key without an encoding")
    #expect(try cache.statistics().hits == 2)
  }

  /// Values of all sizes, keys that have room on the stack and those that have none, compressed and checked ones.
  @Test(arguments: [false, true]) func everySizeComesBack(_ verified: Bool) throws {
    let place = try TestPlace(.shared)
    let cache = try cache(place, Codec<String>.codable, Codec<[UInt8]>.codable) { options in
      options.maxKeySize = 1000
      options.maxValueSize = 100_000
      options.verifyReads = verified
      if Compression.isAvailable { options.compression = .zstd(level: 1, threshold: 2000) }
    }
    for size in [0, 1, 1018, 1019, 1020, 1024, 2000, 99_000] {
      for key in ["k", String(repeating: "long", count: 100)] {
        let value = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 100) }
        try cache.set(key, to: value)
        let before = try cache.statistics()
        #expect(try cache.get(key) == value && cache[key] == value)
        #expect(cache.value(for: key) { _ in [] } == value)
        let after = try cache.statistics()
        #expect(after.hits == before.hits + 3 && after.misses == before.misses)
      }
    }
    #expect(try cache.get("absent") == nil)
    #expect(try cache.statistics().misses == 1)
  }

  /// What is stored under the key is of another type: a miss, counted so, and a computation overwrites it.
  @Test func whatIsNoValueIsAMiss() throws {
    let place = try TestPlace(.shared)
    let cache = try cache(place, Codec<Int>.codable, Codec<Int>.codable)
    let store = try #require(cache.store)
    let key = try Codec<Int>.typed.encode(5, mode: .key)
    for bytes in [[UInt8](), [0x10], [0x10, 0, 0, 0, 0, 0, 0, 0], [0x20, 0, 0, 0, 0]] {
      try store.set(key, to: bytes)
      let before = try cache.statistics()
      #expect(try cache.get(5) == nil)
      let after = try cache.statistics()
      #expect(after.misses == before.misses + 1 && after.decodeFailures == before.decodeFailures + 1)
      #expect(after.hits == before.hits)
      #expect(cache.value(for: 5) { _ in 6 } == 6)
      #expect(try cache.get(5) == 6)
    }
    cache.close()
    #expect(throws: WarpError.self) { try cache.get(5) }
    #expect(cache[5] == nil)
  }

  /// Numbers to numbers come in registers, whatever else is stored under such keys, also with
  /// checked reads and with a record of requests. QuickWordsTests has what they are made of.
  @Test(arguments: ["plain", "verified", "recording"])
  func numbersAreWhatTheLongWaySays(_ kind: String) throws {
    let place = try TestPlace(.shared)
    let clock = ManualClock()
    let writer = try cache(place, Codec<Int>.typed, Codec<Double>.typed) { options in
      options.clock = clock.clock
      if kind == "recording" { options.requestRecording = .on(oneKeyIn: 1) }
    }
    let reader = try cache(place, Codec<Int>.typed, Codec<Double>.typed) { options in
      options.clock = clock.clock
      options.verifyReads = kind == "verified"
    }
    let store = try #require(writer.store)
    for (number, value) in [0, -0.0, 1.5, .infinity, .nan, .greatestFiniteMagnitude].enumerated() {
      let key = [0, -1, Int.max, .min, 1 << 40, 255][number]
      try writer.set(key, to: value)
      #expect(try reader.get(key)?.bitPattern == reader.entry(for: key)?.value.bitPattern && reader[key] != nil)
      #expect(try reader.get(key)?.bitPattern == value.bitPattern || value.isNaN)
      #expect(try reader.get(key ^ 1 << 17) == nil)
    }
    // Bytes of every size: what a reader takes, and what it takes for no value.
    let key = try Codec<Int>.typed.encode(5, mode: .key)
    let number = try Codec<Double>.typed.encode(2, mode: .value)
    for size in 0...20 {
      try store.set(key, to: Array((number + number + number).prefix(size)))
      let before = try writer.statistics()
      #expect(try reader.get(5) == (size == number.count ? 2 : nil))
      let after = try writer.statistics()
      #expect(after.hits - before.hits == (size == number.count ? 1 : 0))
      #expect(after.misses - before.misses == (size == number.count ? 0 : 1))
    }
    try writer.set(7, to: 7, timeToLive: .seconds(1))
    #expect(try reader.get(7) == 7)
    clock.advance(.seconds(1))
    #expect(try reader.get(7) == nil)
  }

  /// Another program keeps values for a while only: who computes finds out, although its own values have no such time.
  @Test func staleValuesOfOthersAreComputedAnew() throws {
    let place = try TestPlace(.shared)
    let clock = ManualClock()
    let fresh = try cache(place, Codec<Int>.codable, Codec<Int>.codable) { options in
      options.freshFor = .seconds(1)
      options.clock = clock.clock
    }
    let other = try cache(place, Codec<Int>.codable, Codec<Int>.codable) { options in
      options.clock = clock.clock
    }
    try fresh.set(1, to: 1)
    #expect(other.value(for: 1) { _ in 2 } == 1)
    clock.advance(.seconds(2))
    #expect(try other.get(1) == 1 && fresh.get(1) == 1)
    #expect(other.value(for: 1) { _ in 2 } == 2)
    #expect(try other.get(1) == 2)
  }
}
