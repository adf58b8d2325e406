// SPDX-License-Identifier: Apache-2.0
// What `warp-inspect info` and `list` know about a store, gathered once.
//
// - Nothing here walks all slots: one glance at each shard, and a survey of a bounded number of slots. So a store of
//   any size costs milliseconds, and what was sampled says so.
// - Sums wrap: the numbers may be damaged, and it is verify that says so.

import WarpFormat

struct StoreFacts {
  /// The times of the last writes of the entries at one end of the queues, as store time.
  struct Ends: Equatable {
    /// The longest ago of those at the old ends. The format keeps no time of insertion: the entry was there by then.
    var oldest: UInt64?
    /// The latest of those at the new ends.
    var newest: UInt64?
  }

  let image: FileImage
  let status: FileStatus
  let state: [UInt8]
  let clock: ClockRecord?
  /// Whether the clock record is of this boot, so that store time can be told.
  let isThisBoot: Bool
  let glances: [ShardGlance]
  let survey: Survey
  let ends: Ends
  /// nil without a lock file.
  let counters: CounterValues?
  /// Who is attached; nil without a lock file.
  let handles: Handles?
  /// Requests recorded since the lock file was made; nil without a record.
  let recorded: UInt64?

  /// - Parameter surveys: slots to look at, at most.
  init(_ image: FileImage, surveys: Int = Format.surveySlots) throws(FormatError) {
    self.image = image
    status = try image.status()
    state = try image.state()
    let clock = ClockRecord.current(state)
    self.clock = clock
    isThisBoot = clock?.bootID == System.bootID()
    handles = try Handles(image)
    var glances: [ShardGlance] = []
    for index in 0..<image.geometry.shardCount { glances.append(try image.glance(index)) }
    self.glances = glances
    ends = try StoreFacts.ends(image, glances)
    survey = try image.survey(glances, now: StoreTime(clock).now, limit: surveys)
    counters = try image.lock?.counters()
    recorded = try image.lock?.recordedCount()
  }

  private static func ends(_ image: FileImage, _ glances: [ShardGlance]) throws(FormatError) -> Ends {
    var ends = Ends()
    for glance in glances where glance.count > 0 {
      if let slot = glance.oldest {
        let written = try image.metadata(shard: glance.index, slot: slot).integer(MetadataFields.written)
        ends.oldest = min(ends.oldest ?? written, written)
      }
      if let slot = glance.newest {
        let written = try image.metadata(shard: glance.index, slot: slot).integer(MetadataFields.written)
        ends.newest = max(ends.newest ?? written, written)
      }
    }
    return ends
  }
}

// MARK: - What follows

extension StoreFacts {
  /// Store time; nil if it can't be told.
  var now: UInt64? { StoreTime(clock).now }

  var entries: UInt64 { glances.reduce(0) { $0 &+ $1.count } }
  var bytesUsed: UInt64 { glances.reduce(0) { $0 &+ $1.storedBytes } }
  var writes: UInt64 { glances.reduce(0) { $0 &+ $1.writeCounter } }
  var recoveries: UInt64 { glances.reduce(0) { $0 &+ ($1.line?.recoveries ?? 0) } }
  var unstable: Int { glances.count { !$0.isStable } }

  var features: [String] {
    let header = image.header
    var names = header.usesZstd ? ["zstd"] : []
    if header.roCompatFeatures != 0 {
      names.append("ro_compat 0x" + String(header.roCompatFeatures, radix: 16))
    }
    if header.compatFeatures != 0 { names.append("compat 0x" + String(header.compatFeatures, radix: 16)) }
    return names
  }

  var supersededText: String {
    switch state.integer(StateFields.superseded) {
    case Format.supersededCurrent: "current"
    case Format.supersededDeleted: "deleted"
    case Format.supersededLockLost: "lock file lost"
    default: "replaced"
    }
  }

  var gets: UInt64 { counters.map { $0[.hits] &+ $0[.misses] &+ $0[.busyMisses] } ?? 0 }

  var hitRatio: Double? {
    guard let counters else { return nil }
    let lookups = Double(counters[.hits]) + Double(counters[.misses]) + Double(counters[.busyMisses])
    return lookups > 0 ? Double(counters[.hits]) / lookups : nil
  }

  /// Bytes of values before compression by bytes as stored, of the entries looked at; nil without compression.
  var compressionRatio: Double? {
    guard image.header.usesZstd, survey.storedBytes > 0 else { return nil }
    return Double(survey.rawBytes) / Double(survey.storedBytes)
  }

  /// A number of entries that were looked at as one of all entries: exact, or an estimate of a sample.
  func estimate(_ part: Int) -> UInt64 {
    guard survey.isSample else { return UInt64(part) }
    guard survey.entries > 0 else { return 0 }
    let share = Double(part) / Double(survey.entries) * Double(min(entries, UInt64(image.geometry.capacity)))
    return UInt64(share.rounded())
  }

  /// Nanoseconds since a store time; nil if that can't be told.
  func age(_ time: UInt64?) -> Int64? {
    guard let time, let now else { return nil }
    return Int64(clamping: now > time ? now - time : 0)
  }
}
