// SPDX-License-Identifier: Apache-2.0
// The field tables: every structure of the three files as (name, offset, size), in the words of SPEC.md §5.
//
// The layout is written in two places, here and in SPEC.md, and a test compares them. Accessors, `warp-inspect dump`
// and the annotated bytes all come from these tables. Every integer is little-endian. Bytes of a structure that no
// field names are reserved: zero when written, and checked where SPEC.md says so.

/// One field of an on-disk structure.
public struct Field: Hashable, Sendable {
  public enum Kind: Sendable {
    case integer
    /// Printed in base 16: magic numbers, hashes, feature words.
    case hex
    /// Printed as a string of hexadecimal digits, first byte first.
    case bytes
    /// ASCII, padded with zeros.
    case text
    /// Nanoseconds, printed as an integer.
    case nanoseconds
  }

  public let name: String
  /// Bytes from the start of the structure.
  public let offset: Int
  /// Bytes.
  public let size: Int
  public let kind: Kind

  init(_ name: String, _ offset: Int, _ size: Int, _ kind: Kind = .integer) {
    self.name = name
    self.offset = offset
    self.size = size
    self.kind = kind
  }
}

/// A named structure and its fields, in offset order.
public struct Structure: Sendable {
  public let name: String
  /// Bytes that one instance takes.
  public let size: Int
  public let fields: [Field]

  /// Every structure of format version 1, in the order of SPEC.md.
  public static var all: [Structure] {
    [
      HeaderFields.structure, StateFields.structure, ClockFields.structure, DetachFields.structure,
      ControlFields.structure, MetadataFields.structure, SlotFields.structure, LockHeaderFields.structure,
      LockLineFields.structure, RegistryFields.structure, CounterFields.structure, LeaseFields.structure,
      RecordFields.structure, RequestFields.structure, ExportHeaderFields.structure,
      ExportFrameFields.structure, ExportEntryFields.structure, ExportEndFields.structure,
    ]
  }
}

/// The first page of the data file. Immutable once published.
public enum HeaderFields {
  public static var magic: Field { Field("magic", 0, 8, .bytes) }
  public static var majorVersion: Field { Field("majorVersion", 8, 2) }
  public static var minorVersion: Field { Field("minorVersion", 10, 2) }
  public static var headerSize: Field { Field("headerSize", 12, 4) }
  public static var incompatFeatures: Field { Field("incompatFeatures", 16, 8, .hex) }
  public static var roCompatFeatures: Field { Field("roCompatFeatures", 24, 8, .hex) }
  public static var compatFeatures: Field { Field("compatFeatures", 32, 8, .hex) }
  public static var storeID: Field { Field("storeID", 40, 16, .bytes) }
  public static var fileSize: Field { Field("fileSize", 56, 8) }
  public static var capacity: Field { Field("capacity", 64, 8) }
  public static var shardCount: Field { Field("shardCount", 72, 4) }
  public static var slotsPerShard: Field { Field("slotsPerShard", 76, 4) }
  public static var bucketsPerShard: Field { Field("bucketsPerShard", 80, 4) }
  public static var slotStride: Field { Field("slotStride", 84, 4) }
  public static var maxKeySize: Field { Field("maxKeySize", 88, 4) }
  public static var maxValueSize: Field { Field("maxValueSize", 92, 4) }
  public static var maxRawSize: Field { Field("maxRawSize", 96, 4) }
  public static var probeLimit: Field { Field("probeLimit", 100, 4) }
  public static var stateOffset: Field { Field("stateOffset", 104, 8) }
  public static var shardsOffset: Field { Field("shardsOffset", 112, 8) }
  public static var shardStride: Field { Field("shardStride", 120, 8) }
  public static var bucketsOffset: Field { Field("bucketsOffset", 128, 8) }
  public static var metadataOffset: Field { Field("metadataOffset", 136, 8) }
  public static var slotsOffset: Field { Field("slotsOffset", 144, 8) }
  public static var hashID: Field { Field("hashID", 152, 4) }
  public static var checksumID: Field { Field("checksumID", 156, 4) }
  public static var hashSeed: Field { Field("hashSeed", 160, 8, .hex) }
  public static var evictionID: Field { Field("evictionID", 168, 4) }
  public static var clockID: Field { Field("clockID", 172, 4) }
  public static var defaultTimeToLive: Field { Field("defaultTimeToLive", 176, 8, .nanoseconds) }
  public static var userTag: Field { Field("userTag", 184, 8, .hex) }
  public static var schemaFingerprint: Field { Field("schemaFingerprint", 192, 8, .hex) }
  public static var created: Field { Field("created", 200, 8, .nanoseconds) }
  public static var writerName: Field { Field("writerName", 208, 32, .text) }
  /// Covers every byte of the page before it.
  public static var checksum: Field { Field("checksum", 4088, 8, .hex) }

  public static var structure: Structure {
    Structure(
      name: "Header", size: Format.pageSize,
      fields: [
        magic, majorVersion, minorVersion, headerSize, incompatFeatures, roCompatFeatures, compatFeatures,
        storeID, fileSize, capacity, shardCount, slotsPerShard, bucketsPerShard, slotStride, maxKeySize,
        maxValueSize, maxRawSize, probeLimit, stateOffset, shardsOffset, shardStride, bucketsOffset,
        metadataOffset, slotsOffset, hashID, checksumID, hashSeed, evictionID, clockID, defaultTimeToLive,
        userTag, schemaFingerprint, created, writerName, checksum,
      ])
  }
}

/// The second page of the data file: what changes about the store as a whole.
public enum StateFields {
  public static var superseded: Field { Field("superseded", 0, 8, .hex) }
  public static var clockA: Field { Field("clockA", 64, 64, .bytes) }
  public static var clockB: Field { Field("clockB", 128, 64, .bytes) }
  public static var detach: Field { Field("detach", 192, 64, .bytes) }

  public static var structure: Structure {
    Structure(name: "State block", size: Format.pageSize, fields: [superseded, clockA, clockB, detach])
  }
}

/// One of the two copies of the clock record; the valid one with the higher generation counts.
public enum ClockFields {
  public static var generation: Field { Field("generation", 0, 8) }
  public static var bootID: Field { Field("bootID", 8, 16, .bytes) }
  public static var base: Field { Field("base", 24, 8, .nanoseconds) }
  /// Covers bytes 0 to 31 of the record.
  public static var checksum: Field { Field("checksum", 32, 8, .hex) }

  public static var structure: Structure {
    Structure(name: "Clock record", size: 64, fields: [generation, bootID, base, checksum])
  }
}

/// Written by the last process to leave, after it has synced the file; cleared by the first to attach.
public enum DetachFields {
  public static var bootID: Field { Field("bootID", 0, 16, .bytes) }
  public static var detached: Field { Field("detached", 16, 8, .nanoseconds) }
  /// Covers bytes 0 to 23 of the record.
  public static var checksum: Field { Field("checksum", 24, 8, .hex) }

  public static var structure: Structure {
    Structure(name: "Clean-detach record", size: 64, fields: [bootID, detached, checksum])
  }
}

/// The start of a shard. The first line is read by every lookup, the second only by whoever holds the shard.
public enum ControlFields {
  public static var usedSlots: Field { Field("usedSlots", 0, 4) }
  public static var backedSlots: Field { Field("backedSlots", 4, 4) }
  public static var count: Field { Field("count", 64, 4) }
  public static var freeHead: Field { Field("freeHead", 68, 4) }
  public static var oldest: Field { Field("oldest", 72, 4) }
  public static var newest: Field { Field("newest", 76, 4) }
  public static var hand: Field { Field("hand", 80, 4) }
  /// Where the next look for expired entries begins; 0: no entry ever had a deadline.
  public static var sweep: Field { Field("sweep", 84, 4) }
  public static var writeCounter: Field { Field("writeCounter", 88, 8) }
  public static var lastStamp: Field { Field("lastStamp", 96, 8) }
  public static var storedBytes: Field { Field("storedBytes", 104, 8) }

  public static var structure: Structure {
    Structure(
      name: "Shard control", size: 256,
      fields: [
        usedSlots, backedSlots, count, freeHead, oldest, newest, hand, sweep, writeCounter, lastStamp, storedBytes,
      ])
  }
}

/// What a slot needs besides its hot header; a hit never touches it.
public enum MetadataFields {
  public static var checksum: Field { Field("checksum", 0, 8, .hex) }
  public static var stamp: Field { Field("stamp", 8, 8) }
  public static var revision: Field { Field("revision", 16, 8) }
  public static var written: Field { Field("written", 24, 8, .nanoseconds) }
  public static var freshUntil: Field { Field("freshUntil", 32, 8, .nanoseconds) }
  public static var hash: Field { Field("hash", 40, 8, .hex) }
  /// In a live slot the next newer entry, in a free slot the next free one.
  public static var newer: Field { Field("newer", 48, 4) }
  public static var older: Field { Field("older", 52, 4) }
  public static var allocated: Field { Field("allocated", 56, 4) }

  public static var structure: Structure {
    Structure(
      name: "Metadata", size: 64,
      fields: [checksum, stamp, revision, written, freshUntil, hash, newer, older, allocated])
  }
}

/// The hot header at the start of a slot, followed by the key, zeros up to a multiple of 8, and the stored value.
public enum SlotFields {
  public static var control: Field { Field("control", 0, 8, .hex) }
  public static var deadline: Field { Field("deadline", 8, 8, .nanoseconds) }
  public static var keySize: Field { Field("keySize", 16, 4) }
  public static var storedSize: Field { Field("storedSize", 20, 4) }
  public static var rawSize: Field { Field("rawSize", 24, 4) }
  public static var codec: Field { Field("codec", 28, 1) }
  public static var flags: Field { Field("flags", 29, 1, .hex) }

  public static var structure: Structure {
    Structure(
      name: "Slot header", size: 32,
      fields: [control, deadline, keySize, storedSize, rawSize, codec, flags])
  }
}

/// The first page of the lock file. Immutable once published.
public enum LockHeaderFields {
  public static var magic: Field { Field("magic", 0, 8, .bytes) }
  public static var majorVersion: Field { Field("majorVersion", 8, 2) }
  public static var minorVersion: Field { Field("minorVersion", 10, 2) }
  public static var headerSize: Field { Field("headerSize", 12, 4) }
  public static var storeID: Field { Field("storeID", 16, 16, .bytes) }
  public static var bootID: Field { Field("bootID", 32, 16, .bytes) }
  public static var fileSize: Field { Field("fileSize", 48, 8) }
  /// The data file that this lock file belongs to; zero: not recorded. A copied store gets a lock file of its own.
  public static var dataDevice: Field { Field("dataDevice", 56, 8) }
  public static var dataInode: Field { Field("dataInode", 64, 8) }
  public static var shardCount: Field { Field("shardCount", 72, 4) }
  public static var slotsPerShard: Field { Field("slotsPerShard", 76, 4) }
  public static var registryEntries: Field { Field("registryEntries", 80, 4) }
  public static var counterStripes: Field { Field("counterStripes", 84, 4) }
  public static var leaseCells: Field { Field("leaseCells", 88, 4) }
  public static var linesOffset: Field { Field("linesOffset", 96, 8) }
  public static var registryOffset: Field { Field("registryOffset", 104, 8) }
  public static var countersOffset: Field { Field("countersOffset", 112, 8) }
  public static var leasesOffset: Field { Field("leasesOffset", 120, 8) }
  public static var visitedOffset: Field { Field("visitedOffset", 128, 8) }
  public static var visitedStride: Field { Field("visitedStride", 136, 8) }
  public static var compatFeatures: Field { Field("compatFeatures", 144, 8, .hex) }
  /// Of the record of requests; these three are 0 without one.
  public static var recordOffset: Field { Field("recordOffset", 152, 8) }
  public static var recordCells: Field { Field("recordCells", 160, 4) }
  public static var recordShift: Field { Field("recordShift", 164, 4) }
  /// Covers every byte of the page before it.
  public static var checksum: Field { Field("checksum", 4088, 8, .hex) }

  public static var structure: Structure {
    Structure(
      name: "Lock header", size: Format.pageSize,
      fields: [
        magic, majorVersion, minorVersion, headerSize, storeID, bootID, fileSize, dataDevice, dataInode,
        shardCount, slotsPerShard, registryEntries, counterStripes, leaseCells, linesOffset, registryOffset,
        countersOffset, leasesOffset, visitedOffset, visitedStride, compatFeatures, recordOffset, recordCells,
        recordShift, checksum,
      ])
  }
}

/// A shard's words in the lock file, apart by 128 bytes so that a waiting writer does not disturb readers.
public enum LockLineFields {
  public static var sequence: Field { Field("sequence", 0, 8) }
  public static var owner: Field { Field("owner", 128, 8, .hex) }
  public static var recoveries: Field { Field("recoveries", 136, 8) }
  /// Bit c is 1 whenever lease cell c is claimed, so that who looks for one reads no free cell.
  public static var leases: Field { Field("leases", 144, 8, .hex) }

  public static var structure: Structure {
    Structure(name: "Shard line", size: 256, fields: [sequence, owner, recoveries, leases])
  }
}

/// An attached handle.
public enum RegistryFields {
  /// Grows by one at each claim; 0: never used.
  public static var generation: Field { Field("generation", 0, 4) }
  /// 0: nobody.
  public static var pid: Field { Field("pid", 4, 4) }
  public static var startTime: Field { Field("startTime", 8, 8) }
  public static var pidNamespace: Field { Field("pidNamespace", 16, 8) }
  public static var timeNamespace: Field { Field("timeNamespace", 24, 8) }
  public static var attached: Field { Field("attached", 32, 8, .nanoseconds) }
  public static var uid: Field { Field("uid", 40, 4) }

  public static var structure: Structure {
    Structure(
      name: "Registry entry", size: 64,
      fields: [generation, pid, startTime, pidNamespace, timeNamespace, attached, uid])
  }
}

/// A stripe of counters: only growing; stripe 0 holds the baseline of the last reset.
public enum CounterFields {
  public static var structure: Structure {
    Structure(name: "Counter stripe", size: 256, fields: Counter.allCases.map(\.field))
  }
}

/// A computation that one process does for all.
public enum LeaseFields {
  public static var hash: Field { Field("hash", 0, 8, .hex) }
  public static var owner: Field { Field("owner", 8, 8, .hex) }
  public static var deadline: Field { Field("deadline", 16, 8, .nanoseconds) }
  /// How many times the cell was claimed, times 4, and in the low bits how the last claim stands.
  public static var claim: Field { Field("claim", 24, 4, .hex) }

  public static var structure: Structure {
    Structure(name: "Lease cell", size: 32, fields: [hash, owner, deadline, claim])
  }
}
