// SPDX-License-Identifier: Apache-2.0
// All sound entries of a shard at one moment, from a store that may be in use (SPEC.md 24.1).
//
// - A stable image of the shard says which slots were LIVE together. A LIVE slot is never changed in place, so its bytes, read
//   later, are of that moment if its control word still is the same.
// - If some have gone meanwhile, all is done again; what was read before and is still there need not be read again, so each
//   turn is shorter than the last and the shard has less time to change.
// - A shard that never holds still is copied entry by entry, each of them whole.

/// What a shard held.
package struct Harvest: Sendable {
  /// In the order of insertion, each key once.
  package var entries: [CarriedEntry] = []
  /// All of them were there at one moment.
  package var isConsistent = false
  /// LIVE slots that are not sound, by the first rule that each breaks.
  package var damaged: [String: Int] = [:]
  /// The stamp of the entry under the hand; 0: none.
  package var handStamp: UInt64 = 0
}

/// The time of a store, and what it is in the world's.
package struct StoreMoment: Sendable {
  /// Store time.
  package let now: UInt64
  /// Nanoseconds since 1970.
  package let realTime: Int64
  /// Whether store time could be told; else it is what an opener in another boot would take it for (23.6, B2).
  package let isExact: Bool
  /// The record that gives the same store time in this boot.
  package let clock: ClockRecord
}

extension FileImage {
  /// How often a shard is copied until all of it is of one moment.
  private static let tries = 16

  /// O(entries of the shard); memory for all of them.
  package func harvest(_ index: Int) throws(FormatError) -> Harvest {
    var known: [Int: Sample] = [:]
    var result = Harvest()
    var unstable = 0
    for _ in 0..<FileImage.tries {
      let shard = try shard(index)
      let isWhole = try gather(shard, &known)
      result.isConsistent = shard.isStable && isWhole
      result.handStamp = handStamp(shard)
      // A shard whose owner died stays as it is until somebody writes: looking again shows nothing else.
      if !shard.isStable { unstable += 1 }
      if result.isConsistent || isWhole && unstable > 2 { break }
    }
    let visited = Set(try lock?.visitedSlots(index) ?? [])
    for (slot, sample) in known {
      switch sample.content {
      case .sound(var entry):
        entry.isVisited = visited.contains(slot)
        result.entries.append(entry)
      case .damaged(let rule): result.damaged[rule, default: 0] += 1
      }
    }
    let copies = result.entries.settle()
    if copies > 0, result.isConsistent { result.damaged["WKV-B07", default: 0] += copies }
    return result
  }

  /// Makes `known` the LIVE slots of an image; false if some of them could not be read any more.
  private func gather(_ shard: ShardImage, _ known: inout [Int: Sample]) throws(FormatError) -> Bool {
    let size = SlotFields.structure.size
    var next: [Int: Sample] = [:]
    next.reserveCapacity(known.count)
    var isWhole = true
    for (first, chunk) in shard.usedHeaders() {
      for place in 0..<(chunk.count / size) where first + place <= shard.usedSlots {
        let control = chunk.integer(SlotFields.control, at: place * size)
        guard Control(raw: control).state == .live else { continue }
        let slot = first + place
        if let sample = known[slot], sample.control == control {
          next[slot] = sample
        } else if let content = try content(slot, control, shard.index) {
          next[slot] = Sample(control: control, content: content)
        } else {
          isWhole = false
        }
      }
    }
    known = next
    return isWhole
  }

  /// A slot that was LIVE with this control word; nil if it is no longer.
  private func content(_ slot: Int, _ control: UInt64, _ shard: Int) throws(FormatError) -> Sample.Content? {
    let place = SlotPlace(header: header, shard: shard, slot: slot)
    let offset = slotOffset(shard: shard, slot: slot)
    let head = try file.read(at: offset, count: SlotFields.structure.size)
    let metadata = try file.read(
      at: metadataOffset(shard: shard, slot: slot), count: MetadataFields.structure.size)
    var bytes = head
    if let (_, valueStart, storedSize) = place.payload(head) {
      bytes = try file.read(at: offset, count: valueStart + storedSize)
    }
    let now = try file.read(at: offset, count: SlotFields.control.size).integer(SlotFields.control)
    guard now == control, bytes.integer(SlotFields.control) == control else { return nil }
    if let rule = place.problem(bytes, metadata) { return .damaged(rule) }
    return place.entry(bytes, metadata, isVisited: false).map { .sound($0) }
  }

  private func handStamp(_ shard: ShardImage) -> UInt64 {
    let hand = shard.control.count(ControlFields.hand)
    guard hand >= 1, hand <= shard.usedSlots, shard.state(hand) == .live else { return 0 }
    return shard.metadata(MetadataFields.stamp, slot: hand)
  }

  /// What time it is in the store. O(1); O(store) for one of another boot.
  package func moment(_ environment: Environment = .system) throws(FormatError) -> StoreMoment {
    let state = try state()
    let (boot, real) = (environment.bootTime(), environment.realTime())
    let bootID = try environment.bootID()
    if let moment = StoreMoment(state, realTime: real, bootTime: boot, bootID: bootID) { return moment }
    var latest = UInt64(clamping: real)
    if let left = DetachRecord(state) { latest = max(latest, left.detached) }
    for shard in 0..<geometry.shardCount {
      for entry in try harvest(shard).entries { latest = max(latest, entry.written) }
    }
    return StoreMoment(now: latest, realTime: real, bootTime: boot, bootID: bootID)
  }
}

extension StoreMoment {
  /// By the clock record of a state block; nil if that is of another boot, or there is none.
  init?(_ state: [UInt8], realTime: Int64, bootTime: Int64, bootID: [UInt8]) {
    guard let clock = ClockRecord.current(state), clock.bootID == bootID else { return nil }
    self.init(
      now: UInt64(bitPattern: bootTime &+ clock.base), realTime: realTime, isExact: true,
      clock: ClockRecord(generation: 1, bootID: bootID, base: clock.base))
  }

  /// A moment that was estimated.
  init(now: UInt64, realTime: Int64, bootTime: Int64, bootID: [UInt8]) {
    self.init(
      now: now, realTime: realTime, isExact: false,
      clock: ClockRecord(
        generation: 1, bootID: bootID, base: Int64(bitPattern: now &- UInt64(bitPattern: bootTime))))
  }
}

/// A slot as it was found under a control word.
private struct Sample {
  enum Content {
    case sound(CarriedEntry)
    case damaged(String)
  }

  let control: UInt64
  let content: Content
}
