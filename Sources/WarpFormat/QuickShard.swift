// SPDX-License-Identifier: Apache-2.0
// A shard as the quick get sees it.
//
// The numbers of the geometry are read from the attachment where they are needed. A `Shard` would hold them all, more than a
// processor has registers, and a get would spend its time on storing them and fetching them back.

/// A view of a shard for one look. It must not outlive the attachment.
struct QuickShard: ShardView {
  private unowned(unsafe) let file: Attachment
  private let hash: UInt64
  /// The shard's own part of the data file, so that offsets are counted from its control block.
  let data: Window

  @inline(__always)
  init(_ file: Attachment, _ hash: UInt64) {
    unsafe self.file = file
    self.hash = hash
    let geometry = file.header.geometry
    data = file.data.part(geometry.shardOffset(geometry.shardIndex(of: hash)), geometry.shardStride)
  }

  @inline(__always) private var geometry: Geometry { unsafe file.header.geometry }
  /// The same shard, in the whole file.
  @inline(__always) var shard: Shard { unsafe file.shard(of: hash) }

  @inline(__always) var control: Int { 0 }
  @inline(__always) var buckets: Int { geometry.bucketsOffset }
  @inline(__always) var slots: Int { geometry.slotsOffset }
  @inline(__always) var slotCount: UInt32 { UInt32(truncatingIfNeeded: geometry.slotsPerShard) }
  @inline(__always) var bucketMask: UInt32 { geometry.bucketMask }
  @inline(__always) var stride: Int { geometry.slotStride }
  @inline(__always) var probeLimit: UInt32 { geometry.probeLimit }
  @inline(__always) var maxKeySize: Int { geometry.maxKeySize }
  @inline(__always) var maxValueSize: Int { geometry.maxValueSize }
  @inline(__always) var maxRawSize: Int { geometry.maxRawSize }
}
