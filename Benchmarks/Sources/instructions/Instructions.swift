// SPDX-License-Identifier: Apache-2.0
// Small loops of one operation each, to be counted by callgrind or perf (Scripts/instructions). Each runs COUNT operations after a
// fill that is always the same; the difference of two counts leaves nothing but operations.
//
// Usage: instructions get|miss|update|insert COUNT DIRECTORY

import WarpKV

@main
enum Instructions {
  private static let entries = 4096
  private static let keySize = 16
  private static let valueSize = 64

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let count = Int(arguments[2]) else {
      fatalError("usage: instructions get|miss|update|insert COUNT DIRECTORY")
    }
    // One shard: it holds exactly its capacity. The hash's seed is random, so that only averages over many keys are the same in
    // each run.
    let path = arguments[3] + "/instructions.warp"
    let store = try SharedStore.open(
      path: path,
      StoreConfiguration(capacity: entries, maxKeySize: keySize, maxValueSize: valueSize, shards: 1))
    defer {
      store.close()
      _ = try? SharedStore.delete(path: path)
    }
    var value = [UInt8](repeating: 7, count: valueSize)
    for entry in 0..<entries { try store.set(key(entry), to: value) }
    // Keys of all operations, made before; the loop does the same for each.
    let first = arguments[1] == "miss" || arguments[1] == "insert" ? entries : 0
    let keys = (0..<2 * entries).map { key(first + (arguments[1] == "insert" ? $0 : $0 % entries)) }
    var hits = 0
    switch arguments[1] {
    case "get", "miss":
      for operation in 0..<count {
        if try store.get(keys[operation % entries], into: &value).isHit { hits += 1 }
      }
      precondition(hits == (first == 0 ? count : 0))
    case "update":
      for operation in 0..<count { try store.set(keys[operation % entries], to: value) }
    case "insert":
      // Twice as many keys as there is room, in turns: SIEVE has always evicted a key before its turn comes again.
      for operation in 0..<count { try store.set(keys[operation % (2 * entries)], to: value) }
      let statistics = try store.statistics()
      precondition(statistics.updates == 0 && statistics.evictions == count)
    default:
      fatalError("there is no operation \(arguments[1])")
    }
  }

  /// 16 hex digits.
  private static func key(_ entry: Int) -> [UInt8] {
    var z = UInt64(entry) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = z ^ (z >> 27)
    return (0..<16).map { index in
      let digit = UInt8(truncatingIfNeeded: z >> UInt64(60 - 4 * index)) & 15
      return digit < 10 ? digit + 48 : digit + 87
    }
  }
}
