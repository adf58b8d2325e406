// SPDX-License-Identifier: Apache-2.0
// The simulation against the specification's vector and against SIEVE written as plainly as possible; keys, values and
// the board that workers share.

import ReplaySupport
import Testing
import WarpTestSupport
import WarpTrace

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

private func withTrace<Result>(_ ids: [UInt64], _ body: (Trace) throws -> Result) throws -> Result {
  try withTemporaryDirectory { directory in
    let path = directory + "/t.u64"
    let file = fopen(path, "w")!
    fwrite(ids.map(\.littleEndian), 8, ids.count, file)
    fclose(file)
    return try body(try Trace.read(path))
  }
}

/// SIEVE over an array, oldest first. The hand is a position; nil: at the oldest.
private func plainMisses(_ ids: [UInt64], capacity: Int) -> Int {
  var queue: [(id: UInt64, visited: Bool)] = []
  var hand: Int?
  var misses = 0
  for id in ids {
    if let found = queue.firstIndex(where: { $0.id == id }) {
      queue[found].visited = true
      continue
    }
    misses += 1
    if queue.count == capacity {
      var position = hand ?? 0
      while queue[position].visited {
        queue[position].visited = false
        position = (position + 1) % queue.count
      }
      queue.remove(at: position)
      // What was newer has moved up to this position; behind the end there is nothing newer.
      hand = position < queue.count ? position : nil
    }
    queue.append((id, false))
  }
  return misses
}

@Suite struct SieveTests {
  @Test func theVectorOfTheSpecification() throws {
    let ids: [UInt64] = [1, 2, 3, 1, 2, 4, 1, 5, 2, 3, 6, 1, 4, 4, 5, 7, 1, 2, 3, 1, 8, 2, 9, 1, 3]
    let outcome = "MMMHHMHMMMMHMHMMHMMHMMMHM"
    for length in 1...ids.count {
      let misses = try withTrace(Array(ids.prefix(length))) {
        ExactSieve.misses($0, KeyNumbers($0), capacity: 3)
      }
      #expect(misses == outcome.prefix(length).count { $0 == "M" }, "after \(length) requests")
    }
  }

  @Test(arguments: [1, 2, 3, 7, 20, 50]) func itAgreesWithThePlainOne(capacity: Int) throws {
    var state: UInt64 = 1
    let ids = (0..<4000).map { _ -> UInt64 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Squared, so that small ids are asked for more often.
      let draw = (state >> 33) % 64
      return draw * draw / 64
    }
    let misses = try withTrace(ids) { ExactSieve.misses($0, KeyNumbers($0), capacity: capacity) }
    #expect(misses == plainMisses(ids, capacity: capacity))
  }

  @Test func idsFarApartAreNumberedAlike() throws {
    let small: [UInt64] = [0, 1, 2, 0, 3, 1, 0, 4, 2, 0, 1]
    let dense = try withTrace(small) {
      (KeyNumbers($0).uniques, ExactSieve.misses($0, KeyNumbers($0), capacity: 2))
    }
    let sparse = try withTrace(small.map(Content.mixed)) {
      (KeyNumbers($0).uniques, ExactSieve.misses($0, KeyNumbers($0), capacity: 2))
    }
    #expect(dense == sparse)
    #expect(dense.0 == 5)
  }

  @Test func aTenthIsRounded() throws {
    for (keys, tenth) in [(1, 1), (14, 1), (15, 2), (100, 10), (104, 10), (105, 11)] {
      #expect(try withTrace((0..<UInt64(keys)).map { $0 }) { KeyNumbers($0).tenth } == tenth)
    }
  }
}

@Suite struct ContentTests {
  @Test func keysAreTheMixedIDInHex() {
    var key = [UInt8](repeating: 0, count: Content.keySize)
    Content.writeKey(0x0123_4567_89AB_CDEF, to: &key)
    #expect(String(decoding: key, as: UTF8.self) == "0123456789abcdef")
    #expect(Content.mixed(0) == 0)
    #expect(Content.mixed(1) == 0x5692_161D_100B_05E5)
  }

  @Test func aValueMatchesItsKeyAndSizeOnly() {
    var value = [UInt8](repeating: 0, count: 40)
    for size in 0...40 {
      Content.fill(&value, size: size, of: 77)
      #expect(Content.matches(value, size: size, of: 77))
      #expect(!Content.matches(value, size: 41, of: 77))
      if size >= 4 {
        #expect(!Content.matches(value, size: size, of: 78))
        #expect(!Content.matches(value, size: size - 1, of: 77))
      }
      for index in 0..<size {
        value[index] ^= 0x10
        #expect(!Content.matches(value, size: size, of: 77))
        value[index] ^= 0x10
      }
    }
  }
}

@Suite struct BoardTests {
  @Test func blocksCoverTheTraceOnce() throws {
    let board = try Board(workers: 3)
    var taken: [Int] = []
    while let block = board.takeBlock(of: 200) { taken += block }
    #expect(taken == Array(0..<200))
    #expect(board.takeBlock(of: 200) == nil)
  }

  @Test func aTallyIsSeenThroughTheBoard() throws {
    let board = try Board(workers: 2)
    var tally = Board.Tally()
    tally.hits = 3
    tally.misses = 4
    tally.end = 5
    board.publish(tally, worker: 1)
    #expect(board.tally(worker: 1) == tally)
    #expect(board.tally(worker: 0) == Board.Tally())
    #expect(board.gate == .waiting)
    board.gate = .open
    #expect(board.gate == .open)
  }
}

@Suite struct NumbersTests {
  @Test func forPeople() {
    #expect(Numbers.grouped(0) == "0")
    #expect(Numbers.grouped(-1234) == "-1,234")
    #expect(Numbers.grouped(1_000_000) == "1,000,000")
    #expect(Numbers.fixed(0.0625, places: 3) == "0.063")
    #expect(Numbers.fixed(80, places: 0) == "80")
    #expect(Numbers.fixed(1.999, places: 2) == "2.00")
    #expect(Numbers.bytes(999) == "999 bytes")
    #expect(Numbers.bytes(74_153_984) == "74.2 MB")
  }
}
