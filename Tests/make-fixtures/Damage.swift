// SPDX-License-Identifier: Apache-2.0
// The bytes of one valid fixture, addressed by structure and field, so that an invalid one can break exactly one rule
// and repair whatever checksum would otherwise be broken with it.

import WarpFormat

/// A data file in memory, its header verified.
struct FixtureImage {
  var bytes: [UInt8]
  let header: Header

  init(_ path: String) throws {
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    bytes = try System.read(file, at: 0, count: 1 << 20, path)
    header = try Header(verifying: Array(bytes.prefix(4096)), fileSize: bytes.count)
  }

  // MARK: Where things are

  func shard(_ shard: Int = 0) -> Int { header.geometry.shardOffset(shard) }
  func bucket(_ bucket: Int) -> Int { shard() + header.geometry.bucketsOffset + bucket * 8 }
  func metadata(_ slot: Int) -> Int { shard() + header.geometry.metadataOffset + (slot - 1) * 64 }
  func slot(_ slot: Int) -> Int { shard() + header.geometry.slotsOffset + (slot - 1) * header.geometry.slotStride }

  /// The bucket that names a slot.
  func bucket(ofSlot slot: Int) -> Int {
    (0..<header.geometry.bucketsPerShard).first {
      number(bucket($0), 4) == UInt64(slot) && number(bucket($0), 8) != 0
    }!
  }

  /// The first empty bucket.
  var emptyBucket: Int { (0..<header.geometry.bucketsPerShard).first { number(bucket($0), 8) == 0 }! }

  // MARK: Reading and writing

  func number(_ offset: Int, _ size: Int) -> UInt64 {
    (0..<size).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
  }

  mutating func put(_ offset: Int, _ value: UInt64, _ size: Int) {
    for index in 0..<size { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }

  func get(_ field: Field, _ start: Int) -> UInt64 { number(start + field.offset, field.size) }
  mutating func put(_ field: Field, _ start: Int, _ value: UInt64) { put(start + field.offset, value, field.size) }

  // MARK: Repairs

  mutating func sealHeader() {
    put(HeaderFields.checksum, 0, XXH3.hash64(Array(bytes[..<HeaderFields.checksum.offset]), seed: 0))
  }

  /// Gives an entry the checksum that its bytes ought to have.
  mutating func sealEntry(_ slot: Int) {
    typealias S = SlotFields
    typealias M = MetadataFields
    let at = self.slot(slot)
    let meta = metadata(slot)
    let entry = EntryHeader(
      deadline: get(S.deadline, at), keySize: Int(get(S.keySize, at)), storedSize: Int(get(S.storedSize, at)),
      rawSize: Int(get(S.rawSize, at)), codec: UInt8(get(S.codec, at)), flags: UInt8(get(S.flags, at)))
    let start = at + 32 + (entry.keySize + 7) & ~7
    let stored = Array(bytes[start..<(start + entry.storedSize)])
    let fixed = EntryMetadata(
      checksum: 0, stamp: get(M.stamp, meta), revision: get(M.revision, meta), written: get(M.written, meta),
      freshUntil: get(M.freshUntil, meta), hash: get(M.hash, meta))
    let id = header.storeID
    let words = (
      (0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(id[$1]) },
      (8..<16).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(id[$1]) }
    )
    let checksum = EntryChecksum.value(
      storeID: words, shard: 0, slot: UInt32(slot), header: entry, metadata: fixed,
      digest: XXH3.hash64(stored, seed: 0))
    put(M.checksum, meta, checksum)
  }
}

/// One invalid fixture: which rule it breaks, how, and where the finding must point.
struct Damage {
  /// The rule's id without its prefix, then a word: "B04-fingerprint".
  let name: String
  let base: String
  let edit: (inout FixtureImage) -> Int

  /// - Parameter edit: breaks the rule and returns the offset of the finding.
  init(_ name: String, _ base: String = "update-and-remove", _ edit: @escaping (inout FixtureImage) -> Int) {
    self.name = name
    self.base = base
    self.edit = edit
  }

  /// A header field set to a value, the header's checksum repaired.
  static func header(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name, "one-entry") { image in
      image.put(field, 0, value)
      image.sealHeader()
      return field.offset
    }
  }

  var rule: String { "WKV-" + name.prefix { $0 != "-" } }
}
