// SPDX-License-Identifier: Apache-2.0
// The binary form of an export (SPEC.md 24.3): a header and frames, each checked by a digest that begins where the last one
// ended. So a frame that is missing, repeated or in another place is noticed, and so is a file that was cut.

extension Format {
  // MARK: Normative: exports

  /// The first eight bytes of the binary form.
  public static let exportMagic: [UInt8] = [0x89, 0x57, 0x4B, 0x58, 0x0D, 0x0A, 0x1A, 0x0A]
  public static let exportVersion: UInt16 = 1
  /// `clock`: whether store time was exact.
  static let exportClockExact: UInt32 = 1
  static let exportClockEstimated: UInt32 = 2
  /// Kinds of frames.
  static let exportEntry: UInt64 = 1
  static let exportEnd: UInt64 = 2
}

extension ExportHeader {
  package func encoded() -> [UInt8] {
    typealias F = ExportHeaderFields
    var bytes = [UInt8](repeating: 0, count: F.structure.size)
    bytes.set(F.magic, bytes: Format.exportMagic)
    bytes.set(F.majorVersion, Format.exportVersion)
    bytes.set(F.headerSize, F.structure.size)
    bytes.set(F.storeID, bytes: storeID)
    bytes.set(F.storeTime, storeTime)
    bytes.set(F.realTime, realTime)
    bytes.set(F.clock, isExact ? Format.exportClockExact : Format.exportClockEstimated)
    bytes.set(F.shardCount, parameters.shards ?? 0)
    bytes.set(F.capacity, parameters.capacity)
    bytes.set(F.maxKeySize, parameters.maxKeySize)
    bytes.set(F.maxValueSize, parameters.maxValueSize)
    bytes.set(F.maxRawSize, parameters.maxRawSize ?? parameters.maxValueSize)
    bytes.set(F.evictionID, parameters.eviction)
    bytes.set(F.incompatFeatures, parameters.zstd ? Format.incompatZstd : 0)
    bytes.set(F.hashSeed, hashSeed)
    bytes.set(F.defaultTimeToLive, parameters.defaultTimeToLive)
    bytes.set(F.userTag, parameters.userTag)
    bytes.set(F.schemaFingerprint, parameters.schemaFingerprint)
    bytes.set(F.writerName, bytes: [UInt8](writerName.utf8))
    bytes.set(F.checksum, XXH3.hash64([UInt8](bytes.prefix(F.checksum.offset)), seed: 0))
    return bytes
  }

  /// - Parameter bytes: as many as the header has.
  /// - Throws: `unsupportedVersion`, `corruptHeader` with rule WKV-I01; what a geometry throws.
  package init(verifying bytes: [UInt8]) throws(FormatError) {
    typealias F = ExportHeaderFields
    func fail(_ code: FormatError.Code, _ message: String, _ field: Field) -> FormatError {
      FormatError(code, message, offset: field.offset, field: field.name, rule: "WKV-I01")
    }
    guard bytes.count == F.structure.size, bytes.slice(F.magic) == Format.exportMagic else {
      throw fail(.notAStore, "it does not begin as an export", F.magic)
    }
    guard bytes.integer(F.majorVersion) == Format.exportVersion else {
      throw fail(
        .unsupportedVersion,
        "it is an export of version \(bytes.integer(F.majorVersion)), this software reads \(Format.exportVersion)",
        F.majorVersion)
    }
    guard bytes.count(F.headerSize) == F.structure.size else {
      throw fail(.corruptHeader, "its header size is \(bytes.count(F.headerSize))", F.headerSize)
    }
    guard bytes.integer(F.checksum) == XXH3.hash64([UInt8](bytes.prefix(F.checksum.offset)), seed: 0) else {
      throw fail(.corruptHeader, "the checksum of its header does not match", F.checksum)
    }
    let clock = UInt32(truncatingIfNeeded: bytes.integer(F.clock))
    guard [Format.exportClockExact, Format.exportClockEstimated].contains(clock) else {
      throw fail(.corruptHeader, "its clock is \(clock)", F.clock)
    }
    self.init(
      storeID: bytes.slice(F.storeID), storeTime: bytes.integer(F.storeTime), realTime: bytes.integer(F.realTime),
      isExact: clock == Format.exportClockExact,
      parameters: Parameters(
        capacity: bytes.count(F.capacity), shards: bytes.count(F.shardCount), maxKeySize: bytes.count(F.maxKeySize),
        maxValueSize: bytes.count(F.maxValueSize), maxRawSize: bytes.count(F.maxRawSize),
        eviction: UInt32(truncatingIfNeeded: bytes.integer(F.evictionID)),
        zstd: bytes.integer(F.incompatFeatures) & Format.incompatZstd != 0,
        defaultTimeToLive: Int64(clamping: bytes.integer(F.defaultTimeToLive)), userTag: bytes.integer(F.userTag),
        schemaFingerprint: bytes.integer(F.schemaFingerprint)),
      hashSeed: bytes.integer(F.hashSeed),
      writerName: String(decoding: bytes.slice(F.writerName).prefix { $0 != 0 }, as: UTF8.self))
    try check()
  }

  /// The numbers are those of a store that there can be.
  ///
  /// - Throws: `corruptHeader` with rule WKV-I01.
  package func check() throws(FormatError) {
    let ids = [Format.evictionNone, Format.evictionSieve]
    guard (try? Geometry(parameters)) != nil, ids.contains(parameters.eviction), storeID.count == 16,
      (0...Format.maximumTimeToLive).contains(parameters.defaultTimeToLive)
    else {
      throw FormatError(
        .corruptHeader, "its header describes a store that there can't be", offset: 0, rule: "WKV-I01")
    }
  }
}

extension ExportedEntry {
  private enum Flag {
    static let visited: UInt8 = 1
    static let deadline: UInt8 = 2
    static let freshness: UInt8 = 4
    static let all = visited | deadline | freshness
  }

  /// The payload of its frame.
  package func payload() -> [UInt8] {
    typealias F = ExportEntryFields
    var bytes = [UInt8](repeating: 0, count: F.structure.size)
    bytes.set(F.keySize, key.count)
    bytes.set(F.valueSize, value.count)
    bytes.set(F.rawSize, rawSize)
    bytes.set(F.codec, codec)
    bytes.set(
      F.flags,
      (isVisited ? Flag.visited : 0) | (expiresIn == nil ? 0 : Flag.deadline)
        | (freshFor == nil ? 0 : Flag.freshness))
    bytes.set(F.revision, revision)
    bytes.set(F.age, age)
    bytes.set(F.expiresIn, expiresIn ?? 0)
    bytes.set(F.freshFor, freshFor ?? 0)
    return bytes + key + value
  }

  /// nil: the sizes do not add up, or something reserved is set (WKV-I03).
  package init?(payload bytes: [UInt8]) {
    typealias F = ExportEntryFields
    let size = F.structure.size
    guard bytes.count >= size, bytes.count == size + bytes.count(F.keySize) + bytes.count(F.valueSize),
      Reserved(F.structure).firstNonzero(in: bytes) == nil
    else { return nil }
    let flags = UInt8(bytes.integer(F.flags))
    guard flags & ~Flag.all == 0 else { return nil }
    func time(_ field: Field, _ flag: UInt8) -> Int64? {
      flags & flag == 0 ? nil : Int64(bitPattern: bytes.integer(field))
    }
    let valueStart = size + bytes.count(F.keySize)
    self.init(
      key: [UInt8](bytes[size..<valueStart]), value: [UInt8](bytes[valueStart...]), rawSize: bytes.count(F.rawSize),
      codec: UInt8(bytes.integer(F.codec)), isVisited: flags & Flag.visited != 0,
      revision: bytes.integer(F.revision),
      age: Int64(bitPattern: bytes.integer(F.age)), expiresIn: time(F.expiresIn, Flag.deadline),
      freshFor: time(F.freshFor, Flag.freshness))
  }
}

extension ExportEnd {
  package func payload() -> [UInt8] {
    typealias F = ExportEndFields
    var bytes = [UInt8](repeating: 0, count: F.structure.size)
    for (field, value) in [
      (F.entries, entries), (F.expired, expired), (F.damaged, damaged), (F.unstable, unstable),
    ] {
      bytes.set(field, value)
    }
    return bytes
  }

  package init?(payload bytes: [UInt8]) {
    typealias F = ExportEndFields
    guard bytes.count == F.structure.size else { return nil }
    entries = bytes.integer(F.entries)
    expired = bytes.integer(F.expired)
    damaged = bytes.integer(F.damaged)
    unstable = bytes.integer(F.unstable)
  }
}

/// One frame after the other, and the digest that joins them.
package struct ExportFrames: Sendable {
  package enum Frame: Sendable {
    case entry, end
  }

  /// The checksum of the frame before.
  private var last: UInt64

  package static var headSize: Int { ExportFrameFields.structure.size }
  /// The largest payload that there can be.
  package static var largestPayload: Int {
    ExportEntryFields.structure.size + Format.maximumKeySize + Format.maximumValueSize
  }

  /// - Parameter header: the bytes of the header.
  package init(_ header: [UInt8]) { last = header.integer(ExportHeaderFields.checksum) }

  package mutating func frame(_ kind: Frame, _ payload: [UInt8]) -> [UInt8] {
    typealias F = ExportFrameFields
    var head = [UInt8](repeating: 0, count: F.structure.size)
    head.set(F.payloadSize, payload.count)
    head.set(F.kind, kind == .entry ? Format.exportEntry : Format.exportEnd)
    last = digest(head, payload)
    head.set(F.checksum, last)
    return head + payload
  }

  /// What a frame's head says of what follows; nil if there is no such frame (WKV-I03).
  package func announced(_ head: [UInt8]) -> (kind: Frame, size: Int)? {
    let size = head.count(ExportFrameFields.payloadSize)
    guard size <= ExportFrames.largestPayload else { return nil }
    switch head.integer(ExportFrameFields.kind) {
    case Format.exportEntry: return (.entry, size)
    case Format.exportEnd: return (.end, size)
    default: return nil
    }
  }

  /// Whether a frame is whole and follows on the last one (WKV-I02).
  package mutating func accepts(_ head: [UInt8], _ payload: [UInt8]) -> Bool {
    last = digest(head, payload)
    return head.integer(ExportFrameFields.checksum) == last
  }

  private func digest(_ head: [UInt8], _ payload: [UInt8]) -> UInt64 {
    XXH3.hash64([UInt8](head.prefix(ExportFrameFields.checksum.offset)) + payload, seed: last)
  }
}
