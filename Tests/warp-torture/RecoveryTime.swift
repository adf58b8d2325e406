// SPDX-License-Identifier: Apache-2.0
// `warp-torture recovery`: how long the recovery of a whole store takes, beside reading its data file once with memcpy.
//
// - The store is full: each shard holds its capacity, and each key was set twice, so that slots and queue are mixed.
// - A round leaves every shard as a writer that died in a write section leaves it (sequence odd, no owner), times one set
//   in each shard, and then one memcpy of the mapped data file to private memory of that size. Rounds are interleaved and
//   medians compared, because the machine may be shared.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct RecoveryTime: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recovery", abstract: "Times the recovery of a full store against one memcpy of its file.")

  @Option(help: "Entries.") var capacity = 65_536
  @Option(help: "Bytes of a slot: a multiple of 64, at least 128.") var slot = 256
  @Option(help: "Rounds.") var rounds = 21
  @Option(help: "Fail if recovery takes longer than so many times the memcpy; 0: only measure.") var limit = 0.0
  @Flag(help: "End with one JSON object.") var json = false

  private static let keySize = 16

  func validate() throws {
    guard slot >= 128, slot % 64 == 0 else { throw ValidationError("--slot is a multiple of 64, at least 128") }
    guard capacity > 0, rounds > 0 else { throw ValidationError("--capacity and --rounds are at least 1") }
  }

  func run() throws {
    try withTemporaryDirectory { directory in
      let valueSize = slot - SlotFields.structure.size - RecoveryTime.keySize
      let store = try SharedStore.open(
        path: directory + "/store.warp",
        StoreConfiguration(capacity: capacity, maxKeySize: RecoveryTime.keySize, maxValueSize: valueSize))
      try fill(store, valueSize)
      let held = try store.statistics().count
      let lock = try LockWords(store)
      let probes = Probe.keys(store)
      let file = try SharedWords(store.path)
      let copy = UnsafeMutableRawPointer.allocate(byteCount: file.count * 8, alignment: 4096)
      defer { copy.deallocate() }
      var recoveries: [Int64] = []
      var copies: [Int64] = []
      file.copy(to: copy)
      for _ in 0..<rounds {
        for shard in 0..<lock.shards { lock.setSequence(shard, lock.sequence(shard) | 1) }
        var began = System.bootTime()
        for probe in probes { try store.set(probe, to: [1]) }
        recoveries.append(System.bootTime() - began)
        began = System.bootTime()
        file.copy(to: copy)
        copies.append(System.bootTime() - began)
      }
      let recovered = (0..<lock.shards).reduce(0) { $0 + Int(lock.recoveries($1)) }
      let lost = held - (try store.statistics().count)
      let ratio = Double(recoveries.median) / Double(copies.median)
      var report = Report()
      report.add("command", "recovery")
      report.add("entries", held)
      report.add("shards", lock.shards)
      report.add("fileBytes", file.count * 8)
      report.add("recoveryMs", Double(recoveries.median) / 1e6)
      report.add("recoveryMaxMs", Double(recoveries.max() ?? 0) / 1e6)
      report.add("memcpyMs", Double(copies.median) / 1e6)
      report.add("ratio", ratio)
      report.add("recoveries", recovered)
      report.add("lost", lost)
      let isSlow = limit > 0 && ratio > limit
      if recovered != rounds * lock.shards { System.explain("not every shard was recovered in each round\n") }
      try report.finish(
        json: json, violations: (isSlow ? 1 : 0) + abs(lost) + (recovered == rounds * lock.shards ? 0 : 1))
    }
  }

  /// Every shard full, its slots in another order than its queue.
  private func fill(_ store: SharedStore, _ valueSize: Int) throws {
    for round in 0..<2 {
      for index in 0..<capacity * 2 {
        // More keys than the capacity, so that the emptiest shard holds its own, too.
        let key = Array("key \(index % (capacity + capacity / 2))".utf8)
        try store.set(key, to: [UInt8](repeating: UInt8(round), count: valueSize))
      }
    }
    for probe in Probe.keys(store) { try store.set(probe, to: [1]) }
  }
}

extension [Int64] {
  fileprivate var median: Int64 { isEmpty ? 0 : sorted()[count / 2] }
}
