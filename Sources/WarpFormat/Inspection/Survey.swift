// SPDX-License-Identifier: Apache-2.0
// What live entries are like: deadlines, times of writing, sizes before and after compression (SPEC.md §5.5 and §5.6).
//
// - All used slots of a small store are looked at, of a large one a sample: one slot from each of `limit` equal stretches
//   of the used slots, the place in the stretch drawn from the store's id. So the cost has a bound, the sample is spread
//   over all shards, and two looks at a quiet store say the same.
// - An entry counts only if its control word was the same before and after, and if its sizes fit its slot.

/// Sums over the slots that were looked at.
public struct Survey: Equatable, Sendable {
  /// Slots that have been used, of all shards.
  public var usedSlots = 0
  /// Slots looked at; fewer than those used: a sample.
  public var seenSlots = 0
  /// Entries in them.
  public var entries = 0
  /// Entries with a deadline.
  public var deadlines = 0
  /// Entries whose deadline is over; none if the time isn't known.
  public var expired = 0
  public var firstDeadline: UInt64?
  public var lastDeadline: UInt64?
  /// Store times of the last write of an entry.
  public var firstWritten: UInt64?
  public var lastWritten: UInt64?
  /// Entries whose value is a zstd frame.
  public var compressed = 0
  /// Bytes of values before compression, and as they are stored.
  public var rawBytes: UInt64 = 0
  public var storedBytes: UInt64 = 0

  public var isSample: Bool { seenSlots < usedSlots }

  fileprivate mutating func add(header: [UInt8], metadata: [UInt8], _ geometry: Geometry, now: UInt64?) {
    typealias F = SlotFields
    let raw = header.integer(F.rawSize)
    let stored = header.integer(F.storedSize)
    guard raw <= UInt64(geometry.maxRawSize), stored <= UInt64(geometry.maxValueSize) else { return }
    entries += 1
    rawBytes &+= raw
    storedBytes &+= stored
    if header.integer(F.codec) == UInt64(Format.codecZstd) { compressed += 1 }
    let written = metadata.integer(MetadataFields.written)
    firstWritten = min(firstWritten ?? written, written)
    lastWritten = max(lastWritten ?? written, written)
    let deadline = header.integer(F.deadline)
    guard deadline != 0 else { return }
    deadlines += 1
    if let now, now >= deadline { expired += 1 }
    firstDeadline = min(firstDeadline ?? deadline, deadline)
    lastDeadline = max(lastDeadline ?? deadline, deadline)
  }
}

extension FileImage {
  /// - Parameters:
  ///   - glances: one of each shard, in their order.
  ///   - now: store time, nil if it can't be told.
  ///   - limit: slots to look at, at most.
  public func survey(
    _ glances: [ShardGlance], now: UInt64?, limit: Int = Format.surveySlots
  ) throws(FormatError) -> Survey {
    var survey = Survey()
    survey.usedSlots = glances.reduce(0) { $0 + $1.usedSlots }
    survey.seenSlots = min(limit, survey.usedSlots)
    var draw = header.storeWord
    var shard = 0
    // Used slots of the shards before.
    var before = 0
    // Bound: the limit; `shard` only grows.
    for index in 0..<survey.seenSlots {
      let place = survey.isSample ? Survey.place(index, survey, &draw) : index
      while place >= before + glances[shard].usedSlots {
        before += glances[shard].usedSlots
        shard += 1
      }
      try look(&survey, shard: shard, slot: place - before + 1, now)
    }
    return survey
  }

  private func look(_ survey: inout Survey, shard: Int, slot: Int, _ now: UInt64?) throws(FormatError) {
    let offset = slotOffset(shard: shard, slot: slot)
    let header = try file.read(at: offset, count: SlotFields.structure.size)
    let control = header.integer(SlotFields.control)
    guard Control(raw: control).state == .live else { return }
    let metadata = try metadata(shard: shard, slot: slot)
    let size = SlotFields.control.size
    guard try file.read(at: offset, count: size).integer(SlotFields.control) == control else { return }
    survey.add(header: header, metadata: metadata, geometry, now: now)
  }
}

extension Survey {
  /// A place in the stretch of this number. Used slots are fewer than 2^44, so the product has room.
  fileprivate static func place(_ index: Int, _ survey: Survey, _ draw: inout UInt64) -> Int {
    let start = index * survey.usedSlots / survey.seenSlots
    let end = (index + 1) * survey.usedSlots / survey.seenSlots
    draw = draw &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
    return start + Int((draw >> 33) % UInt64(max(1, end - start)))
  }
}
