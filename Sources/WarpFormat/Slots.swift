// SPDX-License-Identifier: Apache-2.0
// The arena (SPEC.md §8): control words, backing, and which slot the next entry gets.
//
//   slot   | control | deadline | keySize storedSize | rawSize codec flags 0 | key … 0 | stored value … |
//          0         8          16         20          24      28    29       32        32 + keySize, to 8
//
// - control = sequence << 3 | state. The sequence grows by one at FREE -> WRITING, only there, and never goes back: a
//   reader that sees the same word before and after its copy copied one entry.
// - A shard has one slot more than its capacity, so an update always finds a free one.
// - No slot is written before its blocks are allocated: on a full file system the store would be a SIGBUS.

import Synchronization

/// What a slot is.
enum SlotState: UInt64 {
  case free = 0
  case writing = 1
  case committed = 2
  case live = 3
}

/// A control word.
struct Control: Equatable {
  let raw: UInt64

  static let stateMask: UInt64 = 7

  @inline(__always)
  func isIn(_ state: SlotState) -> Bool { raw & Control.stateMask == state.rawValue }

  @inline(__always)
  var state: SlotState? { SlotState(rawValue: raw & Control.stateMask) }

  @inline(__always)
  func with(_ state: SlotState) -> Control { Control(raw: raw & ~Control.stateMask | state.rawValue) }

  @inline(__always)
  var nextWriting: Control { Control(raw: (raw >> 3 &+ 1) << 3 | SlotState.writing.rawValue) }
}

extension ShardView {
  /// Of the slot at an offset.
  @inline(__always)
  func controlWord(at offset: Int) -> Control { data.controlWord(at: offset) }
}

extension Shard {
  @inline(__always)
  func controlWord(_ slot: SlotIndex) -> Control { controlWord(at: slotOffset(slot)) }
  /// W2.7, W3.6, W3.7, W4.4, X3, T5, T6, T8.
  @inline(__always)
  func setControl(_ slot: SlotIndex, _ control: Control) { data.release64(slotOffset(slot), control.raw) }
  @inline(__always)
  func state(_ slot: SlotIndex) -> SlotState? { controlWord(slot).state }

  @inline(__always)
  func stamp(_ slot: SlotIndex) -> UInt64 { data.load64(metadataOffset(slot, MetadataFields.stamp)) }
  @inline(__always)
  func hash(_ slot: SlotIndex) -> UInt64 { data.load64(metadataOffset(slot, MetadataFields.hash)) }
  @inline(__always)
  func deadline(_ slot: SlotIndex) -> UInt64 { data.load64(slotOffset(slot) &+ SlotFields.deadline.offset) }

  /// Bytes of key and stored value, clamped.
  @inline(__always)
  func entrySize(_ slot: SlotIndex) -> UInt64 {
    let sizes = data.load64(slotOffset(slot) &+ SlotFields.keySize.offset)
    return min(sizes & 0xFFFF_FFFF, UInt64(maxKeySize)) &+ min(sizes >> 32, UInt64(maxValueSize))
  }

  /// Bytes from a slot's start that an entry takes.
  @inline(__always)
  static func footprint(keySize: Int, storedSize: Int) -> Int {
    32 &+ ((keySize &+ 7) & ~7) &+ storedSize
  }

  // MARK: Free slots

  /// A free slot with blocks behind its first `size` bytes, taken off the free list.
  ///
  /// - Throws: `noSpace` if the file system is full and no free slot has room, `corruptShard`.
  @inline(__always)
  func takeSlot(size: Int, in file: Attachment) throws(FormatError) -> SlotIndex {
    // Nearly always the first free slot has its blocks.
    if let slot = checked(get(ControlFields.freeHead)), !controlWord(slot).isIn(.live), isBacked(slot, size: size) {
      put(ControlFields.freeHead, newer(slot)?.raw ?? 0)
      return slot
    }
    return try searchSlot(size: size, in: file)
  }

  @inline(never)
  private func searchSlot(size: Int, in file: Attachment) throws(FormatError) -> SlotIndex {
    let head = get(ControlFields.freeHead)
    if head != 0 {
      guard let slot = checked(head) else {
        throw corrupt("the free list names \(head)", control + ControlFields.freeHead.offset, rule: "WKV-A01")
      }
      return try takeFree(from: slot, size: size, in: file)
    }
    let next = get(ControlFields.usedSlots) &+ 1
    guard next <= slotCount, next != 0 else {
      throw corrupt("no slot is free", control + ControlFields.usedSlots.offset, rule: "WKV-A01")
    }
    let slot = SlotIndex(next)
    let allocated = try back(slot, size: size, in: file)
    // F2. A release store holds no later one back, so the fence is what WKV-W04 needs.
    if !planted(.usedSlotsLate) { data.release32(control + ControlFields.usedSlots.offset, next) }
    fenceRelease()
    setAllocated(slot, allocated)
    return slot
  }

  /// The first slot of the free list that has room or can get it.
  private func takeFree(from head: SlotIndex, size: Int, in file: Attachment) throws(FormatError) -> SlotIndex {
    var previous: SlotIndex?
    var current: SlotIndex? = head
    var failure: FormatError?
    for _ in 0..<slotCount {
      guard let slot = current else { break }
      guard state(slot) != .live else {
        throw corrupt("\(slot) is live and on the free list", slotOffset(slot), rule: "WKV-A01")
      }
      let next = newer(slot)
      do throws(FormatError) {
        // Once the file system has said no, only slots that have their blocks are looked at.
        if failure == nil || hasRoom(slot, size: size) {
          setAllocated(slot, try back(slot, size: size, in: file))
          if let previous { setNewer(previous, next) } else { put(ControlFields.freeHead, next?.raw ?? 0) }
          return slot
        }
      } catch {
        guard error.code == .noSpace else { throw error }
        failure = error
      }
      previous = slot
      current = next
    }
    throw failure ?? corrupt("the free list has no end", control + ControlFields.freeHead.offset, rule: "WKV-A01")
  }

  /// Gives a slot back. It is FREE before the sequence is even again (SPEC.md, W3).
  @inline(__always)
  func freeSlot(_ slot: SlotIndex) {
    setControl(slot, controlWord(slot).with(.free))
    if planted(.losesSlot) { return }
    setNewer(slot, checked(get(ControlFields.freeHead)))
    put(ControlFields.freeHead, slot.raw)
  }

  // MARK: Blocks

  @inline(__always)
  private var allocatesRuns: Bool { stride <= Format.runStride }

  /// Whether a slot that was used before has blocks behind its first `size` bytes.
  func hasRoom(_ slot: SlotIndex, size: Int) -> Bool {
    allocatesRuns || size <= Int(data.load32(metadataOffset(slot, MetadataFields.allocated)))
  }

  /// Whether ``back(_:size:in:)`` would have nothing to do.
  @inline(__always)
  private func isBacked(_ slot: SlotIndex, size: Int) -> Bool {
    if allocatesRuns { return slot.raw <= get(ControlFields.backedSlots) || planted(.blocksNotAllocated) }
    return hasRoom(slot, size: size) && !planted(.allocatedGoesDown)
  }

  private func setAllocated(_ slot: SlotIndex, _ size: UInt32) {
    if size > 0 { data.store32(metadataOffset(slot, MetadataFields.allocated), size) }
  }

  /// Sees to it that a slot's first bytes have blocks. Returns what `allocated` becomes, 0: as it is.
  private func back(_ slot: SlotIndex, size: Int, in file: Attachment) throws(FormatError) -> UInt32 {
    if planted(.blocksNotAllocated) { return 0 }
    if allocatesRuns {
      let backed = get(ControlFields.backedSlots)
      guard slot.raw > backed else { return 0 }
      let start = slots + Int(min(backed, slotCount)) * stride
      let end = slots + Int(slotCount) * stride
      let wanted = max(Format.runSize, slotOffset(slot) + stride - start)
      do throws(FormatError) {
        try file.allocate(start, min(wanted, end - start))
        put(ControlFields.backedSlots, min(slotCount, UInt32((start + wanted - slots) / stride)))
      } catch {
        // The last blocks of a file system may be fewer than a run.
        guard error.code == .noSpace else { throw error }
        try file.allocate(slotOffset(slot), stride)
        put(ControlFields.backedSlots, slot.raw)
      }
      return 0
    }
    guard !hasRoom(slot, size: size) || planted(.allocatedGoesDown) else { return 0 }
    try file.allocate(slotOffset(slot), size)
    return UInt32(min(stride, Geometry.align(size, 64)))
  }
}
