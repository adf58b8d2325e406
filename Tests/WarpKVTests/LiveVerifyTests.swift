// SPDX-License-Identifier: Apache-2.0
// The verifier on stores that the library writes: sound after each step, and no false alarm while writers are at work.

import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct LiveVerifyTests {
  static let shapes: [Parameters] = [
    Parameters(capacity: 6, shards: 1, maxKeySize: 8, maxValueSize: 64),
    Parameters(capacity: 9, shards: 2, maxKeySize: 8, maxValueSize: 20_000),
  ]

  /// WKV-W08, WKV-X05: the verifier checks flags and reserved bytes after each step.
  @Test(arguments: shapes) func everyStepLeavesASoundStore(_ parameters: Parameters) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(
        path: path, LiveVerifyTests.configuration(parameters))
      var state: UInt64 = 1
      for step in 0..<600 {
        try LiveVerifyTests.change(store, &state, largest: parameters.maxValueSize)
        let findings = try Verifier(path: path).findings()
        #expect(findings == [], "after step \(step)")
        if !findings.isEmpty { return }
      }
    }
  }

  @Test(arguments: shapes) func aStoreInUseHasNoFinding(_ parameters: Parameters) async throws {
    let folder = try TestFolder()
    let path = folder.path + "/a.warp"
    let store = try SharedStore.open(
      path: path, LiveVerifyTests.configuration(parameters))
    let stop = Flag()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for seed in UInt64(1)...2 {
        group.addTask {
          var state = seed
          while !stop.isSet {
            try LiveVerifyTests.change(store, &state, largest: parameters.maxValueSize)
            // Writers that never rest would leave no moment to look at.
            if state >> 33 & 15 == 0 { try await Task.sleep(for: .milliseconds(1)) }
          }
        }
      }
      let verifier = try Verifier(path: path)
      var stable = 0
      for _ in 0..<300 {
        var findings: [Finding] = []
        let summary = try verifier.run { findings.append($0) }
        stable += summary.shards - summary.unstable.count
        #expect(findings == [])
        if !findings.isEmpty { break }
        await Task.yield()
      }
      #expect(stable > 0)
      stop.set()
      try await group.waitForAll()
    }
    _ = try StoreFiles(path: path).delete()
    try System.remove(path + "-init")
  }

  private static func configuration(_ parameters: Parameters) -> StoreConfiguration {
    StoreConfiguration(
      capacity: parameters.capacity, maxKeySize: parameters.maxKeySize, maxValueSize: parameters.maxValueSize,
      shards: parameters.shards, writerWait: .seconds(30))
  }

  private static func change(_ store: SharedStore, _ state: inout UInt64, largest: Int) throws {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let draw = state >> 33
    let key = [UInt8(draw % 16)]
    switch draw >> 8 & 7 {
    case 0: try store.remove(key)
    case 1: _ = try store.get(key)
    default: try store.set(key, to: [UInt8](repeating: key[0], count: Int(draw >> 12) % (largest + 1)))
    }
  }
}

private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
