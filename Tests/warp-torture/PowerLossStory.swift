// SPDX-License-Identifier: Apache-2.0
// A store's story until the power goes, for `warp-torture power-loss`: it is opened, changed, left, deleted, made anew,
// replaced, lost its lock file, and goes on in another boot; all of it seen by a DiskLog.
//
// - A state is what the store holds: every change begins another one, and the log is told its number.
// - All clocks move by hand, so what has expired is known exactly.

import WarpFormat
import WarpKV
import WarpTestSupport

/// What the store holds, by key.
typealias PowerLossState = [Int: PowerLossEntry]

struct PowerLossEntry: Equatable {
  let value: [UInt8]
  /// Store time; nil: never.
  let deadline: Int64?
}

struct PowerLossStory {
  static let keys = 24
  static let name = "store.warp"
  /// Bytes of the largest value, by story.
  private static let valueSizes = [200, 200, 1000, 4000, 20_000]

  let log: DiskLog
  let world: TestWorld
  private(set) var configuration: StoreConfiguration
  private(set) var states: [PowerLossState] = [[:]]
  /// The page of the state block and the file each time that the store was left clean, and the moment after it.
  private(set) var lefts: [(page: [UInt8], inode: UInt64, moment: Int, time: Int64)] = []
  /// Every value that a key ever had.
  private(set) var written = [Set<[UInt8]>](repeating: [], count: PowerLossStory.keys)
  private let path: String
  private var random: SeededGenerator
  private var version: UInt64 = 0

  /// Everything happens here; afterwards the story is only asked.
  init(_ directory: String, seed: UInt64) throws {
    path = directory + "/" + PowerLossStory.name
    random = SeededGenerator(seed: seed)
    world = TestWorld(seed: seed)
    let valueSize = PowerLossStory.valueSizes[random.below(PowerLossStory.valueSizes.count)]
    configuration = PowerLossStory.configuration(&random, valueSize)
    log = DiskLog(directory)
    try log.note()
    for _ in 0..<(2 + random.below(4)) {
      try live()
      try between()
    }
    try log.stop()
  }

  /// Each holds all keys, even if they meet in one shard.
  private static func configuration(_ random: inout SeededGenerator, _ valueSize: Int) -> StoreConfiguration {
    let shards = [1, 2, 4][random.below(3)]
    let isPacked = Compression.isAvailable && random.below(3) == 0
    return StoreConfiguration(
      capacity: (keys + random.below(8)) * shards, maxKeySize: 48, maxValueSize: valueSize, shards: shards,
      compression: isPacked ? .zstd(level: 1, threshold: 64) : .none)
  }

  static func key(_ number: Int) -> [UInt8] { Value.key(number) }

  private func open() throws -> SharedStore {
    try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
  }

  private mutating func change(_ body: (inout PowerLossState) -> Void) throws {
    var next = states[states.count - 1]
    body(&next)
    states.append(next)
    log.mark = states.count - 1
    if random.below(3) == 0 { try log.note() }
  }

  // MARK: From opening to leaving

  private mutating func live() throws {
    var store = try open()
    // Whoever leaves first is not the last.
    let other = random.below(3) == 0 ? try open() : nil
    try log.note()
    for _ in 0..<random.below(40) { try act(on: store) }
    if random.below(4) == 0 {
      let valueSize = configuration.maxValueSize
      configuration = PowerLossStory.configuration(&random, valueSize)
      let next = try open()
      try log.note()
      store.close()
      store = next
      for _ in 0..<random.below(10) { try act(on: store) }
    }
    if random.below(8) == 0 { try store.sync() }
    other?.close()
    try log.note()
    store.close()
    try log.note()
    try left()
  }

  /// Keeps what shows that the store was left clean, if it was.
  private mutating func left() throws {
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    let page = try System.read(file, at: Format.stateOffset, count: Format.pageSize, path)
    let (start, size) = (StateFields.detach.offset, StateFields.detach.size)
    guard page[start..<(start + size)].contains(where: { $0 != 0 }) else { return }
    lefts.append((page, try System.status(file, path).inode, log.moments - 1, world.realTime))
  }

  private mutating func act(on store: SharedStore) throws {
    let key = random.below(PowerLossStory.keys)
    let name = PowerLossStory.key(key)
    switch random.below(20) {
    case ..<12:
      let value = make(key)
      let seconds = random.below(4) == 0 ? 1 + random.below(60) : nil
      try store.set(name, to: value, timeToLive: seconds.map { .seconds($0) })
      let deadline = seconds.map { world.realTime + Int64($0) * 1_000_000_000 }
      try change { $0[key] = PowerLossEntry(value: value, deadline: deadline) }
    case ..<15:
      try store.remove(name)
      try change { $0[key] = nil }
    case 15:
      let pairs = (0..<4).map { (($0 * 7 + key) % PowerLossStory.keys) }.map { ($0, make($0)) }
      try store.setMany(pairs.map { (PowerLossStory.key($0.0), $0.1) })
      try change { for (key, value) in pairs { $0[key] = PowerLossEntry(value: value, deadline: nil) } }
    case 16: world.advance(nanoseconds: Int64(random.below(5_000_000_000)))
    case 17 where random.below(5) == 0:
      try store.removeAll()
      try change { $0 = [:] }
    default: _ = try store.get(name)
    }
  }

  private mutating func make(_ key: Int) -> [UInt8] {
    version += 1
    let room = configuration.maxValueSize - OwnerAction.smallestSize
    let size = OwnerAction.smallestSize + random.below(room + 1)
    let value = Value.make(key: key, version: version, written: world.realTime, size: size)
    written[key].insert(value)
    return value
  }

  // MARK: While nobody has it open

  private mutating func between() throws {
    world.advance(nanoseconds: Int64(random.below(2_000_000_000)))
    switch random.below(8) {
    case 0:
      try SharedStore.delete(path: path)
      try change { $0 = [:] }
    case 1: try System.remove(path + "-lock")
    case 2...4: world.reboot(off: Int64(1 + random.below(5_000_000_000)))
    default: break
    }
    try log.note()
  }
}
