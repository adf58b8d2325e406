// SPDX-License-Identifier: Apache-2.0
// Operations of a worker on several of its keys at once.

import WarpFormat
import WarpKV
import WarpTestSupport

extension Worker {
  private static let batch = 5

  /// Gets several keys in one call, half of the times into one buffer. A busy shard looks like a miss there, so only values are
  /// judged.
  mutating func readMany() throws {
    let intoBuffer = random.below(2) == 0
    let keys: [Int] = intoBuffer ? keysOfOneSize() : (0..<Worker.batch).map { _ in random.below(history.keys) }
    let before = keys.map { history.acked($0) }
    let began = System.bootTime()
    let wanted: [[UInt8]] = keys.map { names[$0] }
    let values = try intoBuffer ? store.getBatches(wanted, room: maxSize) : store.getMany(wanted)
    for (place, value) in values.enumerated() {
      guard let value else { continue }
      count(.hits)
      judge(keys[place], value, before[place], began)
    }
  }

  /// Mostly of the sizes that have a way of their own.
  private mutating func keysOfOneSize() -> [Int] {
    let first = random.below(min(12, history.keys))
    let sameSize = Array(stride(from: first, to: history.keys, by: Value.keySizes))
    return (0..<2 * Worker.batch).map { _ in sameSize[random.below(sameSize.count)] }
  }

  /// The next set of one of its own keys.
  private struct Next {
    let key: Int
    let version: UInt64
    let value: [UInt8]
    let removals: UInt64
  }

  /// Sets those of several keys of its own that are to be set next.
  mutating func writeMany() throws {
    var batch: [Next] = []
    for _ in 0..<Worker.batch {
      guard let key = ownKey(), !batch.contains(where: { $0.key == key }) else { continue }
      if let next = begin(key) { batch.append(next) }
    }
    let isDone = try setAll(batch)
    for item in batch {
      if isDone {
        history.end(item.key, version: item.version, .present, since: item.removals)
        inDoubt.remove(item.key)
      } else {
        // Some of them may have been set.
        inDoubt.insert(item.key)
      }
    }
    if !isDone { count(.busyWrites) }
  }

  private mutating func begin(_ key: Int) -> Next? {
    let version = versions[key / history.workers] + 1
    let action = OwnerAction(seed: seed, key: key, version: version, maxSize: maxSize)
    guard !action.mayVanish, let size = action.size else { return nil }
    versions[key / history.workers] = version
    let removals = history.begin(key, version: version, mayVanish: false)
    let value = Value.make(key: key, version: version, written: System.bootTime(), size: size)
    return Next(key: key, version: version, value: value, removals: removals)
  }

  /// False if it gave up.
  private func setAll(_ batch: [Next]) throws -> Bool {
    let entries = batch.map { (key: names[$0.key], value: $0.value) }
    do {
      try store.setMany(entries)
      return true
    } catch {
      guard error.code == .busy else { throw error }
      return false
    }
  }
}
