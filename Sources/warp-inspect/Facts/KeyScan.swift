// SPDX-License-Identifier: Apache-2.0
// Entries of a store one after another, or a sample of them, for lists of keys.
//
// - A key is copied and its slot's control word compared before and after, so what is listed was one entry. Those that
//   change meanwhile are left out: they were listed or are gone.
// - A sample takes each slot with the same probability, by a hash of its number: the same slots at each call.

import WarpFormat

/// What the header of a live slot says.
struct KeyGlance {
  let shard: Int
  let slot: Int
  let control: UInt64
  let deadline: UInt64
  let keySize: Int
  let storedSize: Int

  var size: Int { keySize + storedSize }
}

/// An entry of a list.
struct KeyRow {
  let glance: KeyGlance
  let key: [UInt8]
  let rawSize: Int
  let codec: UInt64
  /// Store time.
  let written: UInt64
}

struct KeyScan {
  let image: FileImage
  /// Entries by the shards' own counts, cut to what they may hold.
  let entries: Int
  /// The share of slots that is looked at.
  private(set) var share = 1.0

  init(_ image: FileImage) throws(FormatError) {
    self.image = image
    var entries = 0
    for shard in 0..<image.geometry.shardCount {
      let control = try image.control(ofShard: shard)
      entries += min(control.count(ControlFields.count), image.geometry.capacity(ofShard: shard))
    }
    self.entries = entries
  }

  /// From now on about so many entries are looked at.
  mutating func sample(_ count: Int) {
    share = entries == 0 ? 1 : min(1, Double(count) / Double(entries))
  }

  /// All live slots, or those of the sample, until `body` says that it has enough.
  func each(_ body: (KeyGlance) throws(FormatError) -> Bool) throws(FormatError) {
    for shard in 0..<image.geometry.shardCount {
      let control = try image.control(ofShard: shard)
      let used = min(control.count(ControlFields.usedSlots), image.geometry.slotsPerShard)
      guard try share < 1 ? sampled(shard, used, body) : all(shard, used, body) else { return }
    }
  }

  private func all(
    _ shard: Int, _ used: Int, _ body: (KeyGlance) throws(FormatError) -> Bool
  ) throws(FormatError) -> Bool {
    let size = SlotFields.structure.size
    var goesOn = true
    try image.scanHeaders(shard: shard, used: used) { (first, headers) throws(FormatError) in
      for index in 0..<headers.count / size where goesOn {
        guard let glance = glance(shard, first + index, headers, at: index * size) else { continue }
        goesOn = try body(glance)
      }
    }
    return goesOn
  }

  private func sampled(
    _ shard: Int, _ used: Int, _ body: (KeyGlance) throws(FormatError) -> Bool
  ) throws(FormatError) -> Bool {
    let limit = UInt64(share * 0x1p63) << 1
    for slot in stride(from: 1, through: used, by: 1) where KeyScan.mixed(shard, slot) < limit {
      let header = try image.bytes(
        at: image.slotOffset(shard: shard, slot: slot), count: SlotFields.structure.size)
      guard let glance = glance(shard, slot, header, at: 0) else { continue }
      guard try body(glance) else { return false }
    }
    return true
  }

  /// The finalizer of MurmurHash3: each bit of the place moves each bit of the result.
  private static func mixed(_ shard: Int, _ slot: Int) -> UInt64 {
    var value = UInt64(shard) << 32 ^ UInt64(slot)
    value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ value >> 33) &* 0xC4CE_B9FE_1A85_EC53
    return value ^ value >> 33
  }

  private func glance(_ shard: Int, _ slot: Int, _ bytes: [UInt8], at start: Int) -> KeyGlance? {
    typealias F = SlotFields
    let control = bytes.integer(F.control, at: start)
    guard control & 7 == 3 else { return nil }
    return KeyGlance(
      shard: shard, slot: slot, control: control, deadline: bytes.integer(F.deadline, at: start),
      keySize: min(bytes.count(F.keySize, at: start), image.geometry.maxKeySize),
      storedSize: min(bytes.count(F.storedSize, at: start), image.geometry.maxValueSize))
  }

  /// When an entry was written; read without its key.
  func written(_ glance: KeyGlance) throws(FormatError) -> UInt64 {
    let at = image.metadataOffset(shard: glance.shard, slot: glance.slot)
    return try image.bytes(at: at, count: MetadataFields.structure.size).integer(MetadataFields.written)
  }

  /// The entry with its key; nil if it is another one by now.
  func row(_ glance: KeyGlance) throws(FormatError) -> KeyRow? {
    typealias F = SlotFields
    let at = image.slotOffset(shard: glance.shard, slot: glance.slot)
    let bytes = try image.bytes(at: at, count: F.structure.size + glance.keySize)
    let written = try written(glance)
    let now = try image.bytes(at: at, count: F.control.size).integer(F.control)
    guard now == glance.control, bytes.integer(F.control) == glance.control else { return nil }
    return KeyRow(
      glance: glance, key: [UInt8](bytes.dropFirst(F.structure.size)), rawSize: bytes.count(F.rawSize),
      codec: bytes.integer(F.codec), written: written)
  }
}
