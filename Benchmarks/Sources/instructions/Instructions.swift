// SPDX-License-Identifier: Apache-2.0
// Small loops of one operation each, to be counted by callgrind or perf (Scripts/instructions). Each runs COUNT operations
// after a fill that is always the same; the difference of two counts leaves nothing but operations.
//
// A store has a random hash seed, and with it chains of other lengths: only an average over many keys is the same in each
// run. So there are 32,768 of them, and each is asked for as often as any other.
//
// Usage: instructions library|c get|miss|batch|update|insert COUNT DIRECTORY
//        instructions library integers|texts COUNT DIRECTORY

import CLimit
import WarpKV

@main
enum Instructions {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 5, let count = Int(arguments[3]) else {
      fatalError("usage: instructions library|c get|miss|batch|update|insert|integers|texts COUNT DIRECTORY")
    }
    if arguments[1] == "library", let hits = try TypedScene.hits(arguments[2], count, directory: arguments[4]) {
      return precondition(hits == count)
    }
    let scene = try Scene(directory: arguments[4], operation: arguments[2])
    defer { scene.end() }
    let isLibrary = arguments[1] == "library"
    switch arguments[2] {
    case "get", "miss":
      let hits = isLibrary ? scene.get(count) : scene.limitGet(count)
      precondition(hits == (arguments[2] == "get" ? count : 0))
    case "batch":
      precondition((isLibrary ? scene.getMany(count) : scene.limitGet(count)) == count)
    case "update", "insert":
      if isLibrary { scene.set(count) } else { scene.limitSet(count) }
      let statistics = try scene.store.statistics()
      precondition(arguments[2] == "update" ? statistics.updates == count : statistics.evictions == count)
    default:
      fatalError("there is no operation \(arguments[2])")
    }
  }
}

/// A full store of one shard, and the keys of the operations in one piece.
final class Scene {
  static let entries = 32_768
  static let keySize = 16
  static let valueSize = 64
  /// Keys of a batch. The count of operations and that of keys are multiples of it.
  static let batch = 16

  let store: SharedStore
  private let path: String
  private var limit = limit_store()
  private let keys: UnsafeMutableRawBufferPointer
  private let value: UnsafeMutableRawBufferPointer
  private let values: UnsafeMutableRawBufferPointer
  /// Keys before they come again. New ones come again after twice the capacity, when SIEVE has long evicted them.
  private let period: Int

  init(directory: String, operation: String) throws {
    path = directory + "/instructions.warp"
    store = try SharedStore.open(
      path: path,
      StoreConfiguration(
        capacity: Scene.entries, maxKeySize: Scene.keySize, maxValueSize: Scene.valueSize, shards: 1))
    value = .allocate(byteCount: Scene.valueSize, alignment: 64)
    values = .allocate(byteCount: Scene.batch * Scene.valueSize, alignment: 64)
    values.initializeMemory(as: UInt8.self, repeating: 0)
    value.initializeMemory(as: UInt8.self, repeating: 7)
    for entry in 0..<Scene.entries { try store.set(Scene.key(entry), to: [UInt8](value)) }
    period = operation == "insert" ? 2 * Scene.entries : Scene.entries
    let first = operation == "insert" || operation == "miss" ? Scene.entries : 0
    keys = .allocate(byteCount: period * Scene.keySize, alignment: 64)
    for entry in 0..<period {
      let bytes = Scene.key(first + entry)
      for index in 0..<Scene.keySize { keys[entry * Scene.keySize + index] = bytes[index] }
    }
    if let trouble = limit_open(&limit, path, 0) { fatalError(String(cString: trouble)) }
  }

  func end() {
    limit_close(&limit)
    store.close()
    _ = try? SharedStore.delete(path: path)
  }

  static func key(_ entry: Int) -> [UInt8] {
    var z = UInt64(entry) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = z ^ (z >> 27)
    return (0..<keySize).map { index in
      let digit = UInt8(truncatingIfNeeded: z >> UInt64(60 - 4 * index)) & 15
      return digit < 10 ? digit + 48 : digit + 87
    }
  }

  @inline(__always)
  private func key(of operation: Int) -> UnsafeRawBufferPointer {
    let start = operation % period * Scene.keySize
    return UnsafeRawBufferPointer(start: keys.baseAddress! + start, count: Scene.keySize)
  }

  func get(_ count: Int) -> Int {
    var hits = 0
    for operation in 0..<count {
      var target = value.mutableBytes
      if case .hit = try! store.get(key(of: operation).bytes, into: &target) { hits += 1 }
    }
    return hits
  }

  func getMany(_ count: Int) -> Int {
    var hits = 0
    var results = [GetResult](repeating: .miss, count: Scene.batch)
    for operation in stride(from: 0, to: count, by: Scene.batch) {
      let batch = UnsafeRawBufferPointer(start: key(of: operation).baseAddress, count: Scene.batch * Scene.keySize)
      var targets = values.mutableBytes
      var span = results.mutableSpan
      hits += try! store.getMany(
        batch.bytes, keySize: Scene.keySize, into: &targets, valueSize: Scene.valueSize, results: &span)
    }
    return hits
  }

  func limitGet(_ count: Int) -> Int {
    var hits = 0
    let room = Scene.valueSize
    withUnsafePointer(to: limit) { limit in
      for operation in 0..<count
      where limit_get(limit, key(of: operation).baseAddress, Scene.keySize, value.baseAddress, room) >= 0 {
        hits += 1
      }
    }
    return hits
  }

  func set(_ count: Int) {
    for operation in 0..<count {
      let bytes = UnsafeRawBufferPointer(value)
      _ = try! store.set(key(of: operation).bytes, to: bytes.bytes)
    }
  }

  func limitSet(_ count: Int) {
    let size = Scene.valueSize
    withUnsafePointer(to: limit) { limit in
      for operation in 0..<count {
        _ = limit_put(limit, key(of: operation).baseAddress, Scene.keySize, value.baseAddress, size, 0)
      }
    }
  }
}
