// SPDX-License-Identifier: Apache-2.0
// A program that closes every descriptor, the store's among them (WKV-O12). What needs one opens the store again.

import Testing
import WarpTestSupport

@testable import WarpFormat
@testable import WarpKV

@Suite struct LostDescriptorTests {
  /// Each write needs blocks, and blocks need the descriptor.
  @Test func aSetThatNeedsBlocksOpensTheStoreAgain() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let large = [UInt8](repeating: 7, count: 60_000)
      let store = try SharedStore.open(path: path, .init(capacity: 16, maxKeySize: 8, maxValueSize: 60_000))
      for key in 0..<4 as Range<UInt8> {
        let file = store.attachment.mapping.file
        System.close(file.descriptor)
        #expect(try store.set([key], to: large) == .stored)
        #expect(store.attachment.mapping.file !== file)
      }
      #expect(try store.statistics().insertions == 4)
      for key in 0..<4 as Range<UInt8> { #expect(try store.get([key]) == large) }
      store.close()
      #expect(try Verifier(path: path).findings() == [])
    }
  }
}
