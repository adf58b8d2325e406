// SPDX-License-Identifier: Apache-2.0
// `cached { … }`: every kind of function, and that a store's trouble never replaces a result.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

private enum Trouble: Error { case odd(Int) }

private final class Runs: Sendable {
  private let value = Atomic<Int>(0)
  func add() { value.wrappingAdd(1, ordering: .relaxed) }
  var count: Int { value.load(ordering: .relaxed) }
}

@Suite struct CachedFunctionTests {
  @Test func anyNumberOfArguments() throws {
    let runs = Runs()
    let none = cached { () -> Int in
      runs.add()
      return 7
    }
    let one = cached { (a: Int) -> Int in
      runs.add()
      return a
    }
    let two = cached { (a: Int, b: String) -> String in
      runs.add()
      return "\(a)\(b)"
    }
    let three = cached { (a: Int, b: String, c: Bool) -> String in
      runs.add()
      return "\(a)\(b)\(c)"
    }
    let five = cached { (a: Int, b: String, c: Bool, d: Double, e: [Int]) -> String in
      runs.add()
      return "\(a)\(b)\(c)\(d)\(e)"
    }
    for _ in 0..<3 {
      #expect(none() == 7)
      #expect(one(1) == 1)
      #expect(two(1, "x") == "1x")
      #expect(three(1, "x", true) == "1xtrue")
      #expect(five(1, "x", true, 2.5, [1]) == "1xtrue2.5[1]")
    }
    #expect(runs.count == 5)
    #expect(two(1, "y") == "1y")
    #expect(five(1, "x", true, 2.5, [2]) == "1xtrue2.5[2]")
    #expect(runs.count == 7)
    #expect(none.statistics.hits == 2 && none.statistics.misses == 1)
    #expect(five.peek(1, "x", true, 2.5, [1]) != nil)
    five.invalidate(1, "x", true, 2.5, [1])
    #expect(five.peek(1, "x", true, 2.5, [1]) == nil)
    three.removeAll()
    #expect(three.statistics.count == 0 && three.statistics.hits == 0)
    none.invalidate()
    #expect(none() == 7)
    #expect(runs.count == 8)
    #expect(none.refresh() == 7)
    #expect(runs.count == 9)
    #expect("\(none.statistics)".hasPrefix("hits "))
  }

  @Test func typedErrorsFlowThroughAndAreNotRemembered() throws {
    let runs = Runs()
    let halve = cached { (x: Int) throws(Trouble) -> Int in
      runs.add()
      guard x % 2 == 0 else { throw .odd(x) }
      return x / 2
    }
    for _ in 0..<2 {
      do throws(Trouble) {
        _ = try halve(3)
        Issue.record("nothing was thrown")
      } catch {
        switch error {
        case .odd(let x): #expect(x == 3)
        }
      }
    }
    #expect(runs.count == 2)
    #expect(try halve(4) == 2)
    #expect(halve.statistics.loadFailures == 2 && halve.statistics.loads == 3)
  }

  @Test func voidAndOptionalResults() throws {
    let runs = Runs()
    let act = cached { (_: Int) in runs.add() }
    act(1)
    act(1)
    #expect(runs.count == 1)
    let find = cached { (_: Int) -> String? in
      runs.add()
      return nil
    }
    #expect(find(1) == nil)
    #expect(find(1) == nil)
    #expect(runs.count == 2)
    #expect(find.peek(1) == .some(nil))
  }

  @Test func aFunctionMayCallItself() {
    final class Box: Sendable {
      let function = Mutex<CachedFunction<Int, Int, Never, Never>?>(nil)
    }
    let box = Box()
    let runs = Runs()
    let fibonacci = cached { (n: Int) -> Int in
      runs.add()
      let function = box.function.withLock { $0! }
      return n < 2 ? n : function(n - 1) + function(n - 2)
    }
    box.function.withLock { $0 = fibonacci }
    #expect(fibonacci(60) == 1_548_008_755_920)
    #expect(runs.count == 61)
    box.function.withLock { $0 = nil }
  }

  @Test func asyncFunctionsInMemory() async throws {
    let runs = Runs()
    let length = cached { (text: String) async -> Int in
      runs.add()
      await Task.yield()
      return text.count
    }
    let sum = cached { (a: Int, b: Int, c: Int, d: Int) async throws -> Int in
      runs.add()
      guard a >= 0 else { throw Trouble.odd(a) }
      return a + b + c + d
    }
    for _ in 0..<2 {
      #expect(await length("hello") == 5)
      #expect(try await sum(1, 2, 3, 4) == 10)
    }
    #expect(runs.count == 2)
    await #expect(throws: Trouble.self) { try await sum(-1, 0, 0, 0) }
    #expect(await length.refresh("hello") == 5)
    #expect(runs.count == 4)
    #expect(length.peek("hello") == 5)
    length.invalidate("hello")
    #expect(length.peek("hello") == nil)
  }

  /// Whatever becomes of the store, the function's result is returned.
  @Test func troubleWithTheStoreIsCountedAndNotThrown() throws {
    let place = try TestPlace(.shared)
    let runs = Runs()
    let grow = try cached(
      "grow", in: .shared, capacity: 10,
      options: place.options(CacheOptions(maxKeySize: 40, maxValueSize: 100))
    ) { (text: String, size: Int) -> [UInt8] in
      runs.add()
      return [UInt8](repeating: 7, count: size)
    }
    #expect(grow("a", 10).count == 10)
    #expect(grow("a", 10).count == 10)
    #expect(runs.count == 1)
    // A value that is too large, then a key.
    #expect(grow("a", 1000).count == 1000)
    #expect(grow("a", 1000).count == 1000)
    #expect(grow(String(repeating: "k", count: 100), 1).count == 1)
    #expect(try grow.statistics.oversizeSkips == 3)
    #expect(runs.count == 4)
    grow.cache.close()
    #expect(grow("a", 10).count == 10)
    #expect(runs.count == 5)
    expectCode(.closed) { _ = try grow.statistics }
    expectCode(.closed) { try grow.invalidate("a", 10) }
  }

  @Test func functionsOfOneNameShareAStoreIfTheirTypesAgree() throws {
    let place = try TestPlace(.shared)
    let runs = Runs()
    func make(_ version: Int) throws -> CachedFunction<Int, String, Never, WarpError> {
      try cached("f", in: .shared, options: place.options(CacheOptions(version: version))) { (x: Int) -> String in
        runs.add()
        return "\(x)"
      }
    }
    let (first, second, newer) = try (make(0), make(0), make(1))
    #expect(first(1) == "1")
    #expect(second(1) == "1")
    #expect(runs.count == 1)
    #expect(newer(1) == "1")
    #expect(runs.count == 2)
    let other = try cached("f", in: .shared, options: place.options()) { (x: Int) -> Int in x + 1 }
    #expect(other(1) == 2)
    let elsewhere = try cached("f", in: .shared, options: place.options(CacheOptions(namespace: "x"))) {
      (x: Int) -> String in "elsewhere \(x)"
    }
    #expect(elsewhere(1) == "elsewhere 1")
    #expect(try SharedStore.list(directory: place.folder.path).count == 4)
  }
}
