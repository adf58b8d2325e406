// SPDX-License-Identifier: Apache-2.0
// What `warp-inspect info` knows about a store, gathered once and told in two ways.
//
// Sums wrap: the numbers may be damaged, and it is verify that says so.

import WarpFormat

struct StoreFacts {
  private let image: FileImage
  private let status: FileStatus
  private let state: [UInt8]
  private let clock: ClockRecord?
  /// Whether the clock record is of this boot, so that store time can be told.
  private let isThisBoot: Bool
  private var entries: UInt64 = 0
  private var bytes: UInt64 = 0
  private var unstable = 0
  private var deadlines = (count: 0, expired: 0, first: UInt64.max, last: UInt64(0))
  private var counters: CounterValues?
  /// Who is attached; nil without a lock file.
  let handles: Handles?
  private var recoveries: UInt64 = 0

  /// Store time; nil if it can't be told.
  private var now: UInt64? {
    guard isThisBoot, let clock else { return nil }
    return UInt64(clamping: System.bootTime() &+ clock.base)
  }

  init(_ image: FileImage) throws(FormatError) {
    self.image = image
    status = try image.status()
    state = try image.state()
    clock = ClockRecord.current(state)
    isThisBoot = clock?.bootID == System.bootID()
    handles = try image.occupation().map(Handles.init)
    for index in 0..<image.geometry.shardCount {
      let shard = try image.shard(index)
      entries &+= shard.control.integer(ControlFields.count)
      bytes &+= shard.control.integer(ControlFields.storedBytes)
      if !shard.isStable { unstable += 1 }
      let some = shard.deadlines(now: now ?? 0)
      deadlines.count += some.count
      deadlines.expired += some.expired
      deadlines.first = min(deadlines.first, some.first)
      deadlines.last = max(deadlines.last, some.last)
      if let line = try image.lock?.line(index) { recoveries &+= line.recoveries }
    }
    counters = try image.lock?.counters()
  }

  private var features: [String] {
    let header = image.header
    var names = header.usesZstd ? ["zstd"] : []
    if header.roCompatFeatures != 0 {
      names.append("ro_compat 0x" + String(header.roCompatFeatures, radix: 16))
    }
    if header.compatFeatures != 0 { names.append("compat 0x" + String(header.compatFeatures, radix: 16)) }
    return names
  }

  private var superseded: String {
    switch state.integer(StateFields.superseded) {
    case Format.supersededCurrent: "current"
    case Format.supersededDeleted: "deleted"
    case Format.supersededLockLost: "lock file lost"
    default: "replaced"
    }
  }

  private var hitRatio: Double? {
    guard let counters else { return nil }
    let lookups = Double(counters[.hits]) + Double(counters[.misses]) + Double(counters[.busyMisses])
    return lookups > 0 ? Double(counters[.hits]) / lookups : nil
  }
}

// MARK: - Text

extension StoreFacts {
  /// Name and value, in the order of the screen.
  var lines: [(String, String)] {
    let header = image.header
    let geometry = image.geometry
    let raw = geometry.maxRawSize == geometry.maxValueSize ? "" : " (\(geometry.maxRawSize) uncompressed)"
    let percent = Numbers.tenths(Double(entries) / Double(geometry.capacity) * 100)
    let counted = counters.map { values in
      Counter.allCases.map { "\($0) \(values[$0])" }.joined(separator: ", ")
    }
    let timeToLive = header.defaultTimeToLive
    var lines = [
      (
        "format",
        "\(Format.majorVersion).\(header.minorVersion), written by \(JSON.quoted(header.writerName))"
      ),
      ("created", Numbers.date(header.created)),
      ("features", features.isEmpty ? "none" : features.joined(separator: ", ")),
      ("store id", FieldText.hex(header.storeID)),
      ("state", superseded),
      (
        "shards",
        "\(geometry.shardCount) of \(geometry.slotsPerShard) slots, \(geometry.bucketsPerShard) buckets"
      ),
      (
        "slots",
        "\(geometry.slotStride) bytes; keys to \(geometry.maxKeySize), values to \(geometry.maxValueSize)\(raw)"
      ),
      ("eviction", header.evictionID == Format.evictionSieve ? "SIEVE" : "none: refuses when full"),
      ("fill", "\(entries) of \(geometry.capacity) entries (\(percent) %)"),
      (
        "bytes",
        "\(Numbers.grouped(bytes)) used, \(Numbers.grouped(status.allocated)) allocated, "
          + "file size \(Numbers.grouped(status.size))"
      ),
      ("hit ratio", hitRatio.map { Numbers.tenths($0 * 100) + " %" } ?? "unknown: no lookups counted"),
    ]
    if let counted { lines.append(("counters", counted)) }
    lines += [
      ("time to live", timeToLive == 0 ? "none by default" : Numbers.duration(timeToLive)),
      ("deadlines", deadlineText), ("clock", clockText), ("lock file", lockText),
    ]
    if unstable > 0 {
      lines.append(("note", "\(unstable) shards were being written: their numbers may be off"))
    }
    return lines
  }

  private var deadlineText: String {
    guard deadlines.count > 0 else { return "none" }
    guard let now else { return "\(deadlines.count) entries; the clock is of another boot" }
    func distance(_ deadline: UInt64) -> String {
      deadline <= now ? "passed" : "in " + Numbers.duration(Int64(clamping: deadline - now))
    }
    return "\(deadlines.count) entries, \(deadlines.expired) expired; first \(distance(deadlines.first)), "
      + "last \(distance(deadlines.last))"
  }

  private var clockText: String {
    guard let clock else { return "no valid record" }
    return
      "boot \(FieldText.hex(clock.bootID)) (\(isThisBoot ? "this one" : "another one")), base \(clock.base) ns"
  }

  private var lockText: String {
    if let problem = image.lockProblem { return "\(problem.rule) at \(problem.offset): \(problem.message)" }
    guard let lock = image.lock else { return "none" }
    let boot = lock.header.bootID == System.bootID() ? "this boot" : "another boot"
    return "\(boot); \(recoveries) recoveries"
  }
}

// MARK: - JSON

extension StoreFacts {
  var json: JSON {
    .object([
      ("path", .string(image.path)),
      ("header", .object(FieldText.members(HeaderFields.structure, image.headerPage))),
      ("features", .array(features.map { .string($0) })),
      ("state", .string(superseded)),
      ("capacity", .number(image.geometry.capacity)),
      ("entries", .number(entries)),
      ("bytesUsed", .number(bytes)),
      ("bytesAllocated", .number(status.allocated)),
      ("fileSize", .number(status.size)),
      ("hitRatio", hitRatio.map { .number("\($0)") } ?? .null),
      ("counters", countersJSON),
      ("deadlines", deadlinesJSON),
      ("clock", clockJSON),
      ("lock", lockJSON),
      ("lockProblem", image.lockProblem.map { .string($0.rule) } ?? .null),
      ("unstableShards", .number(unstable)),
    ])
  }

  private var countersJSON: JSON {
    guard let counters else { return .null }
    return .object(Counter.allCases.map { ("\($0)", .number(counters[$0])) })
  }

  private var deadlinesJSON: JSON {
    let isEmpty = deadlines.count == 0
    return .object([
      ("count", .number(deadlines.count)),
      ("expired", now == nil ? .null : .number(deadlines.expired)),
      ("first", isEmpty ? .null : .number(deadlines.first)),
      ("last", isEmpty ? .null : .number(deadlines.last)),
    ])
  }

  private var clockJSON: JSON {
    guard let clock else { return .null }
    return .object([
      ("generation", .number(clock.generation)), ("bootID", .string(FieldText.hex(clock.bootID))),
      ("base", .number(clock.base)), ("thisBoot", .bool(isThisBoot)),
    ])
  }

  private var lockJSON: JSON {
    guard let lock = image.lock, let handles else { return .null }
    return .object([
      ("bootID", .string(FieldText.hex(lock.header.bootID))),
      ("attached", handles.attachedJSON),
      ("owners", handles.ownersJSON),
      ("recoveries", .number(recoveries)),
    ])
  }
}
