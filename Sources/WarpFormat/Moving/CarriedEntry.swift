// SPDX-License-Identifier: Apache-2.0
// An entry on its way from one store to another, or to a file: private bytes, found sound in the slot where they were.
//
// - Sound means that every rule about the slot by itself holds (SPEC.md 15, E02 to E10 but E08, whose bytes mean nothing). What
//   tables, queues and counts say of it does not matter.
// - Times are store times of the store that it was in.

/// A copy of a sound entry.
package struct CarriedEntry: Equatable, Sendable {
  package var key: [UInt8]
  /// The stored bytes: a zstd frame if the codec says so.
  package var value: [UInt8]
  package var rawSize: Int
  package var codec: UInt8
  /// 0: none.
  package var deadline: UInt64
  package var written: UInt64
  /// 0: not used.
  package var freshUntil: UInt64
  package var revision: UInt64
  package var stamp: UInt64
  package var isVisited: Bool

  package init(
    key: [UInt8], value: [UInt8], rawSize: Int, codec: UInt8, deadline: UInt64, written: UInt64, freshUntil: UInt64,
    revision: UInt64, stamp: UInt64, isVisited: Bool
  ) {
    self.key = key
    self.value = value
    self.rawSize = rawSize
    self.codec = codec
    self.deadline = deadline
    self.written = written
    self.freshUntil = freshUntil
    self.revision = revision
    self.stamp = stamp
    self.isVisited = isVisited
  }

  package func isExpired(_ now: UInt64) -> Bool { deadline != 0 && now >= deadline }
}

/// Where a slot is, and what it has to be sound for.
struct SlotPlace {
  let header: Header
  let shard: Int
  let slot: Int

  /// The sizes of a slot's first 32 bytes; nil if the slot can't hold them (E03).
  func payload(_ head: [UInt8]) -> (keySize: Int, valueStart: Int, storedSize: Int)? {
    let limits = header.geometry
    let (key, stored) = (head.count(SlotFields.keySize), head.count(SlotFields.storedSize))
    guard key <= limits.maxKeySize, stored <= limits.maxValueSize,
      head.count(SlotFields.rawSize) <= limits.maxRawSize
    else { return nil }
    return (key, SlotFields.structure.size + Geometry.align(key, 8), stored)
  }

  /// The first rule that a LIVE slot breaks by itself; nil if it is sound.
  ///
  /// - Parameters:
  ///   - bytes: header, key, padding and stored value.
  ///   - metadata: 64 bytes.
  func problem(_ bytes: [UInt8], _ metadata: [UInt8]) -> String? {
    typealias F = SlotFields
    guard bytes.integer(F.control) >> 3 > 0 else { return "WKV-E02" }
    guard let (keySize, valueStart, storedSize) = payload(bytes), bytes.count == valueStart + storedSize else {
      return "WKV-E03"
    }
    let codec = UInt8(bytes.integer(F.codec))
    let rawSize = bytes.integer(F.rawSize)
    guard codec == Format.codecRaw && rawSize == UInt64(storedSize) || codec == Format.codecZstd && header.usesZstd
    else { return "WKV-E04" }
    guard bytes.integer(F.flags) == 0 else { return "WKV-E05" }
    // Bytes have no padding, so all of the raw span is initialised.
    let all = unsafe bytes.span.bytes
    let sealed = EntryChecksum.value(
      storeID: header.storeWords, shard: shard, slot: UInt32(truncatingIfNeeded: slot), header: EntryHeader(bytes),
      metadata: EntryMetadata(metadata), digest: XXH3.hash64(all.extracting(valueStart..<bytes.count), seed: 0))
    guard sealed == metadata.integer(MetadataFields.checksum) || planted(.unsoundExported) else { return "WKV-E06" }
    let start = SlotFields.structure.size
    let hash = XXH3.hash64(all.extracting(start..<(start + keySize)), seed: header.hashSeed)
    guard hash == metadata.integer(MetadataFields.hash),
      header.geometry.shardIndex(of: hash) == shard
    else { return "WKV-E07" }
    if codec == Format.codecZstd, ZstdFrame.problem(in: [UInt8](bytes[valueStart...]), rawSize: rawSize) != nil {
      return "WKV-E09"
    }
    return EntryTimes(bytes, metadata).areSound ? nil : "WKV-E10"
  }

  /// The entry of a slot that has no problem.
  func entry(_ bytes: [UInt8], _ metadata: [UInt8], isVisited: Bool) -> CarriedEntry? {
    guard let (keySize, valueStart, _) = payload(bytes) else { return nil }
    let start = SlotFields.structure.size
    let sealed = EntryMetadata(metadata)
    return CarriedEntry(
      key: [UInt8](bytes[start..<(start + keySize)]), value: [UInt8](bytes[valueStart...]),
      rawSize: bytes.count(SlotFields.rawSize), codec: UInt8(bytes.integer(SlotFields.codec)),
      deadline: bytes.integer(SlotFields.deadline), written: sealed.written, freshUntil: sealed.freshUntil,
      revision: sealed.revision, stamp: sealed.stamp, isVisited: isVisited)
  }
}

/// Rule E10.
private struct EntryTimes {
  let deadline: UInt64
  let written: UInt64
  let freshUntil: UInt64

  init(_ bytes: [UInt8], _ metadata: [UInt8]) {
    deadline = bytes.integer(SlotFields.deadline)
    written = metadata.integer(MetadataFields.written)
    freshUntil = metadata.integer(MetadataFields.freshUntil)
  }

  var areSound: Bool {
    if deadline != 0, freshUntil > deadline { return false }
    let (latest, overflow) = written.addingReportingOverflow(UInt64(Format.maximumTimeToLive))
    return overflow || deadline <= latest && freshUntil <= latest
  }
}

extension [CarriedEntry] {
  /// In the order of insertion, each key once with its newest value. Returns how many others were dropped.
  mutating func settle() -> Int {
    sort { ($0.stamp, $0.revision) < ($1.stamp, $1.revision) }
    var newest: [[UInt8]: Int] = [:]
    newest.reserveCapacity(count)
    var isDropped = [Bool](repeating: false, count: count)
    for (index, entry) in enumerated() {
      if let other = newest[entry.key] {
        // An update keeps its place in the queue, so the revision says which value is newer.
        let loses = self[other].revision > entry.revision
        isDropped[loses ? index : other] = true
        if loses { continue }
      }
      newest[entry.key] = index
    }
    let dropped = count - newest.count
    if dropped > 0 { self = enumerated().filter { !isDropped[$0.offset] }.map(\.element) }
    return dropped
  }
}
