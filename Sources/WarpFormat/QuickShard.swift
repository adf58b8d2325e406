// SPDX-License-Identifier: Apache-2.0
// A shard, and a slot, as the quick get sees them.
//
// The numbers of the geometry are read from the attachment where they are needed. A `Shard` would hold them all, more than a
// processor has registers, and a get would spend its time on storing them and fetching them back.

/// A view of a shard for one look. It must not outlive the attachment.
struct QuickShard: ShardView {
  private unowned(unsafe) let file: Attachment
  private let index: Int
  /// The shard's own part of the data file, so that offsets are counted from its control block.
  let data: Window

  @inline(__always)
  init(_ file: Attachment, _ hash: UInt64) {
    unsafe self.file = file
    let geometry = file.header.geometry
    index = geometry.shardIndex(of: hash)
    data = file.quick.shards.part(index &* geometry.shardStride, geometry.shardStride)
  }

  @inline(__always) private var geometry: Geometry { unsafe file.header.geometry }

  @inline(__always) var control: Int { 0 }
  @inline(__always) var buckets: Int { geometry.bucketsOffset }
  @inline(__always) var slotZero: Int { unsafe file.quick.slotZero }
  @inline(__always) var slotCount: UInt32 { UInt32(truncatingIfNeeded: geometry.slotsPerShard) }
  @inline(__always) var bucketMask: UInt32 { geometry.bucketMask }
  @inline(__always) var stride: Int { geometry.slotStride }
  @inline(__always) var probeLimit: UInt32 { geometry.probeLimit }
  @inline(__always) var maxKeySize: Int { geometry.maxKeySize }
  @inline(__always) var maxValueSize: Int { geometry.maxValueSize }
  @inline(__always) var maxRawSize: Int { geometry.maxRawSize }

  /// - Precondition: the index was checked.
  @inline(__always)
  func place(_ slot: SlotIndex) -> QuickSlot {
    unsafe QuickSlot(
      data: data.part(slotOffset(slot), stride),
      visited: index &* file.quick.visitedStride &+ Int(slot.raw) &- 1)
  }
}

/// A slot that a bucket named.
struct QuickSlot {
  /// The slot's own part of the data file.
  let data: Window
  /// Of its visited byte in ``QuickNumbers/visited``.
  let visited: Int
}

extension QuickShard {
  /// R2 up to its first match.
  @inline(__always)
  func firstNamed(_ hash: UInt64) -> SlotIndex? {
    firstNamed(HashParts(hash: hash).fingerprint, before: probeLimit)
  }

  /// R2 and R3, copying a raw value that has room.
  @inline(__always)
  func quickProbe(
    _ key: KeyBytes, _ hash: UInt64, _ target: Room, _ note: (Candidate) -> Void
  ) -> Probe {
    probe(key, HashParts(hash: hash)) { (candidate, place) in
      copy(candidate, at: place, to: target)
      note(candidate)
    }
  }

  @inline(__always)
  private func copy(_ candidate: Candidate, at place: Int, to target: Room) {
    let header = candidate.header
    guard header.isRaw, header.storedSize <= target.size else { return }
    unsafe data.copyOut(valueOffset(at: place, keySize: header.keySize), to: target.start, size: header.storedSize)
  }
}
