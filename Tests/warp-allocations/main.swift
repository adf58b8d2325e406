// SPDX-License-Identifier: Apache-2.0
// Counts what a hit does besides its work: allocations, references counted, checks for exclusive access. Prints one line for
// each way to get a value, and ends with status 1 if one does more than it may, or if the counting itself does not work.
//
// A value that is itself a reference (a text, an array, an object) is retained for the caller and released by it: 2.

import CAllocations
import WarpKV
import WarpTestSupport

struct Point: Hashable, BitwiseCopyable {
  var x: Int32
  var y: Int32
}

/// Two closures with a variable in common: that they don't access it at once is known only when they run.
@inline(never)
func closures() -> (() -> Void, (() -> Void) -> Void) {
  var number = 0
  func change(_ value: inout Int, _ body: () -> Void) {
    value += 1
    body()
  }
  return ({ number += 1 }, { body in change(&number, body) })
}

/// What a hit may do.
struct Limit {
  var allocations = 0.0
  var references = 0.0
  var accesses = 0.0
}

@inline(never)
func use<T>(_ value: borrowing T) { withExtendedLifetime(value) {} }

struct Checker {
  private static let rounds = 10_000
  var failures = 0

  /// Calls per get, of a loop that has nothing else in it.
  private func measure(_ get: () throws -> Void) rethrows -> Limit {
    // The first calls may make what the runtime keeps.
    for _ in 0..<100 { try get() }
    let before = calls()
    for _ in 0..<Checker.rounds { try get() }
    let after = calls()
    func perGet(_ count: KeyPath<call_counts, UInt64>) -> Double {
      Double(after[keyPath: count] - before[keyPath: count]) / Double(Checker.rounds)
    }
    return Limit(
      allocations: perGet(\.allocations), references: perGet(\.references), accesses: perGet(\.accesses))
  }

  private mutating func tell(_ name: String, _ found: Limit, isRight: Bool) {
    if !isRight { failures += 1 }
    print(
      "\(isRight ? "ok  " : "FAIL") \(name): \(found.allocations) allocations, \(found.references) references counted, "
        + "\(found.accesses) checks for exclusive access")
  }

  mutating func check(_ name: String, _ limit: Limit = Limit(), _ get: () throws -> Void) rethrows {
    let found = try measure(get)
    tell(
      name, found,
      isRight: found.allocations <= limit.allocations && found.references <= limit.references
        && found.accesses <= limit.accesses)
  }

  /// That the counting works: at least so many are expected.
  mutating func expect(_ name: String, _ least: Limit, _ get: () throws -> Void) rethrows {
    let found = try measure(get)
    tell(
      name, found,
      isRight: found.allocations >= least.allocations && found.references >= least.references
        && found.accesses >= least.accesses)
  }
}

func bytes(_ checker: inout Checker, _ folder: TestFolder) throws {
  let store = try SharedStore.open(
    path: folder.path + "/allocations.warp", StoreConfiguration(capacity: 100, maxValueSize: 4096))
  let key = Array("key".utf8)
  try store.set(key, to: [UInt8](repeating: 7, count: 1024))
  var buffer = [UInt8](repeating: 0, count: 4096)
  try checker.expect("shared, array (must allocate, and be released)", Limit(allocations: 1, references: 1)) {
    use(try store.get(key))
  }
  try checker.check("shared, into the caller's buffer") { use(try store.get(key, into: &buffer)) }
  try checker.check("shared, RawSpan of 1,024 bytes") {
    use(try store.withValue(for: key.span.bytes) { $0.byteCount })
  }
  let miss = Array("none".utf8)
  try checker.check("shared, a miss") { use(try store.get(miss, into: &buffer)) }
  let packed = Array("keykeynonkey".utf8)
  var results = [GetResult](repeating: .miss, count: 4)
  var room = [UInt8](repeating: 0, count: 4 * 1024)
  try checker.check("shared, four keys into one buffer") {
    var span = room.mutableSpan
    var bytes = span.mutableBytes
    var resultSpan = results.mutableSpan
    use(try store.getMany(packed.span.bytes, keySize: 3, into: &bytes, valueSize: 1024, results: &resultSpan))
  }
  try checker.check("shared, update in place") { use(try store.set(miss.span.bytes, to: key.span.bytes)) }
  // No hit: it goes through the general lookup, which holds on to the files.
  try checker.check("shared, contains", Limit(references: 2)) { use(try store.contains(key)) }
}

func memory(_ checker: inout Checker) throws {
  let numbers = Cache<Int, Int>(capacity: 100)
  numbers[1] = 1
  checker.check("memory, Int to Int, subscript") { use(numbers[1]) }
  try checker.check("memory, Int to Int, get") { use(try numbers.get(1)) }
  checker.check("memory, Int to Int, value(for:)") { use(numbers.value(for: 1) { $0 }) }
  let points = Cache<Point, Double>(capacity: 10_000)
  points[Point(x: 1, y: 2)] = 1
  checker.check("memory, bitwise-copyable structs, many shards") { use(points[Point(x: 1, y: 2)]) }
  let texts = Cache<String, String>(capacity: 100)
  let longText = String(repeating: "long ", count: 20)
  texts[longText] = longText
  checker.check("memory, String to String", Limit(references: 2)) { use(texts[longText]) }
}

func functions(_ checker: inout Checker) {
  let area = cached { (w: Int, h: Int) in w * h }
  _ = area(3, 4)
  checker.check("cached function of two numbers") { use(area(3, 4)) }
  let volume = cached { (a: Int, b: Int, c: Int, d: Int) in a * b * c * d }
  _ = volume(1, 2, 3, 4)
  checker.check("cached function of four numbers") { use(volume(1, 2, 3, 4)) }
}

func typed(_ checker: inout Checker, _ folder: TestFolder) throws {
  let shared = try Cache<Int, Int>("numbers", in: .shared, options: CacheOptions(directory: folder.path))
  try shared.set(1, to: 1)
  checker.check("shared, Int to Int, typed") { use(shared[1]) }
  checker.check("shared, Int to Int, typed, value(for:)") { use(shared.value(for: 1) { $0 }) }
  let texts = try Cache<String, [UInt8]>(
    "texts", in: .shared(keys: .typed, values: .typed), options: CacheOptions(directory: folder.path))
  let longText = String(repeating: "long ", count: 20)
  try texts.set(longText, to: [UInt8](repeating: 7, count: 64))
  checker.check("shared, String to bytes, typed", Limit(allocations: 1, references: 2)) { use(texts[longText]) }
}

/// The folder is gone when this returns; nothing would remove it when the process ends.
func all(_ checker: inout Checker) throws {
  let folder = try TestFolder()
  try bytes(&checker, folder)
  try memory(&checker)
  functions(&checker)
  try typed(&checker, folder)
}

guard calls_counted() == 1 else {
  print("allocations can't be counted on this system")
  exitWith(0)
}
var checker = Checker()
let (one, other) = closures()
one()
checker.expect("a variable of two closures (must be checked)", Limit(accesses: 1)) { other {} }
try all(&checker)
exitWith(checker.failures == 0 ? 0 : 1)
