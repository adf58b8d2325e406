// SPDX-License-Identifier: Apache-2.0
// What `warp-inspect info` says of a handle that computes keys under leases.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct LeaseInfoTests {
  @Test func whoComputesHowManyKeys() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let store = try SharedStore.open(path: scene.path, .init(ifDifferent: .useExisting))
      var leases = (0..<20).map { store.lease([UInt8($0)], limit: 60_000_000_000) }
      #expect(try scene.text(from: "attached").contains("computes 20 keys"))
      #expect(try scene.lockReport().attached.map(\.computes) == [20])
      leases.removeSubrange(1...)
      #expect(try scene.text(from: "attached").hasSuffix("computes 1 key"))
      leases = []
      #expect(try scene.text(from: "attached").contains("computes") == false)
      #expect(try scene.lockReport().attached.map(\.computes) == [0])
      store.close()
      #expect(try Verifier(path: scene.path).findings() == [])
    }
  }
}
