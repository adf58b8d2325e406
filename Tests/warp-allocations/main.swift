// SPDX-License-Identifier: Apache-2.0
// Counts the allocations of hits. Prints one line for each way to get a value, and ends with status 1 if one that must
// not allocate does, or if the counting itself does not work.

import CAllocations
import WarpKV
import WarpTestSupport

struct Point: Hashable, BitwiseCopyable {
  var x: Int32
  var y: Int32
}

let rounds = 10_000
nonisolated(unsafe) var failures = 0

@inline(never)
func use<T>(_ value: T) { withExtendedLifetime(value) {} }

/// - Parameter limit: allocations per get that are allowed; nil: at least one is expected.
func check(_ name: String, limit: Int?, _ get: () throws -> Void) rethrows {
  // The first calls may make what the runtime keeps.
  for _ in 0..<100 { try get() }
  let before = allocations()
  for _ in 0..<rounds { try get() }
  let perGet = Double(allocations() - before) / Double(rounds)
  let isRight = limit.map { perGet <= Double($0) } ?? (perGet >= 1)
  if !isRight { failures += 1 }
  print("\(isRight ? "ok  " : "FAIL") \(name): \(perGet) allocations a hit")
}

guard allocations_counted() == 1 else {
  print("allocations can't be counted on this system")
  exitWith(0)
}

let folder = try TestFolder()
let store = try SharedStore.open(
  path: folder.path + "/allocations.warp", StoreConfiguration(capacity: 100, maxValueSize: 4096))
let key = Array("key".utf8)
try store.set(key, to: [UInt8](repeating: 7, count: 1024))
var buffer = [UInt8](repeating: 0, count: 4096)

check("shared, array (must count)", limit: nil) { use(try! store.get(key)) }
check("shared, into the caller's buffer", limit: 0) { use(try! store.get(key, into: &buffer)) }
check("shared, RawSpan of 1,024 bytes", limit: 0) {
  use(try! store.withValue(for: key.span.bytes) { $0.byteCount })
}
let packed = Array("keykeynonkey".utf8)
let miss = Array("none".utf8)
check("shared, a miss", limit: 0) { use(try! store.get(miss, into: &buffer)) }
var results = [GetResult](repeating: .miss, count: 4)
var room = [UInt8](repeating: 0, count: 4 * 1024)
check("shared, four keys into one buffer", limit: 0) {
  var span = room.mutableSpan
  var bytes = span.mutableBytes
  var resultSpan = results.mutableSpan
  use(
    try! store.getMany(packed.span.bytes, keySize: 3, into: &bytes, valueSize: 1024, results: &resultSpan))
}
check("shared, update in place", limit: 0) { use(try! store.set(miss.span.bytes, to: key.span.bytes)) }
check("shared, contains", limit: 0) { use(try! store.contains(key)) }

let numbers = Cache<Int, Int>(capacity: 100)
numbers[1] = 1
check("memory, Int to Int, subscript", limit: 0) { use(numbers[1]) }
check("memory, Int to Int, get", limit: 0) { use(try! numbers.get(1)) }
check("memory, Int to Int, value(for:)", limit: 0) { use(numbers.value(for: 1) { $0 }) }
let points = Cache<Point, Double>(capacity: 10_000)
points[Point(x: 1, y: 2)] = 1
check("memory, bitwise-copyable structs, many shards", limit: 0) { use(points[Point(x: 1, y: 2)]) }
let texts = Cache<String, String>(capacity: 100)
let longText = String(repeating: "long ", count: 20)
texts[longText] = longText
check("memory, String to String", limit: 0) { use(texts[longText]) }

let area = cached { (w: Int, h: Int) in w * h }
_ = area(3, 4)
check("cached function of two numbers", limit: 0) { use(area(3, 4)) }
let volume = cached { (a: Int, b: Int, c: Int, d: Int) in a * b * c * d }
_ = volume(1, 2, 3, 4)
check("cached function of four numbers", limit: 0) { use(volume(1, 2, 3, 4)) }
let shared = try Cache<Int, Int>("numbers", in: .shared, options: CacheOptions(directory: folder.path))
try shared.set(1, to: 1)
check("shared, Int to Int, typed", limit: 0) { use(shared[1]) }
check("shared, Int to Int, typed, value(for:)", limit: 0) { use(shared.value(for: 1) { $0 }) }
let sharedTexts = try Cache<String, [UInt8]>(
  "texts", in: .shared(keys: .typed, values: .typed), options: CacheOptions(directory: folder.path))
try sharedTexts.set(longText, to: [UInt8](repeating: 7, count: 64))
check("shared, String to bytes, typed: the value", limit: 1) { use(sharedTexts[longText]) }

exitWith(failures == 0 ? 0 : 1)
