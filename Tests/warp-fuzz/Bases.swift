// SPDX-License-Identifier: Apache-2.0
// The stores that recipes begin with: every fixture, valid or not, and some made here that have more in them.
//
// They are the same in every run: clock, boot and entropy are fixed. A recipe names a store by a hash of its name and takes
// the next one if there is none, so that the corpus keeps its meaning when fixtures are added.

import Synchronization
import WarpFormat
import WarpKV
import WarpTestSupport

/// What the targets say to a store that asks the system.
final class FuzzWorld: Sendable {
  static let start: Int64 = 5_000_000_000
  /// Nanoseconds since the boot.
  let now = Atomic<Int64>(FuzzWorld.start)
  private let drawn = Atomic<UInt64>(0)

  /// As before the first call.
  func reset() {
    now.store(FuzzWorld.start, ordering: .relaxed)
    drawn.store(0, ordering: .relaxed)
  }

  private let me = System.process()

  var environment: Environment {
    var world = Fixtures.environment
    world.process = { [me] in me }
    world.bootTime = { [self] in now.load(ordering: .relaxed) }
    world.realTime = { [self] in 1_767_225_600_000_000_000 &+ now.load(ordering: .relaxed) }
    world.entropy = { [self] (count) throws(FormatError) in
      (0..<count).map { _ in
        UInt8(truncatingIfNeeded: SeededGenerator.mix(drawn.wrappingAdd(1, ordering: .relaxed).newValue)) | 1
      }
    }
    return world
  }
}

/// A pair of files in memory.
struct Base {
  let number: UInt16
  let data: [UInt8]
  /// Of a handle that left; empty if the data file can't be opened.
  let lock: [UInt8]
  let keys: [[UInt8]]
}

struct Bases {
  /// Keys that are told of a store.
  private static let most = 24

  let all: [Base]

  /// - Throws: if a store that is made here can't be made.
  init(_ place: FuzzPlace, _ world: FuzzWorld) throws {
    var all: [Base] = []
    for kind in ["valid", "invalid"] {
      for name in Fixtures.names(kind).sorted() {
        let data = try TestFiles.read(Fixtures.path(kind, name))
        all.append(try Bases.base(name, data, place, world))
      }
    }
    for (name, configuration) in Bases.configurations {
      world.reset()
      try Bases.fill(configuration, place, world)
      all.append(try Bases.base(name, TestFiles.read(place.path), place, world))
    }
    self.all = all.sorted { $0.number < $1.number }
  }

  /// The one of that number, else the next.
  subscript(_ number: UInt16) -> Base { all.first { $0.number >= number } ?? all[0] }

  private static var configurations: [(String, StoreConfiguration)] {
    var list: [(String, StoreConfiguration)] = [
      ("made-one-shard", StoreConfiguration(capacity: 24, maxKeySize: 16, maxValueSize: 64, shards: 1)),
      ("made-two-shards", StoreConfiguration(capacity: 40, maxKeySize: 16, maxValueSize: 40, shards: 2)),
      ("made-crowded", StoreConfiguration(capacity: 300, maxKeySize: 8, maxValueSize: 8, shards: 1)),
      ("made-no-eviction", StoreConfiguration(capacity: 12, maxKeySize: 16, maxValueSize: 16, eviction: .none)),
      ("made-large-slots", StoreConfiguration(capacity: 3, maxKeySize: 16, maxValueSize: 20_000, shards: 1)),
    ]
    if Compression.isAvailable {
      list.append(
        (
          "made-zstd",
          StoreConfiguration(
            capacity: 10, maxKeySize: 16, maxValueSize: 100, shards: 1, compression: .zstd(threshold: 16),
            maxRawSize: 4096)
        ))
    }
    return list
  }

  /// Makes a store at the place, in which everything has happened.
  private static func fill(
    _ configuration: StoreConfiguration, _ place: FuzzPlace, _ world: FuzzWorld
  ) throws {
    place.clear()
    let store = try SharedStore.open(StoreFiles(path: place.path), configuration, world.environment)
    for number in 0..<(configuration.capacity * 5 / 4) {
      let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 40)
      _ = try? store.set(
        Array("key \(number)".utf8), to: value, timeToLive: number % 3 == 0 ? .seconds(number + 1) : nil,
        freshFor: number % 4 == 0 ? .seconds(1) : nil)
      _ = try store.get(Array("key \(number / 2)".utf8))
      world.now.add(1_000, ordering: .relaxed)
    }
    for number in stride(from: 1, to: configuration.capacity, by: 5) {
      try store.remove(Array("key \(number)".utf8))
    }
    _ = try? store.increment(Array("number".utf8))
    store.close()
  }

  /// Of the slots in their order: the queue may have no end.
  private static func keys(_ image: FileImage) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    for index in 0..<image.geometry.shardCount {
      guard let shard = try? image.shard(index) else { continue }
      for slot in 1...image.geometry.slotsPerShard {
        guard let entry = try? image.entry(slot, of: shard, buckets: [:]), !keys.contains(entry.key) else {
          continue
        }
        keys.append(entry.key)
        if keys.count == most { return keys }
      }
    }
    return keys
  }

  private static func base(
    _ name: String, _ data: [UInt8], _ place: FuzzPlace, _ world: FuzzWorld
  ) throws -> Base {
    var keys: [[UInt8]] = []
    var lock: [UInt8] = []
    place.clear()
    try TestFiles.write(place.path, data)
    if let image = try? FileImage(path: place.path) {
      keys = Bases.keys(image)
    }
    world.reset()
    let configuration = StoreConfiguration(ifDifferent: .useExisting, createIfMissing: false)
    if let store = try? SharedStore.open(StoreFiles(path: place.path), configuration, world.environment) {
      store.close()
      lock = (try? TestFiles.read(place.path + StoreFiles.lockSuffix)) ?? []
    }
    place.clear()
    return Base(
      number: UInt16(truncatingIfNeeded: XXH3.hash64(Array(name.utf8), seed: 0)), data: data, lock: lock,
      keys: keys)
  }
}
