// SPDX-License-Identifier: Apache-2.0
// What a field's number says, in words: states, names of registered ids, instants as distances from now.

import WarpFormat

struct FieldNote {
  let geometry: Geometry?
  let time: StoreTime

  /// nil where the number says all there is.
  func text(_ field: Field, of structure: Structure, _ bytes: [UInt8]) -> String? {
    guard field.size <= 8 else { return nil }
    let value = bytes.integer(field)
    switch (structure.name, field.name) {
    case ("Slot header", "control"): return "\(FieldNote.state(value)), sequence \(value >> 3)"
    case ("Slot header", "deadline"): return time.text(deadline: value)
    case ("Slot header", "codec"): return FieldNote.codec(value)
    case ("Metadata", "written"): return value == 0 ? nil : time.text(since: value)
    case ("Metadata", "freshUntil"): return value == 0 ? "not used" : time.text(since: value)
    case ("Metadata", "newer"), ("Metadata", "older"): return value == 0 ? "none" : nil
    case ("Header", "incompatFeatures"):
      return value & Format.incompatZstd != 0 ? "zstd" : value == 0 ? "none" : nil
    case ("Header", "created"): return Numbers.date(Int64(clamping: value))
    case ("Header", "defaultTimeToLive"):
      return value == 0 ? "none" : Numbers.duration(Int64(clamping: value))
    case ("Header", "hashID"), ("Header", "checksumID"): return value == UInt64(Format.hashXXH3) ? "XXH3-64" : nil
    case ("Header", "evictionID"):
      return value == UInt64(Format.evictionSieve) ? "SIEVE" : value == UInt64(Format.evictionNone) ? "none" : nil
    case ("Header", "clockID"): return value == UInt64(Format.clockBoot) ? "boot clock" : nil
    case ("Header", "fileSize"), ("Lock header", "fileSize"): return Numbers.grouped(value) + " bytes"
    case ("State block", "superseded"): return FieldNote.superseded(value)
    case ("Clean-detach record", "detached"): return value == 0 ? nil : time.text(since: value)
    case ("Shard control", "hand"): return value == 0 ? "at the oldest" : nil
    case ("Shard control", "oldest"), ("Shard control", "newest"), ("Shard control", "freeHead"):
      return value == 0 ? "none" : nil
    case ("Shard line", "sequence"): return value & 1 == 0 ? "even: at rest" : "odd: being changed"
    case ("Shard line", "owner"), ("Lease cell", "owner"): return FieldNote.owner(value)
    case ("Bucket", "fingerprint"):
      guard let geometry, bytes.integer(BucketFields.slot) != 0 else { return nil }
      return "home bucket \(Int(value) & (geometry.bucketsPerShard - 1))"
    case ("Bucket", "slot"): return value == 0 ? "empty" : nil
    default: return nil
    }
  }

  static func state(_ control: UInt64) -> String {
    switch control & 7 {
    case 0: "FREE"
    case 1: "WRITING"
    case 2: "COMMITTED"
    case 3: "LIVE"
    default: "no state"
    }
  }

  static func codec(_ value: UInt64) -> String? {
    value == UInt64(Format.codecRaw) ? "raw" : value == UInt64(Format.codecZstd) ? "zstd" : nil
  }

  private static func owner(_ value: UInt64) -> String {
    let owner = OwnerWord(word: value)
    return value == 0 ? "nobody" : "registry entry \(owner.entry), generation \(owner.generation)"
  }

  private static func superseded(_ value: UInt64) -> String {
    switch value {
    case Format.supersededCurrent: "current"
    case Format.supersededDeleted: "deleted"
    case Format.supersededLockLost: "lock file lost"
    default: "replaced by another store"
    }
  }
}
