// SPDX-License-Identifier: Apache-2.0
// One shard: an independent table, arena, queue and seqlock (SPEC.md §5.3).
//
//   data file   | control 256 | buckets 8 x b | metadata 64 x s | slots stride x s |
//   lock file   | line 256 |                             … | leases | visited 1 x s |
//
// A `Shard` is a view: absolute offsets and the private copy of the geometry. What a file holds is never trusted to
// be an index or a size; each number read from the map is checked against these before it is used.
//
// The verbs are in Table, Slots, Queue, Seqlock, Lookup and Mutation.

import Synchronization

/// A 1-based place in a shard's arena; 0 is none.
public struct SlotIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let raw: UInt32

  public static var none: SlotIndex { SlotIndex(0) }

  @inline(__always)
  package init(_ raw: UInt32) { self.raw = raw }

  public static func < (left: SlotIndex, right: SlotIndex) -> Bool { left.raw < right.raw }
  public var description: String { raw == 0 ? "no slot" : "slot \(raw)" }
}

/// What a look for a key needs of a shard. Offsets are counted from the begin of `data`.
protocol ShardView {
  var data: Window { get }
  var slotCount: UInt32 { get }
  var bucketMask: UInt32 { get }
  var stride: Int { get }
  var probeLimit: UInt32 { get }
  var maxKeySize: Int { get }
  var maxValueSize: Int { get }
  var maxRawSize: Int { get }
  var control: Int { get }
  var buckets: Int { get }
  /// Where slot 0 would be.
  var slotZero: Int { get }
}

/// A view of one shard of an attached store.
public struct Shard: ShardView {
  let data: Window
  let lock: Window
  public let index: Int
  public let capacity: Int
  let slotCount: UInt32
  let bucketMask: UInt32
  let stride: Int
  let probeLimit: UInt32
  let maxKeySize: Int
  let maxValueSize: Int
  let maxRawSize: Int
  /// Absolute offsets in the data file.
  let control: Int
  let buckets: Int
  let metadata: Int
  let slotZero: Int
  var slots: Int { slotZero &+ stride }
  /// Absolute offsets in the lock file.
  let sequenceAt: Int
  let ownerAt: Int
  let visited: Int

  @inline(__always)
  init(_ geometry: Geometry, _ lockGeometry: LockGeometry, index: Int, data: Window, lock: Window) {
    self.data = data
    self.lock = lock
    self.index = index
    capacity = geometry.capacity(ofShard: index)
    slotCount = UInt32(truncatingIfNeeded: geometry.slotsPerShard)
    bucketMask = geometry.bucketMask
    stride = geometry.slotStride
    probeLimit = geometry.probeLimit
    maxKeySize = geometry.maxKeySize
    maxValueSize = geometry.maxValueSize
    maxRawSize = geometry.maxRawSize
    control = geometry.shardOffset(index)
    buckets = control &+ geometry.bucketsOffset
    metadata = control &+ geometry.metadataOffset
    slotZero = control &+ geometry.slotsOffset &- stride
    let line = lockGeometry.linesOffset &+ index &* LockLineFields.structure.size
    sequenceAt = line &+ LockLineFields.sequence.offset
    ownerAt = line &+ LockLineFields.owner.offset
    visited = lockGeometry.visitedOffset &+ index &* lockGeometry.visitedStride
  }

  // MARK: Control

  @inline(__always)
  func put(_ field: Field, _ value: UInt32) { data.store32(control &+ field.offset, value) }
  @inline(__always)
  func get64(_ field: Field) -> UInt64 { data.load64(control &+ field.offset) }
  @inline(__always)
  func put64(_ field: Field, _ value: UInt64) { data.store64(control &+ field.offset, value) }

  /// Live entries. One atomic load; another process may be changing it.
  @inline(__always)
  public var count: Int { min(Int(get(ControlFields.count)), capacity) }
  /// Bytes of all live keys and stored values.
  @inline(__always)
  public var storedBytes: UInt64 { get64(ControlFields.storedBytes) }

  /// Every slot that was ever used.
  var usedSlots: some Collection<SlotIndex> {
    (0..<min(get(ControlFields.usedSlots), slotCount)).lazy.map { SlotIndex($0 + 1) }
  }

  // MARK: Metadata and slots by index

  @inline(__always)
  func metadataOffset(_ slot: SlotIndex, _ field: Field) -> Int {
    metadata &+ (Int(slot.raw) &- 1) &* 64 &+ field.offset
  }

  @inline(__always)
  func visitedOffset(_ slot: SlotIndex) -> Int { visited &+ Int(slot.raw) &- 1 }

  /// The error of a file whose words contradict each other.
  func corrupt(_ message: String, _ offset: Int, rule: String) -> FormatError {
    FormatError(
      .corruptShard, "shard \(index): \(message). Verify the store, then recreate it", offset: offset, rule: rule)
  }
}

extension ShardView {
  /// A slot index from the map: nil unless it names a slot that was used.
  @inline(__always)
  func checked(_ raw: UInt32) -> SlotIndex? {
    isUsed(raw) || planted(.uncheckedSlot) && raw != 0 ? SlotIndex(raw) : nil
  }

  @inline(__always)
  func isUsed(_ raw: UInt32) -> Bool { raw &- 1 < get(ControlFields.usedSlots) && raw <= slotCount }

  @inline(__always)
  func get(_ field: Field) -> UInt32 { data.load32(control &+ field.offset) }

  @inline(__always)
  func slotOffset(_ slot: SlotIndex) -> Int { slotZero &+ Int(slot.raw) &* stride }
}
