// SPDX-License-Identifier: Apache-2.0
// What a command prints, compared with a file that a person has read. WARP_SNAPSHOTS=1 writes the files again.

import Foundation
import Testing
import WarpTestSupport

/// Expects the text to be that of `Snapshots/NAME.txt`, byte for byte.
func expectSnapshot(_ text: String, _ name: String) {
  let path = (#filePath as NSString).deletingLastPathComponent + "/Snapshots/\(name).txt"
  if ProcessInfo.processInfo.environment["WARP_SNAPSHOTS"] == "1" {
    #expect(throws: Never.self) { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    return
  }
  let known = try? String(contentsOfFile: path, encoding: .utf8)
  #expect(text == known, "\(name) is not what it was")
}
