// SPDX-License-Identifier: Apache-2.0
// What an operation that failed, or whose process was killed, may leave: a store that opens at once, with the entries that
// it had or those that the operation gives it, every rule of the format kept, and no file that a creation leaves behind.

import WarpFormat
import WarpKV

struct FaultJudge {
  let scene: FaultScene
  /// Whether the operation said that it was done.
  let isDone: Bool
  /// Whether a set may have given up other entries to make room on a full disk.
  var mayEvict = false

  /// Nanoseconds; what takes longer has no end.
  private static let patience: Int64 = 30_000_000_000

  /// Files that only a creation under way has.
  func lookForLeftovers(_ complaints: inout [String]) throws {
    guard try System.status(path: scene.place) != nil else { return }
    let names = try System.list(scene.place).filter { $0.hasSuffix("-new") }
    if !names.isEmpty { complaints.append("it leaves \(names)") }
  }

  func judge(_ complaints: inout [String]) throws {
    let contents = scene.contents(isDone: isDone)
    if contents == .gone, try System.status(path: scene.path) != nil { complaints.append("it is still there") }
    if scene.operation == .createNamed { _ = try StoreDirectory.prepare(scene.directory + "/named") }
    let began = System.bootTime()
    let store = try SharedStore.open(path: scene.path, FaultScene.configuration(.useExisting))
    let lasted = System.bootTime() - began
    if scene.operation == .record, try store.statistics().insertions != FaultScene.entries {
      complaints.append("the counters of the lock file are not those of the one before it")
    }
    if lasted > FaultJudge.patience { complaints.append("the next opener waited \(lasted / 1_000_000) ms") }
    let found = try entries(store)
    if !isRight(found, contents) {
      complaints.append("the next opener finds \(names(found)), not \(contents)")
    }
    for probe in Probe.keys(store) {
      try store.set(probe, to: [1])
      if try store.get(probe) != [1] { complaints.append("a value that was just set is gone") }
      try store.remove(probe)
    }
    // A creation lock must be taken for leftovers to be cleared, as by whoever creates or replaces.
    try SharedStore.open(path: scene.path, FaultScene.configuration(capacity: 128)).close()
    if try entries(store) != found { complaints.append("a replacement loses entries") }
    store.close()
    for finding in try Verifier(path: scene.path).findings().prefix(3) { complaints.append("\(finding)") }
    let names = try System.list(scene.place)
    if names != ["store.warp", "store.warp-init", "store.warp-lock"] { complaints.append("it leaves \(names)") }
  }

  private func names(_ found: [[UInt8]: [UInt8]]) -> String {
    found.map { "\(String(decoding: $0.key, as: UTF8.self)) (\($0.value.count))" }.sorted().joined(separator: ", ")
  }

  private func entries(_ store: SharedStore) throws -> [[UInt8]: [UInt8]] {
    var found: [[UInt8]: [UInt8]] = [:]
    for key in try store.keys() { found[key] = try store.get(key) }
    return found
  }

  private func isRight(_ found: [[UInt8]: [UInt8]], _ contents: FaultContents) -> Bool {
    var old: [[UInt8]: [UInt8]] = [:]
    for number in 0..<FaultScene.entries { old[FaultScene.key(number)] = FaultScene.value(number) }
    switch contents {
    case .none, .gone: return found.isEmpty
    case .old: return found == old
    case .oldOrNone: return found.isEmpty || found == old
    case .changed, .oldOrChanged:
      // One after the other, and none without those before it.
      var steps = [old]
      var next = old
      next[Array("new".utf8)] = FaultScene.large
      steps.append(next)
      next[FaultScene.key(0)] = FaultScene.large
      steps.append(next)
      next[FaultScene.key(1)] = nil
      steps.append(next)
      if contents == .changed { steps = [next] }
      return steps.contains { step in
        // One entry for each of the two sets.
        found == step || mayEvict && step.count - found.count <= 2 && found.allSatisfy { step[$0.key] == $0.value }
      }
    }
  }
}
