// SPDX-License-Identifier: Apache-2.0
// The field tables of the binary form of an export (SPEC.md 24.3), as those of the store's files are in Fields.swift.
//
//   | header 160 | frame 16 | entry 48 | key | value | frame 16 | entry … | frame 16 | end 32 |

/// What the store was, and when.
public enum ExportHeaderFields {
  public static var magic: Field { Field("magic", 0, 8, .bytes) }
  public static var majorVersion: Field { Field("majorVersion", 8, 2) }
  public static var minorVersion: Field { Field("minorVersion", 10, 2) }
  public static var headerSize: Field { Field("headerSize", 12, 4) }
  public static var storeID: Field { Field("storeID", 16, 16, .bytes) }
  public static var storeTime: Field { Field("storeTime", 32, 8, .nanoseconds) }
  public static var realTime: Field { Field("realTime", 40, 8, .nanoseconds) }
  /// 1: store time is exact, 2: estimated.
  public static var clock: Field { Field("clock", 48, 4) }
  public static var shardCount: Field { Field("shardCount", 52, 4) }
  public static var capacity: Field { Field("capacity", 56, 8) }
  public static var maxKeySize: Field { Field("maxKeySize", 64, 4) }
  public static var maxValueSize: Field { Field("maxValueSize", 68, 4) }
  public static var maxRawSize: Field { Field("maxRawSize", 72, 4) }
  public static var evictionID: Field { Field("evictionID", 76, 4) }
  public static var incompatFeatures: Field { Field("incompatFeatures", 80, 8, .hex) }
  public static var hashSeed: Field { Field("hashSeed", 88, 8, .hex) }
  public static var defaultTimeToLive: Field { Field("defaultTimeToLive", 96, 8, .nanoseconds) }
  public static var userTag: Field { Field("userTag", 104, 8, .hex) }
  public static var schemaFingerprint: Field { Field("schemaFingerprint", 112, 8, .hex) }
  public static var writerName: Field { Field("writerName", 120, 32, .text) }
  /// Covers every byte before it.
  public static var checksum: Field { Field("checksum", 152, 8, .hex) }

  public static var structure: Structure {
    Structure(
      name: "Export header", size: 160,
      fields: [
        magic, majorVersion, minorVersion, headerSize, storeID, storeTime, realTime, clock, shardCount, capacity,
        maxKeySize, maxValueSize, maxRawSize, evictionID, incompatFeatures, hashSeed, defaultTimeToLive, userTag,
        schemaFingerprint, writerName, checksum,
      ])
  }
}

/// What stands before each entry and the end.
public enum ExportFrameFields {
  public static var payloadSize: Field { Field("payloadSize", 0, 4) }
  /// 1: an entry, 2: the end.
  public static var kind: Field { Field("kind", 4, 4) }
  public static var checksum: Field { Field("checksum", 8, 8, .hex) }

  public static var structure: Structure {
    Structure(name: "Export frame", size: 16, fields: [payloadSize, kind, checksum])
  }
}

/// An entry; key and value follow.
public enum ExportEntryFields {
  public static var keySize: Field { Field("keySize", 0, 4) }
  public static var valueSize: Field { Field("valueSize", 4, 4) }
  public static var rawSize: Field { Field("rawSize", 8, 4) }
  public static var codec: Field { Field("codec", 12, 1) }
  /// Bit 0: visited; bit 1: it has a deadline; bit 2: it has a time up to which it is fresh.
  public static var flags: Field { Field("flags", 13, 1, .hex) }
  public static var revision: Field { Field("revision", 16, 8) }
  /// Signed, like the two below.
  public static var age: Field { Field("age", 24, 8, .nanoseconds) }
  public static var expiresIn: Field { Field("expiresIn", 32, 8, .nanoseconds) }
  public static var freshFor: Field { Field("freshFor", 40, 8, .nanoseconds) }

  public static var structure: Structure {
    Structure(
      name: "Export entry", size: 48,
      fields: [keySize, valueSize, rawSize, codec, flags, revision, age, expiresIn, freshFor])
  }
}

/// What was exported and what was not.
public enum ExportEndFields {
  public static var entries: Field { Field("entries", 0, 8) }
  public static var expired: Field { Field("expired", 8, 8) }
  public static var damaged: Field { Field("damaged", 16, 8) }
  public static var unstable: Field { Field("unstable", 24, 8) }

  public static var structure: Structure {
    Structure(name: "Export end", size: 32, fields: [entries, expired, damaged, unstable])
  }
}
