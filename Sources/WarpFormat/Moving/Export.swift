// SPDX-License-Identifier: Apache-2.0
// What an export says, whatever its form (SPEC.md 24.1): about the store, about each entry, and about itself at its end.
//
// Times of entries are relative to one moment, for which both the store's time and the world's are given. So they mean
// something in another boot and on another machine: what an entry has left is counted by the world's clock.

/// The store, and the moment of the export.
package struct ExportHeader: Equatable, Sendable {
  package var storeID: [UInt8]
  package var storeTime: UInt64
  /// Nanoseconds since 1970.
  package var realTime: UInt64
  package var isExact: Bool
  package var parameters: Parameters
  package var hashSeed: UInt64
  package var writerName: String

  package init(
    storeID: [UInt8], storeTime: UInt64, realTime: UInt64, isExact: Bool, parameters: Parameters, hashSeed: UInt64,
    writerName: String
  ) {
    self.storeID = storeID
    self.storeTime = storeTime
    self.realTime = realTime
    self.isExact = isExact
    self.parameters = parameters
    self.hashSeed = hashSeed
    self.writerName = writerName
  }

  package init(_ header: Header, _ moment: StoreMoment) {
    self.init(
      storeID: header.storeID, storeTime: moment.now, realTime: UInt64(clamping: moment.realTime),
      isExact: moment.isExact, parameters: header.parameters, hashSeed: header.hashSeed,
      writerName: Format.writerName)
  }

  /// Nanoseconds of real time since the export; a clock that was set back counts as none.
  package func elapsed(_ realTime: Int64) -> UInt64 {
    if planted(.lifetimeBeginsAnew) { return 0 }
    let now = UInt64(clamping: realTime)
    return now > self.realTime ? now - self.realTime : 0
  }
}

extension Header {
  /// What another store with the same parameters is made from.
  package var parameters: Parameters {
    Parameters(
      capacity: geometry.capacity, shards: geometry.shardCount, maxKeySize: geometry.maxKeySize,
      maxValueSize: geometry.maxValueSize, maxRawSize: geometry.maxRawSize, eviction: evictionID, zstd: usesZstd,
      defaultTimeToLive: defaultTimeToLive, userTag: userTag, schemaFingerprint: schemaFingerprint)
  }

  /// A new store's header; with a seed that another had, keys belong to the same shards as there.
  package init(_ parameters: Parameters, hashSeed: UInt64?, environment: Environment = .system) throws(FormatError)
  {
    try self.init(parameters, geometry: Geometry(parameters), environment: environment)
    if let hashSeed { self.hashSeed = hashSeed }
  }
}

/// An entry in an export.
package struct ExportedEntry: Equatable, Sendable {
  package var key: [UInt8]
  package var value: [UInt8]
  package var rawSize: Int
  package var codec: UInt8
  package var isVisited: Bool
  package var revision: UInt64
  /// Nanoseconds since it was written.
  package var age: Int64
  /// Nanoseconds; below 0 if it was expired. nil: it has no deadline.
  package var expiresIn: Int64?
  /// The same of `freshUntil`.
  package var freshFor: Int64?

  package init(
    key: [UInt8], value: [UInt8], rawSize: Int, codec: UInt8, isVisited: Bool, revision: UInt64, age: Int64,
    expiresIn: Int64?, freshFor: Int64?
  ) {
    self.key = key
    self.value = value
    self.rawSize = rawSize
    self.codec = codec
    self.isVisited = isVisited
    self.revision = revision
    self.age = age
    self.expiresIn = expiresIn
    self.freshFor = freshFor
  }

  /// - Parameter now: the store time of the export.
  package init(_ entry: CarriedEntry, now: UInt64) {
    func remaining(_ time: UInt64) -> Int64? { time == 0 ? nil : Int64(bitPattern: time &- now) }
    self.init(
      key: entry.key, value: entry.value, rawSize: entry.rawSize, codec: entry.codec, isVisited: entry.isVisited,
      revision: entry.revision, age: Int64(bitPattern: now &- entry.written), expiresIn: remaining(entry.deadline),
      freshFor: remaining(entry.freshUntil))
  }

  /// Why no store can take it; nil if it is in order (WKV-I04).
  package var problem: String? {
    if key.count > Format.maximumKeySize { return "a key of \(key.count) bytes is over \(Format.maximumKeySize)" }
    if value.count > Format.maximumValueSize || rawSize > Format.maximumValueSize || rawSize < 0 {
      return "a value is over \(Format.maximumValueSize) bytes"
    }
    switch codec {
    case Format.codecRaw:
      if rawSize != value.count { return "rawSize is \(rawSize), the value has \(value.count) bytes" }
    case Format.codecZstd:
      if let problem = ZstdFrame.problem(in: value, rawSize: UInt64(rawSize)) { return problem }
    default: return "codec \(codec) is unknown"
    }
    for time in [expiresIn, freshFor].compactMap({ $0 }) {
      let (life, overflow) = time.addingReportingOverflow(age)
      if overflow || life > Format.maximumTimeToLive { return "a time to live is over 2^62 ns" }
    }
    if let expiresIn, let freshFor, freshFor > expiresIn { return "it is fresh for longer than it lives" }
    return nil
  }

  /// The entry for a store in which it is `now`, some nanoseconds after the export; nil if it is expired by then.
  package func carried(now: UInt64, elapsed: UInt64) -> CarriedEntry? {
    /// A time relative to the export as store time; at least 1, since 0 says that there is none.
    func time(_ relative: Int128) -> UInt64 {
      let exact = Int128(now) - Int128(elapsed) + relative
      return UInt64(clamping: max(1, exact))
    }
    if let expiresIn, expiresIn <= 0 || UInt64(expiresIn) <= elapsed { return nil }
    let written = time(-Int128(age))
    let (sum, overflow) = written.addingReportingOverflow(UInt64(Format.maximumTimeToLive))
    let latest = overflow ? .max : sum
    return CarriedEntry(
      key: key, value: value, rawSize: rawSize, codec: codec,
      deadline: expiresIn.map { min(time(Int128($0)), latest) } ?? 0, written: written,
      freshUntil: freshFor.map { min(time(Int128($0)), latest) } ?? 0, revision: revision, stamp: 0,
      isVisited: isVisited)
  }
}

/// What the last line or frame says.
package struct ExportEnd: Equatable, Sendable {
  package var entries: UInt64 = 0
  /// Left out because they were expired.
  package var expired: UInt64 = 0
  /// Left out because they were not sound.
  package var damaged: UInt64 = 0
  /// How many shards never held still, so that their entries are not all of one moment.
  package var unstable: UInt64 = 0

  package init() {}
}
