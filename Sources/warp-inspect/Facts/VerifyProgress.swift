// SPDX-License-Identifier: Apache-2.0
// The progress of a verifier as bytes done of those that the file really holds.

import WarpFormat

struct VerifyProgress {
  private var line: ProgressLine
  /// Of each shard, and of all shards before each.
  private let bytes: [Int]
  private let before: [Int]

  /// nil if nobody looks, and it is not wanted all the same.
  init?(_ image: FileImage, isWanted: Bool) throws(FormatError) {
    guard isWanted || (System.isTerminal(2) && !Terminal.isDumb) else { return nil }
    bytes = try image.dataBytesByShard()
    var sums = [0]
    for count in bytes { sums.append(sums[sums.count - 1] + count) }
    before = sums
    line = ProgressLine(total: sums[bytes.count])
  }

  mutating func show(_ progress: Verifier.Progress) {
    guard progress.shard < bytes.count else { return }
    line.show(before[progress.shard] + Int(Double(bytes[progress.shard]) * progress.part))
  }

  /// Before something else is printed.
  mutating func clear() { line.clear() }

  mutating func end() { line.end() }
}
