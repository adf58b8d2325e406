// SPDX-License-Identifier: Apache-2.0
// Whether a field's value can be right, as far as one structure and what belongs to it tell. `verify` knows all rules;
// this marks what somebody who looks at the bytes would otherwise have to work out: reserved bytes, limits, checksums.
//
// On a store in use a value may be of another moment than its neighbour, so these are remarks and no findings.

import WarpFormat

struct FieldProblem {
  let image: FileImage

  private var geometry: Geometry { image.geometry }

  /// What is wrong with a field of a piece; nil if nothing is.
  func text(_ field: Field, of structure: Structure, in piece: Piece, _ bytes: [UInt8]) throws(FormatError)
    -> String?
  {
    guard field.size <= 8 else { return nil }
    let value = bytes.integer(field)
    switch structure.name {
    case "Shard control": return try control(field, value, piece)
    case "Slot header": return slot(field, value, bytes)
    case "Metadata": return try metadata(field, value, piece)
    case "Bucket": return try bucket(field, value, piece, bytes)
    case "Lock header", "Header", "Clock record", "Clean-detach record":
      return FieldProblem.checksum(field, structure, bytes)
    default: return nil
    }
  }

  /// The checksums that cover the bytes before them. A record that is zero throughout, or of generation 0, is none.
  static func checksum(_ field: Field, _ structure: Structure, _ bytes: [UInt8]) -> String? {
    guard field.name == "checksum", bytes.count >= field.offset + field.size else { return nil }
    let covered = [UInt8](bytes.prefix(field.offset))
    if covered.allSatisfy({ $0 == 0 }), bytes.integer(field) == 0 { return nil }
    if structure.name == "Clock record", bytes.integer(ClockFields.generation) == 0 { return nil }
    return mismatch(bytes.integer(field), XXH3.hash64(covered, seed: 0))
  }

  private static func mismatch(_ value: UInt64, _ expected: UInt64) -> String? {
    value == expected ? nil : "does not match: the bytes give 0x" + hex(expected)
  }

  static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func over(_ value: UInt64, _ limit: Int, _ what: String) -> String? {
    value > UInt64(limit) ? "over \(what) \(limit)" : nil
  }

  private func used(_ shard: Int?) throws(FormatError) -> Int {
    let control = try image.control(ofShard: shard ?? 0)
    return min(control.count(ControlFields.usedSlots), geometry.slotsPerShard)
  }

  private func control(_ field: Field, _ value: UInt64, _ piece: Piece) throws(FormatError) -> String? {
    typealias F = ControlFields
    let capacity = geometry.capacity(ofShard: piece.shard ?? 0)
    switch field {
    case F.usedSlots, F.backedSlots: return FieldProblem.over(value, geometry.slotsPerShard, "the number of slots,")
    case F.count: return FieldProblem.over(value, capacity, "the shard's capacity,")
    case F.freeHead, F.oldest, F.newest, F.hand:
      return FieldProblem.over(value, try used(piece.shard), "the number of used slots,")
    default: return nil
    }
  }

  private func slot(_ field: Field, _ value: UInt64, _ bytes: [UInt8]) -> String? {
    typealias F = SlotFields
    let isFree = bytes.integer(F.control) & 7 == 0
    switch field {
    case F.control: return value & 7 > 3 ? "no such state" : nil
    case _ where isFree: return nil
    case F.keySize: return FieldProblem.over(value, geometry.maxKeySize, "maxKeySize")
    case F.storedSize: return FieldProblem.over(value, geometry.maxValueSize, "maxValueSize")
    case F.rawSize:
      if bytes.integer(F.codec) == UInt64(Format.codecRaw), value != bytes.integer(F.storedSize) {
        return "not the stored size, though the codec is raw"
      }
      return FieldProblem.over(value, geometry.maxRawSize, "maxRawSize")
    case F.codec:
      if FieldNote.codec(value) == nil { return "no such codec" }
      return value == UInt64(Format.codecZstd) && !image.header.usesZstd ? "not allowed by the feature bits" : nil
    case F.flags: return value == 0 ? nil : "not 0"
    default: return nil
    }
  }

  private func metadata(_ field: Field, _ value: UInt64, _ piece: Piece) throws(FormatError) -> String? {
    typealias F = MetadataFields
    guard let shard = piece.shard, let slot = piece.slot else { return nil }
    if field == F.newer || field == F.older {
      return FieldProblem.over(value, try used(shard), "the number of used slots,")
    }
    guard let entry = try image.validated(slot, shard: shard, bucket: nil) else { return nil }
    switch field {
    case F.stamp, F.revision: return value == 0 ? "0 in a live slot" : nil
    case F.checksum: return FieldProblem.mismatch(value, image.sealed(entry, shard: shard))
    case F.hash:
      let place = KeyPlace(entry.key, in: image.header)
      if place.hash != value { return "not the key's: that is 0x" + FieldProblem.hex(place.hash) }
      return place.shard == shard ? nil : "the key belongs to shard \(place.shard)"
    default: return nil
    }
  }

  private func bucket(
    _ field: Field, _ value: UInt64, _ piece: Piece, _ bytes: [UInt8]
  ) throws(FormatError) -> String? {
    typealias F = BucketFields
    guard let shard = piece.shard else { return nil }
    let slot = Int(bytes.integer(F.slot))
    if slot == 0 { return field == F.fingerprint && value != 0 ? "half empty: there is no slot" : nil }
    if slot > (try used(shard)) { return field == F.slot ? "over the number of used slots" : nil }
    let state = try image.bytes(at: image.slotOffset(shard: shard, slot: slot), count: 8)
    if field == F.slot { return state.integer(SlotFields.control) & 7 == 0 ? "names a free slot" : nil }
    let metadata = try image.bytes(
      at: image.metadataOffset(shard: shard, slot: slot), count: MetadataFields.structure.size)
    return metadata.integer(MetadataFields.hash) >> 32 == value ? nil : "not that of the slot's hash"
  }
}
