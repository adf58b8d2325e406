// SPDX-License-Identifier: Apache-2.0
// The store as a user sees it.

import Testing
import WarpKV
import WarpTestSupport

@Suite struct StoreTests {
  @Test func aValueThatWasSetIsFound() throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp")
      #expect(try store.set("k", to: [1, 2, 3]) == .stored)
      #expect(try store.get("k") == [1, 2, 3])
      #expect(try store.set("k", to: [4]) == .replaced)
      #expect(try store.get("k") == [4])
      #expect(try store.remove("k"))
      #expect(try store.get("k") == nil)
      #expect(try store.count == 0)
    }
  }

  /// WKV-W09: CLOCK would give other hits.
  @Test func theTraceVectorOfTheSpecification() throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/a.warp", .init(capacity: 3))
      let calls = [1, 2, 3, 1, 2, 4, 1, 5, 2, 3, 6, 1, 4, 4, 5, 7, 1, 2, 3, 1, 8, 2, 9, 1, 3]
      var outcome = ""
      for call in calls {
        let key = [UInt8(call)]
        if try store.get(key) != nil {
          outcome += "H"
        } else {
          outcome += "M"
          try store.set(key, to: key)
        }
      }
      #expect(outcome == "MMMHHMHMMMMHMHMMHMMHMMMHM")
    }
  }
}
