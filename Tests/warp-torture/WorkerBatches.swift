// SPDX-License-Identifier: Apache-2.0
// Operations of a worker on several of its keys at once.

import WarpFormat
import WarpKV

extension Worker {
  private static let batch = 5

  /// Gets several keys in one call. A busy shard looks like a miss there, so only values are judged.
  mutating func readMany() throws {
    let keys = (0..<Worker.batch).map { _ in random.below(history.keys) }
    let before = keys.map { history.acked($0) }
    let began = System.bootTime()
    let values = try store.getMany(keys.map { names[$0] })
    for (place, value) in values.enumerated() {
      guard let value else { continue }
      count(.hits)
      judge(keys[place], value, before[place], began)
    }
  }

  /// Sets those of several keys of its own that are to be set next.
  mutating func writeMany() throws {
    var batch: [(key: Int, version: UInt64, value: [UInt8])] = []
    for _ in 0..<Worker.batch {
      guard let key = ownKey(), !batch.contains(where: { $0.key == key }) else { continue }
      let version = versions[key / history.workers] + 1
      guard case .set(let size) = OwnerAction(seed: seed, key: key, version: version, maxSize: maxSize) else {
        continue
      }
      let value = Value.make(key: key, version: version, written: System.bootTime(), size: size)
      batch.append((key, version, value))
    }
    var removals: [UInt64] = []
    for (key, version, _) in batch {
      versions[key / history.workers] = version
      removals.append(history.begin(key, version: version, mayVanish: false))
    }
    do {
      try store.setMany(batch.map { (names[$0.key], $0.value) })
      for (place, item) in batch.enumerated() {
        history.end(item.key, version: item.version, .present, since: removals[place])
        inDoubt.remove(item.key)
      }
    } catch let error as WarpError where error.code == .busy {
      // Some of them may have been set.
      for item in batch { inDoubt.insert(item.key) }
      count(.busyWrites)
    }
  }
}
