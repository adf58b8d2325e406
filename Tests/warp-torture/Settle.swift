// SPDX-License-Identifier: Apache-2.0
// The end of a run, when all workers are gone: every key is judged once more, in peace and with its checksum, and the
// verifier reads the file.

import WarpFormat
import WarpKV

/// One key for each shard that no worker uses.
enum Probe {
  static let prefix = Array("probe-".utf8)

  static func keys(_ store: SharedStore) -> [[UInt8]] {
    var found: [Int: [UInt8]] = [:]
    var number = 0
    while found.count < store.shards {
      let key = prefix + Array("\(number)".utf8)
      number += 1
      found[store.shard(of: key)] = key
    }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }
}

/// What a store looked like at the end.
struct Settlement {
  let findings: Int
  let recoveries: Int
  /// Gets whose bytes contradicted their checksum.
  let corrupt: Int

  /// Closes the store. What the judge finds is added to the history.
  init(_ store: SharedStore, _ history: History, seed: UInt64, maxSize: Int) throws {
    for probe in Probe.keys(store) { try store.remove(probe) }
    let judge = try SharedStore.open(
      path: store.path, StoreConfiguration(verifyReads: true, ifDifferent: .useExisting))
    var worker = Worker(store: judge, history: history, index: 0, seed: seed, maxSize: maxSize)
    for key in 0..<history.keys { try worker.read(key) }
    worker.publish()
    let statistics = try judge.statistics()
    recoveries = statistics.recoveries
    corrupt = statistics.corrupt
    judge.close()
    store.close()
    let found = try Verifier(path: store.path).findings()
    for finding in found.prefix(10) { System.explain("\(finding)\n") }
    findings = found.count
  }
}
