// SPDX-License-Identifier: Apache-2.0
// The header of a damaged file as far as it can be told (SPEC.md 24.5, S2).
//
// Most of a header is there twice: four parameters, and eleven numbers that follow from them. So a parameter that is wrong
// can be told from what follows from it, and what follows can be made anew. What is there once, the store's identity and the
// seed, is taken as it is: if it is wrong no entry is sound.

/// What a damaged file's header must have been.
package struct HeaderGuess: Sendable {
  package let header: Header
  /// What was wrong with it; nil: nothing.
  package let problem: FormatError?
  /// The header could not be checked by its checksum, so values may be frames whatever it says.
  let mayUseZstd: Bool

  /// Of twelve numbers that follow from the parameters, the file's length among them, so many must agree.
  private static let enough = 8

  /// - Parameters:
  ///   - parameters: what the caller knows; else they are told from the header.
  ///   - isOurs: take the file for one of this version, whatever its header says.
  /// - Throws: `truncated`, `notAStore`, `unsupportedVersion` and others if there is nothing to go by.
  init(
    _ page: [UInt8], fileSize: Int, parameters: Parameters?, isOurs: Bool, environment: Environment
  ) throws(FormatError) {
    typealias F = HeaderFields
    guard page.count == Format.pageSize else {
      throw FormatError(
        .truncated, "only \(page.count) bytes: there is nothing to save", offset: page.count, rule: "WKV-H01")
    }
    var found: FormatError?
    do throws(FormatError) {
      let header = try Header(verifying: page, fileSize: page.count(F.fileSize))
      if header.geometry.fileSize != fileSize {
        found = FormatError(
          .truncated, "the file has \(fileSize) bytes, its geometry needs \(header.geometry.fileSize)",
          offset: F.fileSize.offset, rule: "WKV-G03")
        try HeaderGuess.checkLength(header.geometry, fileSize, isGiven: parameters != nil)
      }
      if let parameters { try HeaderGuess.compare(parameters, header.geometry) }
      (self.header, problem, mayUseZstd) = (header, found, false)
      return
    } catch {
      if error.code == .invalidArgument { throw error }
      found = error
    }
    let isSealed = page.integer(F.checksum) == XXH3.hash64([UInt8](page.prefix(F.checksum.offset)), seed: 0)
    if isSealed, !isOurs, let found, HeaderGuess.isForeign(found) { throw found }
    let geometry: Geometry
    if let parameters {
      geometry = try Geometry(parameters)
    } else {
      geometry = try HeaderGuess.geometry(page, fileSize, found)
    }
    try HeaderGuess.checkLength(geometry, fileSize, isGiven: parameters != nil)
    var header = try Header(Parameters(), geometry: geometry, environment: environment)
    header.storeID = page.slice(F.storeID)
    header.hashSeed = page.integer(F.hashSeed)
    let eviction = UInt32(page.integer(F.evictionID))
    header.evictionID = eviction == Format.evictionNone ? eviction : Format.evictionSieve
    let timeToLive = page.integer(F.defaultTimeToLive)
    header.defaultTimeToLive = timeToLive <= UInt64(Format.maximumTimeToLive) ? Int64(timeToLive) : 0
    header.userTag = page.integer(F.userTag)
    header.schemaFingerprint = page.integer(F.schemaFingerprint)
    header.incompatFeatures = page.integer(F.incompatFeatures) & Format.knownIncompat
    (self.header, problem, mayUseZstd) = (header, found, !isSealed)
  }

  /// Whether a header that its checksum vouches for is one of another version.
  private static func isForeign(_ error: FormatError) -> Bool {
    let ids = [HeaderFields.hashID, HeaderFields.checksumID, HeaderFields.clockID].map(\.name)
    return [.unsupportedVersion, .foreignByteOrder, .unsupportedFeatures].contains(error.code)
      || error.field.map { ids.contains($0) } == true
  }

  /// A store of many times the bytes that there are is not made because a few bytes say so.
  private static func checkLength(_ geometry: Geometry, _ fileSize: Int, isGiven: Bool) throws(FormatError) {
    guard geometry.fileSize / 2 > fileSize, !isGiven else { return }
    throw FormatError(
      .invalidArgument,
      "the file has \(fileSize) of \(geometry.fileSize) bytes: give --capacity, or --like, if this is what it was",
      offset: HeaderFields.fileSize.offset, rule: "WKV-G03")
  }

  private static func compare(_ parameters: Parameters, _ geometry: Geometry) throws(FormatError) {
    let given = try Geometry(parameters)
    guard given.slotStride == geometry.slotStride, given.slotsPerShard == geometry.slotsPerShard,
      given.shardCount == geometry.shardCount
    else {
      throw FormatError(
        .invalidArgument, "the header is sound and says otherwise than the parameters given: leave them out")
    }
  }

  // MARK: Geometry

  /// The geometry with which most of what follows from it agrees: each parameter as it is stored, or as its consequences
  /// have it.
  private static func geometry(_ page: [UInt8], _ fileSize: Int, _ found: FormatError?) throws(FormatError)
    -> Geometry
  {
    typealias F = HeaderFields
    let stride = page.count(F.shardStride)
    let length = max(0, fileSize - Format.shardsOffset)
    let shards = [page.count(F.shardCount), stride > 0 ? length / stride : 0]
    var best: (geometry: Geometry, agreeing: Int)?
    for shardCount in shards {
      let slots = min(page.count(F.slotsPerShard), Format.maximumShardCapacity + 1)
      let derived = max(0, slots - 1).multipliedReportingOverflow(by: min(shardCount, Format.maximumShards))
        .partialValue
      for capacity in [page.count(F.capacity), derived] {
        for keySize in [page.count(F.maxKeySize), keySize(page)] {
          for valueSize in [page.count(F.maxValueSize), valueSize(page, keySize)] {
            let raw = page.count(F.maxRawSize)
            let isRaw = raw >= valueSize && raw <= Format.maximumValueSize
            let parameters = Parameters(
              capacity: capacity, shards: shardCount, maxKeySize: keySize, maxValueSize: valueSize,
              maxRawSize: isRaw ? raw : valueSize)
            guard let geometry = try? Geometry(parameters) else { continue }
            let agreeing = agreement(page, geometry, fileSize)
            if best == nil || agreeing > best?.agreeing ?? 0 { best = (geometry, agreeing) }
          }
        }
      }
    }
    guard let best, best.agreeing >= enough else {
      throw found ?? FormatError(.corruptGeometry, "the parameters can't be told", offset: 0)
    }
    return best.geometry
  }

  private static func room(_ page: [UInt8]) -> Int {
    max(0, min(page.count(HeaderFields.slotStride), 1 << 31) - SlotFields.structure.size)
  }

  /// The largest key that fits a slot beside the largest value.
  private static func keySize(_ page: [UInt8]) -> Int {
    let value = min(page.count(HeaderFields.maxValueSize), Format.maximumValueSize)
    return min(Format.maximumKeySize, max(0, (room(page) - value) & ~7))
  }

  private static func valueSize(_ page: [UInt8], _ keySize: Int) -> Int {
    let key = Geometry.align(min(keySize, Format.maximumKeySize), 8)
    return min(Format.maximumValueSize, max(0, room(page) - key))
  }

  private static func agreement(_ page: [UInt8], _ geometry: Geometry, _ fileSize: Int) -> Int {
    Header.derived(geometry).filter { page.integer($0.0) == UInt64($0.1) }.count
      + (geometry.fileSize == fileSize ? 1 : 0)
  }
}
