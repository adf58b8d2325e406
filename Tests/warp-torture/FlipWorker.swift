// SPDX-License-Identifier: Apache-2.0
// A worker of `warp-torture flip`: all that a handle can do, on files that change under it.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// One call, as the parent names it when it takes too long.
enum FlipCall: Int, CaseIterable {
  case open, get, getMany, contains, entry, set, setMany, add, replace, touch, take, increment, update, remove,
    removeAll
  case iterate, statistics, lease, readOnly, verify, anotherShape, delete, close
}

struct FlipWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "flip-worker", shouldDisplay: false)
  private static let keys = 60
  /// Bytes of memory.
  private static let most = 512 << 20

  @Option var directory: String
  @Option var index: Int
  @Option var seed: UInt64

  func run() throws {
    let words = try SharedWords(directory + "/words")
    var worker = Flipped(
      path: directory + "/flip.warp", words: words, index: index, random: SeededGenerator(seed: seed))
    while words.load(FlipWords.stop) == 0 { worker.step() }
    worker.end()
    if try Figures.now().resident > FlipWorker.most { words.add(FlipWords.tooLarge, 1) }
  }
}

private struct Flipped {
  let path: String
  let words: SharedWords
  let index: Int
  var random: SeededGenerator
  var store: SharedStore?
  var leases: [Lease] = []
  /// As last counted.
  var recoveries: Int?

  private mutating func shape() -> StoreConfiguration {
    let capacity = [1, 4, 20, 200][random.below(4)]
    return StoreConfiguration(
      capacity: capacity, maxKeySize: 16, maxValueSize: [40, 300, 20_000][random.below(3)],
      shards: capacity == 1 ? 1 : 1 << random.below(3), eviction: random.below(4) == 0 ? .none : .sieve,
      compression: Compression.isAvailable && random.below(2) == 0 ? .zstd(level: 1, threshold: 32) : .none,
      verifyReads: random.below(2) == 0, ifDifferent: .useExisting, writerWait: .milliseconds(5))
  }

  private mutating func key() -> [UInt8] {
    Array("\(random.below(2) == 0 ? "key" : "some key") \(random.below(30))".utf8)
  }

  private mutating func value() -> [UInt8] {
    [UInt8](
      repeating: UInt8(truncatingIfNeeded: random.next()), count: random.below(random.below(8) == 0 ? 900 : 60))
  }

  mutating func step() {
    guard store != nil else { return open() }
    let number = random.below(400)
    // What ends the store or takes long is rare.
    let call: FlipCall =
      switch number {
      case 0..<2: .delete
      case 2..<5: .anotherShape
      case 5..<12: .close
      case 12..<18: .verify
      case 18..<24: .readOnly
      case 24..<28: .removeAll
      default: FlipCall.allCases[1 + number % (FlipCall.lease.rawValue)]
      }
    attempt(call) { (worker) in try worker.perform(call) }
  }

  /// Runs a call, counts what it throws; false if it threw.
  @discardableResult
  private mutating func attempt(_ call: FlipCall, _ body: (inout Flipped) throws -> Void) -> Bool {
    let word = FlipWords.calls + 2 * index
    let began = System.bootTime()
    words.store(word + 1, UInt64(call.rawValue))
    words.store(word, UInt64(began))
    defer {
      words.store(word, 0)
      words.raise(FlipWords.slowest, to: UInt64(System.bootTime() - began))
      words.add(FlipWords.operations, 1)
    }
    do {
      try body(&self)
      return true
    } catch let error as FormatError {
      words.add(FlipWords.errors + FlipWords.codes.firstIndex(of: error.code)!, 1)
      if error.code == .superseded || error.code == .closed { drop() }
    } catch {
      System.explain("an error of another type: \(error)\n")
      words.add(FlipWords.untyped, 1)
    }
    return false
  }

  private mutating func drop() {
    leases = []
    recoveries = nil
    store?.close()
    store = nil
  }

  mutating func end() { attempt(.close) { (worker) in worker.drop() } }

  /// Opens the store; what is beyond repair is removed, so that the next who opens makes it anew.
  private mutating func open() {
    let shape = shape()
    let isThere = (try? System.status(path: path)) != nil
    let isOpen = attempt(.open) { (worker) in worker.store = try SharedStore.open(path: worker.path, shape) }
    if isOpen {
      if !isThere { words.add(FlipWords.made, 1) }
      return
    }
    guard random.below(4) == 0 else { return }
    attempt(.delete) { (worker) in
      for suffix in ["", StoreFiles.lockSuffix] { try System.remove(worker.path + suffix) }
    }
  }

  private mutating func perform(_ call: FlipCall) throws {
    guard let store else { return }
    let key = key()
    switch call {
    case .open: break
    case .get: _ = try store.get(key)
    case .getMany:
      let keys = [key, self.key(), self.key()]
      _ = try random.below(2) == 0 ? store.getMany(keys) : store.getBatches(keys, room: 900)
    case .contains: _ = try store.contains(key)
    case .entry: _ = try store.entry(for: key)
    case .set:
      try store.set(
        key, to: value(), timeToLive: random.below(3) == 0 ? .microseconds(1 + random.below(100_000)) : nil,
        freshFor: random.below(4) == 0 ? .microseconds(10) : nil)
    case .setMany: try store.setMany([(key, value()), (self.key(), value())])
    case .add: try store.add(key, value: value())
    case .replace: try store.replace(key, with: value(), ifRevision: UInt64(random.below(1000)))
    case .touch: try store.touch(key, timeToLive: .milliseconds(1 + random.below(100)))
    case .take: _ = try store.take(key)
    case .increment: try store.increment(Array("number".utf8), by: 1)
    case .update:
      let added = UInt8(truncatingIfNeeded: random.next())
      try store.update(key) { $0 = ($0 ?? []).prefix(20) + [added] }
    case .remove: try store.remove(key)
    case .removeAll: try store.removeAll()
    case .iterate: try store.forEachEntry { _ in }
    case .statistics: try countRecoveries(store)
    case .lease: lease(store, key)
    case .readOnly:
      let other = try SharedStore.open(path: path, StoreConfiguration(access: .readOnly))
      defer { other.close() }
      _ = try other.get(key)
      _ = try other.keys()
    case .verify:
      let image = try FileImage(path: path)
      _ = try Verifier(image).run { _ in }
      _ = try image.occupation()
      for shard in 0..<image.geometry.shardCount { _ = try image.entries(inShard: shard) }
    case .anotherShape:
      var other = shape()
      other.ifDifferent = .replace
      try SharedStore.open(path: path, other).close()
    case .delete: try SharedStore.delete(path: path)
    case .close: drop()
    }
  }

  private mutating func lease(_ store: SharedStore, _ key: [UInt8]) {
    switch store.lease(key, limit: 5_000_000) {
    case .lead(let lease):
      leases.append(lease)
      if leases.count > 8 { leases.removeFirst() }
    case .wait(let watch): _ = watch.waitSync(limit: 2_000_000)
    case .found, .none: break
    }
  }

  /// The counter is in the file that is flipped: only a small step up is believed.
  private mutating func countRecoveries(_ store: SharedStore) throws {
    let now = try store.statistics().recoveries
    if let before = recoveries, (1..<1000).contains(now &- before) {
      words.add(FlipWords.recoveries, UInt64(now &- before))
    }
    recoveries = now
  }
}
