// SPDX-License-Identifier: Apache-2.0
// What a data file takes of its file system, and what is left there.

extension FileImage {
  /// Ranges of data that are asked for at most. A file that is all holes and single blocks has millions.
  private static let mostRanges = 1 << 16

  /// Bytes of the file that are no hole, for each shard; the pages before the shards count for the first one. Where the
  /// file has too many holes, what is allocated in equal parts.
  public func dataBytesByShard() throws(FormatError) -> [Int] {
    var bytes = [Int](repeating: 0, count: geometry.shardCount)
    var position = 0
    for _ in 0..<FileImage.mostRanges {
      guard position < geometry.fileSize, let data = System.nextData(file.descriptor, from: position),
        data.lowerBound < geometry.fileSize
      else { return bytes }
      let end = min(data.upperBound, geometry.fileSize)
      var start = max(position, data.lowerBound)
      // Bound: each turn is another shard.
      while start < end {
        let shard = max(0, min((start - Format.shardsOffset) / geometry.shardStride, geometry.shardCount - 1))
        let shardEnd = shard + 1 == geometry.shardCount ? geometry.fileSize : geometry.shardOffset(shard + 1)
        bytes[shard] += min(end, shardEnd) - start
        start = min(end, shardEnd)
      }
      position = end
    }
    let share = try status().allocated / geometry.shardCount
    return [Int](repeating: share, count: geometry.shardCount)
  }

  /// Bytes of the file system that this user may still take, and of all of it.
  public func fileSystemSpace() throws(FormatError) -> (free: Int, size: Int) {
    try System.space(file.descriptor, path)
  }
}
