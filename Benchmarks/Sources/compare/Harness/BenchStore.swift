// SPDX-License-Identifier: Apache-2.0
// A store to be measured, and the C hands on the same files.

import CLimit
import WarpKV

final class BenchStore {
  let path: String
  let store: SharedStore
  var limit = limit_store()
  private let scratch: Scratch

  /// An empty store.
  init(_ scratch: Scratch, _ configuration: StoreConfiguration, name: String = "store.warp") throws {
    self.scratch = scratch
    try scratch.reserve(BenchStore.bytes(configuration))
    path = scratch.file(name)
    store = try SharedStore.open(path: path, configuration)
    if let trouble = limit_open(&limit, path, 0) {
      throw BenchError("the C hands can't use the store: \(String(cString: trouble))")
    }
  }

  /// A store in which all of so many entries stay, filled.
  convenience init(_ scratch: Scratch, entries: Int, valueSize: Int, name: String = "store.warp") throws {
    try self.init(
      scratch,
      StoreConfiguration(
        capacity: BenchStore.roomy(entries), maxKeySize: Content.keySize, maxValueSize: valueSize,
        shards: BenchStore.shards(entries)), name: name)
    try fill(0..<entries, valueSize: valueSize)
    let count = try store.count
    guard count == entries else { throw BenchError("of \(entries) entries \(count) stayed") }
  }

  deinit {
    limit_close(&limit)
    store.close()
    _ = try? SharedStore.delete(path: path)
    for suffix in ["", "-lock", "-init"] { Scratch.removeTree(path + suffix) }
  }

  func fill(_ entries: Range<Int>, valueSize: Int) throws {
    for entry in entries {
      if entry & 0xFFFF == 0, Interrupt.isRaised { throw BenchError("interrupted") }
      try store.set(Content.key(entry), to: Content.value(entry, size: valueSize))
    }
  }

  // MARK: Sizes

  /// What the library takes by itself for so many entries.
  static func shards(_ entries: Int) -> Int { entries < 4096 ? 1 : entries < 65_536 ? 16 : 64 }

  /// A capacity at which no shard is full: keys fall on shards unevenly, within six standard deviations.
  static func roomy(_ entries: Int) -> Int {
    let shards = shards(entries)
    if shards == 1 { return entries }
    let share = Double(entries) / Double(shards)
    return shards * Int((share + 6 * share.squareRoot()).rounded(.up))
  }

  /// The README's formula.
  static func bytes(_ configuration: StoreConfiguration) -> Int {
    func up(_ size: Int, _ unit: Int) -> Int { (size + unit - 1) / unit * unit }
    let stride = up(32 + up(configuration.maxKeySize, 8) + configuration.maxValueSize, 64)
    return configuration.capacity * (stride + 64 + 32 + 1)
  }

  // MARK: Variants

  /// The library's get, into a buffer.
  func get(_ stream: Stream, name: String = "get", from store: SharedStore? = nil) -> Variant {
    let store = store ?? self.store
    let buffer = Buffer(store.maxValueSize)
    return Variant(name: name) { range in
      var sum: UInt64 = 0
      for operation in range {
        let key = stream.key(operation)
        var target = buffer.bytes.mutableBytes
        if case .hit(let size) = try! store.get(key.bytes, into: &target) { sum &+= buffer.word &+ UInt64(size) }
      }
      return sum
    }
  }

  /// The same in C.
  func limitGet(_ stream: Stream, name: String = "get in C") -> Variant {
    let buffer = Buffer(store.maxValueSize)
    let room = store.maxValueSize
    return Variant(name: name) { [self] range in
      var sum: UInt64 = 0
      withUnsafePointer(to: limit) { limit in
        for operation in range {
          let size = limit_get(limit, stream.key(operation).baseAddress, Content.keySize, buffer.start, room)
          if size >= 0 { sum &+= buffer.word &+ UInt64(size) }
        }
      }
      return sum
    }
  }

  /// Hash, bucket, compare and copy alone.
  func bareGet(_ stream: Stream) -> Variant {
    let buffer = Buffer(store.maxValueSize)
    return Variant(name: "bare kernel in C") { [self] range in
      var sum: UInt64 = 0
      withUnsafePointer(to: limit) { limit in
        for operation in range {
          let size = limit_bare_get(limit, stream.key(operation).baseAddress, Content.keySize, buffer.start)
          if size >= 0 { sum &+= buffer.word &+ UInt64(size) }
        }
      }
      return sum
    }
  }
}

/// Memory for one value, which never moves. At least a word.
final class Buffer {
  let start: UnsafeMutableRawPointer
  private let size: Int

  init(_ size: Int) {
    self.size = size
    start = UnsafeMutableRawPointer.allocate(byteCount: max(8, size), alignment: 64)
    start.initializeMemory(as: UInt8.self, repeating: 0, count: max(8, size))
  }

  deinit { start.deallocate() }

  var bytes: UnsafeMutableRawBufferPointer {
    @inline(__always) get { UnsafeMutableRawBufferPointer(start: start, count: size) }
  }

  /// The first eight bytes of what was read.
  var word: UInt64 { @inline(__always) get { start.load(as: UInt64.self) } }
}
