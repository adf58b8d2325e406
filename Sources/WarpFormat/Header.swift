// SPDX-License-Identifier: Apache-2.0
// The header of the data file (SPEC.md §5.1): bytes -> checked Header -> bytes.
//
// A `Header` exists only if every rule of SPEC.md §14 held, in that order, so whoever has one may use its geometry.
// The rules' ids are in the errors they throw.

/// The verified first page of a data file.
public struct Header: Equatable, Sendable {
  public var geometry: Geometry
  public var minorVersion: UInt16
  public var incompatFeatures: UInt64
  public var roCompatFeatures: UInt64
  public var compatFeatures: UInt64
  /// 16 bytes.
  public var storeID: [UInt8]
  public var hashSeed: UInt64
  public var evictionID: UInt32
  /// Nanoseconds, 0: none.
  public var defaultTimeToLive: Int64
  public var userTag: UInt64
  public var schemaFingerprint: UInt64
  /// Nanoseconds of real time, information only.
  public var created: Int64
  public var writerName: String

  public var usesZstd: Bool { incompatFeatures & Format.incompatZstd != 0 }
  /// A file with unknown ro_compat bits may be read but not written.
  public var allowsWriting: Bool { roCompatFeatures & ~Format.knownROCompat == 0 }
  /// The first word of the store id, as it appears in another store's `superseded`.
  public var storeWord: UInt64 { storeID.integer(Field("", 0, 8)) }

  /// A new store's header.
  package init(_ parameters: Parameters, geometry: Geometry, environment: Environment) throws(FormatError) {
    self.geometry = geometry
    minorVersion = Format.minorVersion
    incompatFeatures = parameters.zstd ? Format.incompatZstd : 0
    roCompatFeatures = 0
    compatFeatures = 0
    repeat {
      storeID = try environment.entropy(16)
    } while storeID.integer(Field("", 0, 8)) < Format.smallestStoreWord
    hashSeed = try environment.entropy(8).integer(Field("", 0, 8))
    evictionID = parameters.eviction
    defaultTimeToLive = parameters.defaultTimeToLive
    userTag = parameters.userTag
    schemaFingerprint = parameters.schemaFingerprint
    created = environment.realTime()
    writerName = environment.writerName
  }

  // MARK: Bytes to header

  /// Checks the first page of a file.
  ///
  /// - Parameters:
  ///   - page: the first 4,096 bytes, or what there is of them.
  ///   - fileSize: as `fstat` says.
  /// - Throws: `truncated`, `notAStore`, `foreignByteOrder`, `unsupportedVersion`, `unsupportedFeatures`,
  ///   `corruptHeader`, `corruptGeometry`, each with field, offset and rule.
  public init(verifying page: [UInt8], fileSize actual: Int) throws(FormatError) {
    typealias F = HeaderFields
    try Header.identify(page, magic: Format.dataMagic, what: "store")
    let unknown = page.integer(F.incompatFeatures) & ~Format.knownIncompat
    guard unknown == 0 else {
      throw FormatError(
        .unsupportedFeatures,
        "unknown incompatible feature bits 0x\(String(unknown, radix: 16)): use a newer version of the software",
        offset: F.incompatFeatures.offset, field: F.incompatFeatures.name, rule: "WKV-H06")
    }
    let reserved = Reserved(HeaderFields.structure)
    if let offset = reserved.firstNonzero(in: page), !planted(.reservedHeaderBytesTaken) {
      throw FormatError(
        .corruptHeader, "a reserved byte is not zero: restore the file or delete it", offset: offset,
        rule: "WKV-H07")
    }
    let parameters = try Header.parameters(page)
    do {
      geometry = try Geometry(parameters)
    } catch {
      throw FormatError(
        .corruptGeometry, error.message, offset: Header.offset(of: error.field), field: error.field,
        rule: "WKV-G01")
    }
    try Header.compare(page, with: geometry)
    guard actual == geometry.fileSize else {
      throw FormatError(
        actual < geometry.fileSize ? .truncated : .corruptGeometry,
        "the file has \(actual) bytes, its geometry needs \(geometry.fileSize)", offset: F.fileSize.offset,
        field: F.fileSize.name, rule: "WKV-G03")
    }
    minorVersion = UInt16(page.integer(F.minorVersion))
    if planted(.newerMinorRefused), minorVersion > Format.minorVersion {
      throw FormatError(.unsupportedVersion, "its minor version is \(minorVersion)", offset: F.minorVersion.offset)
    }
    incompatFeatures = page.integer(F.incompatFeatures)
    roCompatFeatures = page.integer(F.roCompatFeatures)
    compatFeatures = page.integer(F.compatFeatures)
    storeID = page.slice(F.storeID)
    hashSeed = page.integer(F.hashSeed)
    evictionID = UInt32(page.integer(F.evictionID))
    defaultTimeToLive = parameters.defaultTimeToLive
    userTag = page.integer(F.userTag)
    schemaFingerprint = page.integer(F.schemaFingerprint)
    created = Int64(truncatingIfNeeded: page.integer(F.created))
    writerName = String(decoding: page.slice(F.writerName).prefix { $0 != 0 }, as: UTF8.self)
    guard storeWord >= Format.smallestStoreWord else {
      throw FormatError(
        .corruptHeader, "the store id begins with a reserved word", offset: F.storeID.offset,
        field: F.storeID.name, rule: "WKV-H09")
    }
  }

  /// Rules that data and lock files share: length, magic, byte order, version, header size, checksum.
  static func identify(_ page: [UInt8], magic: [UInt8], what: String) throws(FormatError) {
    typealias F = HeaderFields
    guard page.count >= magic.count, Array(page.prefix(magic.count)) == magic else {
      if page.count < magic.count && magic.starts(with: page) {
        throw FormatError(
          .truncated, "only \(page.count) bytes: no header", offset: page.count, rule: "WKV-H01")
      }
      throw FormatError(
        .notAStore, "it is not a \(what) file: its first bytes are not the magic number", offset: 0,
        field: F.magic.name, rule: "WKV-H02")
    }
    guard page.count >= Format.pageSize else {
      throw FormatError(
        .truncated, "only \(page.count) bytes of a \(Format.pageSize)-byte header", offset: page.count,
        rule: "WKV-H01")
    }
    let major = UInt16(page.integer(F.majorVersion))
    guard major == Format.majorVersion else {
      if major.byteSwapped == Format.majorVersion {
        throw FormatError(
          .foreignByteOrder, "it was written with the other byte order: make it again on this machine",
          offset: F.majorVersion.offset, field: F.majorVersion.name, rule: "WKV-H03")
      }
      throw FormatError(
        .unsupportedVersion,
        "it has format version \(major), this software reads \(Format.majorVersion): use a matching version",
        offset: F.majorVersion.offset, field: F.majorVersion.name, rule: "WKV-H03")
    }
    guard page.integer(F.headerSize) == Format.pageSize else {
      throw FormatError(
        .corruptHeader, "the header size is \(page.integer(F.headerSize)), not \(Format.pageSize)",
        offset: F.headerSize.offset, field: F.headerSize.name, rule: "WKV-H04")
    }
    guard page.integer(F.checksum) == XXH3.hash64([UInt8](page.prefix(F.checksum.offset)), seed: 0) else {
      throw FormatError(
        .corruptHeader, "the header's checksum does not match: restore the file or delete it",
        offset: F.checksum.offset, field: F.checksum.name, rule: "WKV-H05")
    }
  }

  private static func parameters(_ page: [UInt8]) throws(FormatError) -> Parameters {
    typealias F = HeaderFields
    func require(_ field: Field, among allowed: [UInt64]) throws(FormatError) {
      let value = page.integer(field)
      guard allowed.contains(value) else {
        throw FormatError(
          .corruptHeader, "\(field.name) is \(value), which this version does not define", offset: field.offset,
          field: field.name, rule: "WKV-H08")
      }
    }
    try require(F.hashID, among: [UInt64(Format.hashXXH3)])
    try require(F.checksumID, among: [UInt64(Format.checksumXXH3)])
    try require(F.evictionID, among: [UInt64(Format.evictionNone), UInt64(Format.evictionSieve)])
    try require(F.clockID, among: [UInt64(Format.clockBoot)])
    let timeToLive = page.integer(F.defaultTimeToLive)
    guard timeToLive <= UInt64(Format.maximumTimeToLive) else {
      throw FormatError(
        .corruptHeader, "the default time to live is over \(Format.maximumTimeToLive) ns",
        offset: F.defaultTimeToLive.offset, field: F.defaultTimeToLive.name, rule: "WKV-H08")
    }
    return Parameters(
      capacity: page.count(F.capacity), shards: page.count(F.shardCount), maxKeySize: page.count(F.maxKeySize),
      maxValueSize: page.count(F.maxValueSize), maxRawSize: page.count(F.maxRawSize),
      eviction: UInt32(page.integer(F.evictionID)),
      zstd: page.integer(F.incompatFeatures) & Format.incompatZstd != 0,
      defaultTimeToLive: Int64(timeToLive), userTag: page.integer(F.userTag),
      schemaFingerprint: page.integer(F.schemaFingerprint))
  }

  private static func compare(_ page: [UInt8], with geometry: Geometry) throws(FormatError) {
    for (field, expected) in derived(geometry) where page.integer(field) != UInt64(expected) {
      throw FormatError(
        .corruptGeometry, "\(field.name) is \(page.integer(field)), the geometry gives \(expected)",
        offset: field.offset, field: field.name, rule: "WKV-G02")
    }
  }

  /// The fields that follow from the others, stored all the same so that a reader needs no formula.
  static func derived(_ geometry: Geometry) -> [(Field, Int)] {
    typealias F = HeaderFields
    return [
      (F.slotsPerShard, geometry.slotsPerShard), (F.bucketsPerShard, geometry.bucketsPerShard),
      (F.slotStride, geometry.slotStride), (F.probeLimit, Format.probeLimit),
      (F.stateOffset, Format.stateOffset), (F.shardsOffset, Format.shardsOffset),
      (F.shardStride, geometry.shardStride), (F.bucketsOffset, geometry.bucketsOffset),
      (F.metadataOffset, geometry.metadataOffset), (F.slotsOffset, geometry.slotsOffset),
      (F.fileSize, geometry.fileSize),
    ]
  }

  private static func offset(of parameter: String?) -> Int? {
    let name = parameter == "shards" ? HeaderFields.shardCount.name : parameter
    return HeaderFields.structure.fields.first { $0.name == name }?.offset
  }

  // MARK: Header to bytes

  /// The page as it stands at offset 0.
  public func encoded() -> [UInt8] {
    typealias F = HeaderFields
    var page = [UInt8](repeating: 0, count: Format.pageSize)
    page.set(F.magic, bytes: Format.dataMagic)
    page.set(F.majorVersion, Format.majorVersion)
    page.set(F.minorVersion, minorVersion)
    page.set(F.headerSize, Format.pageSize)
    page.set(F.incompatFeatures, incompatFeatures)
    page.set(F.roCompatFeatures, roCompatFeatures)
    page.set(F.compatFeatures, compatFeatures)
    page.set(F.storeID, bytes: storeID)
    page.set(F.capacity, geometry.capacity)
    page.set(F.shardCount, geometry.shardCount)
    page.set(F.maxKeySize, geometry.maxKeySize)
    page.set(F.maxValueSize, geometry.maxValueSize)
    page.set(F.maxRawSize, geometry.maxRawSize)
    for (field, value) in Header.derived(geometry) { page.set(field, value) }
    page.set(F.hashID, Format.hashXXH3)
    page.set(F.checksumID, Format.checksumXXH3)
    page.set(F.hashSeed, hashSeed)
    page.set(F.evictionID, evictionID)
    page.set(F.clockID, Format.clockBoot)
    page.set(F.defaultTimeToLive, defaultTimeToLive)
    page.set(F.userTag, userTag)
    page.set(F.schemaFingerprint, schemaFingerprint)
    page.set(F.created, created)
    page.set(F.writerName, bytes: [UInt8](writerName.utf8))
    page.set(F.checksum, XXH3.hash64([UInt8](page.prefix(F.checksum.offset)), seed: 0))
    return page
  }
}

/// The bytes of a structure that no field names.
struct Reserved {
  private let ranges: [Range<Int>]

  init(_ structure: Structure) {
    var ranges: [Range<Int>] = []
    var end = 0
    for field in structure.fields {
      if field.offset > end { ranges.append(end..<field.offset) }
      end = field.offset + field.size
    }
    if structure.size > end { ranges.append(end..<structure.size) }
    self.ranges = ranges
  }

  /// The offset in `bytes` of the first reserved byte that is not zero.
  func firstNonzero(in bytes: [UInt8], at start: Int = 0) -> Int? {
    for range in ranges {
      let shifted = (start + range.lowerBound)..<(start + range.upperBound)
      if let offset = bytes.firstNonzero(in: shifted) { return offset }
    }
    return nil
  }
}
