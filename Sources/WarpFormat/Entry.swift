// SPDX-License-Identifier: Apache-2.0
// An entry's bytes in a slot: header, key and stored value, its metadata and its checksum (SPEC.md §8.5).
//
// Numbers read from a slot are copies that may be torn; they are clamped here and believed only after the control word
// was seen unchanged.

/// The hot header of a slot, as private numbers within the geometry's limits.
public struct EntryHeader: Equatable, Sendable {
  /// Store time in nanoseconds, 0: none.
  public var deadline: UInt64
  public var keySize: Int
  public var storedSize: Int
  public var rawSize: Int
  public var codec: UInt8
  public var flags: UInt8

  public init(deadline: UInt64, keySize: Int, storedSize: Int, rawSize: Int, codec: UInt8, flags: UInt8) {
    self.deadline = deadline
    self.keySize = keySize
    self.storedSize = storedSize
    self.rawSize = rawSize
    self.codec = codec
    self.flags = flags
  }

  /// Whether the stored bytes are the value. What is not raw, and what only says so, has to be decoded.
  @inline(__always)
  package var isRaw: Bool {
    codec == Format.codecRaw && (rawSize == storedSize || planted(.rawSizesUncompared))
  }
}

/// The metadata that is fixed once an entry is committed.
public struct EntryMetadata: Equatable, Sendable {
  public var checksum: UInt64
  public var stamp: UInt64
  public var revision: UInt64
  /// Store time in nanoseconds.
  public var written: UInt64
  public var freshUntil: UInt64
  public var hash: UInt64

  public init(
    checksum: UInt64, stamp: UInt64, revision: UInt64, written: UInt64, freshUntil: UInt64, hash: UInt64
  ) {
    self.checksum = checksum
    self.stamp = stamp
    self.revision = revision
    self.written = written
    self.freshUntil = freshUntil
    self.hash = hash
  }
}

/// Binds an entry to its store, shard, slot and everything that is fixed about it.
public enum EntryChecksum {
  /// The digest of the stored bytes, taken before any lock.
  @inline(__always)
  public static func digest(_ stored: UnsafeRawBufferPointer) -> UInt64 { unsafe XXH3.hash64(stored, seed: 0) }

  /// XXH3-64 of the little-endian record of SPEC.md §8.5. The key is in it by its hash.
  public static func value(
    storeID: (UInt64, UInt64), shard: Int, slot: UInt32, header: EntryHeader, metadata: EntryMetadata,
    digest: UInt64
  ) -> UInt64 {
    let sizes =
      UInt64(UInt32(truncatingIfNeeded: header.keySize))
      | UInt64(UInt32(truncatingIfNeeded: header.storedSize)) << 32
    let rest =
      UInt64(UInt32(truncatingIfNeeded: header.rawSize)) | UInt64(header.codec) << 32
      | UInt64(header.flags) << 40
    let place = UInt64(UInt32(truncatingIfNeeded: shard)) | UInt64(slot) << 32
    let record = (
      storeID.0.littleEndian, storeID.1.littleEndian, place.littleEndian, metadata.hash.littleEndian,
      header.deadline.littleEndian, sizes.littleEndian, rest.littleEndian, metadata.stamp.littleEndian,
      metadata.revision.littleEndian, metadata.written.littleEndian, metadata.freshUntil.littleEndian,
      digest.littleEndian
    )
    return unsafe withUnsafeBytes(of: record) { unsafe XXH3.hash64($0, seed: 0) }
  }
}

extension ShardView {
  /// The header of the slot at an offset, nil if a size of the value is out of bounds: torn or corrupt.
  ///
  /// - Parameters:
  ///   - sizes: the word of the two sizes.
  ///   - key: the size that the key is known to have, at most the limit.
  @inline(__always)
  func header(at offset: Int, sizes: UInt64, key: Int) -> EntryHeader? {
    let rest = data.load64(offset &+ SlotFields.rawSize.offset)
    let header = EntryHeader(
      deadline: data.load64(offset &+ SlotFields.deadline.offset),
      keySize: key, storedSize: Int(sizes >> 32),
      rawSize: Int(UInt32(truncatingIfNeeded: rest)), codec: UInt8(truncatingIfNeeded: rest >> 32),
      flags: UInt8(truncatingIfNeeded: rest >> 40))
    if planted(.sizesUnchecked) { return header }
    return header.storedSize <= maxValueSize && (header.rawSize <= maxRawSize || planted(.rawSizeUnchecked))
      ? header : nil
  }

  @inline(__always)
  func keyOffset(at offset: Int) -> Int { offset &+ 32 }

  @inline(__always)
  func valueOffset(at offset: Int, keySize: Int) -> Int { keyOffset(at: offset) &+ ((keySize &+ 7) & ~7) }
}

extension Shard {
  /// The header of a slot, nil if a size is out of bounds: torn or corrupt.
  @inline(__always)
  func header(_ slot: SlotIndex) -> EntryHeader? {
    let sizes = data.load64(slotOffset(slot) &+ SlotFields.keySize.offset)
    let key = Int(UInt32(truncatingIfNeeded: sizes))
    guard key <= maxKeySize || planted(.sizesUnchecked) else { return nil }
    return header(at: slotOffset(slot), sizes: sizes, key: key)
  }

  @inline(__always)
  package func metadata(_ slot: SlotIndex) -> EntryMetadata {
    typealias F = MetadataFields
    let at = metadataOffset(slot, F.checksum)
    return EntryMetadata(
      checksum: data.load64(at), stamp: data.load64(at &+ F.stamp.offset),
      revision: data.load64(at &+ F.revision.offset), written: data.load64(at &+ F.written.offset),
      freshUntil: data.load64(at &+ F.freshUntil.offset), hash: data.load64(at &+ F.hash.offset))
  }

  @inline(__always)
  func keyOffset(_ slot: SlotIndex) -> Int { keyOffset(at: slotOffset(slot)) }

  @inline(__always)
  func valueOffset(_ slot: SlotIndex, keySize: Int) -> Int { valueOffset(at: slotOffset(slot), keySize: keySize) }

  /// Copies the stored value out; `target` has room for it.
  @inline(__always)
  package func copyValue(_ candidate: Candidate, to target: UnsafeMutableRawBufferPointer) {
    guard let base = target.baseAddress else { return }
    unsafe data.copyOut(
      valueOffset(candidate.slot, keySize: candidate.header.keySize), to: base, size: candidate.header.storedSize)
  }

  /// A private copy of the stored value.
  package func storedBytes(_ candidate: Candidate) -> [UInt8] {
    data.bytes(valueOffset(candidate.slot, keySize: candidate.header.keySize), candidate.header.storedSize)
  }

  /// Whether the bytes that no checksum covers are zero: behind the flags (E05), and between key and value (E08). A lookup
  /// compares the key with them.
  func isZeroPadded(_ slot: SlotIndex, _ header: EntryHeader) -> Bool {
    let rest = data.load64(slotOffset(slot) &+ SlotFields.rawSize.offset)
    let tail = header.keySize & 7
    let last = tail == 0 ? 0 : data.load64(keyOffset(slot) &+ header.keySize &- tail) &>> UInt64(8 &* tail)
    return rest &>> 48 == 0 && last == 0
  }

  /// Whether a slot holds that key. The answer counts only under the shard's lock or an unchanged control word.
  @inline(__always)
  func holds(_ slot: SlotIndex, _ key: UnsafeRawBufferPointer) -> Bool {
    // A key that no slot has room for is in none of them, whatever the bytes say.
    key.count <= maxKeySize && holds(slot, unsafe KeyBytes(key))
  }

  /// The same for a key that is not too long.
  @inline(__always)
  func holds(_ slot: SlotIndex, _ key: some ProbeKey) -> Bool {
    // The two sizes are always accessed as one word, so that a reader can't see one of each.
    let sizes = data.load64(slotOffset(slot) &+ SlotFields.keySize.offset)
    return Int(UInt32(truncatingIfNeeded: sizes)) == key.count && key.isIn(data, keyOffset(slot))
  }

  /// Writes an entry into a free slot: WRITING, bytes, metadata, COMMITTED (SPEC.md, W2).
  func fill(
    _ slot: SlotIndex, key: UnsafeRawBufferPointer, stored: UnsafeRawBufferPointer, header: EntryHeader,
    metadata: EntryMetadata
  ) {
    let writing = planted(.keepsSlotSequence) ? controlWord(slot).with(.writing) : controlWord(slot).nextWriting
    // W2.3, W2.4.
    data.store64(slotOffset(slot), writing.raw)
    fenceRelease()
    if planted(.usedSlotsLate) { put(ControlFields.usedSlots, max(slot.raw, get(ControlFields.usedSlots))) }
    let at = slotOffset(slot)
    data.store64(at &+ SlotFields.deadline.offset, header.deadline)
    // One store for both sizes: a reader that saw the key's of one entry and the value's of another would touch bytes
    // behind either entry, where a large slot may have no blocks, and on a full tmpfs that is a SIGBUS.
    data.store64(
      at &+ SlotFields.keySize.offset,
      UInt64(UInt32(truncatingIfNeeded: header.keySize)) | UInt64(UInt32(truncatingIfNeeded: header.storedSize))
        << 32)
    data.store64(
      at &+ SlotFields.rawSize.offset,
      UInt64(UInt32(truncatingIfNeeded: header.rawSize)) | UInt64(header.codec) << 32 | UInt64(header.flags) << 40
        | (planted(.flagsWritten) ? 1 << 40 : 0) | (planted(.reservedBytesWritten) ? 1 << 48 : 0))
    unsafe data.copyIn(keyOffset(slot), from: key)
    unsafe data.copyIn(valueOffset(slot, keySize: header.keySize), from: stored)
    if planted(.rubbishBehindValue) { data.store64(slotOffset(slot) &+ stride &- 8, 0x5EC2_E75E_C2E7) }
    typealias F = MetadataFields
    let meta = metadataOffset(slot, F.checksum)
    data.store64(meta, metadata.checksum)
    data.store64(meta &+ F.stamp.offset, metadata.stamp)
    if !planted(.revisionLate) { data.store64(meta &+ F.revision.offset, metadata.revision) }
    data.store64(meta &+ F.written.offset, metadata.written)
    data.store64(meta &+ F.freshUntil.offset, metadata.freshUntil)
    data.store64(meta &+ F.hash.offset, metadata.hash)
    setControl(slot, writing.with(planted(.skipsCommitted) ? .live : .committed))
  }
}
