// SPDX-License-Identifier: Apache-2.0
// Text of a command compared with what it was: the files of Snapshots/. WARP_SNAPSHOTS=1 writes them anew.

import Testing
import WarpFormat
import WarpTestSupport

/// Expects a text to be that of Snapshots/NAME.txt, byte for byte.
func expectSnapshot(_ text: String, _ name: String) {
  let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/Snapshots"
  let path = "\(folder)/\(name).txt"
  if System.environment("WARP_SNAPSHOTS") != nil {
    do { try TestFiles.write(path, Array(text.utf8)) } catch { Issue.record(error) }
    return
  }
  let wanted = (try? TestFiles.read(path)).map { String(decoding: $0, as: UTF8.self) }
  guard let wanted else {
    Issue.record("there is no snapshot \(name): make it with WARP_SNAPSHOTS=1")
    return
  }
  let (lines, wantedLines) = (text.split(separator: "\n"), wanted.split(separator: "\n"))
  let differing = zip(lines, wantedLines).first { $0 != $1 }
  #expect(
    text == wanted,
    "\(name): \(differing.map { "\($0.0) instead of \($0.1)" } ?? "\(lines.count) lines instead of \(wantedLines.count)")"
  )
}
