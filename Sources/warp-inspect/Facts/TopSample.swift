// SPDX-License-Identifier: Apache-2.0
// What `top` sees of a store at one moment, and what happened between two moments.
//
// - A sample is a plain value, so that a screen can be drawn of samples that a test makes.
// - Counters only grow, but for a reset and a replaced store; then a rate would be nonsense, and is 0.

import WarpFormat

/// A moment.
struct TopSample: Equatable {
  struct Shard: Equatable {
    var entries: UInt64
    var capacity: Int
    /// Where the hand is in the order of insertion, from 0, the oldest, to 1, the newest; nil without entries.
    var hand: Double?
    var owner: HandleImage.State?
  }

  struct Handle: Equatable {
    var entry: Int
    var generation: UInt32
    var pid: UInt32
    var name: String
    var state: HandleImage.State
    /// Nanoseconds since it attached.
    var age: Int64?
    var shards: Int
    var leases: Int
    /// What its stripe counted.
    var operations: UInt64
  }

  /// Nanoseconds of the boot clock.
  var time: Int64
  var capacity: Int
  var bytesUsed: UInt64
  var bytesAllocated: Int
  /// nil without a lock file.
  var counters: CounterValues?
  var shards: [Shard]
  var handles: [Handle]
  var health: Health

  var entries: UInt64 { shards.reduce(0) { $0 &+ $1.entries } }
}

/// What happened between two samples, each second.
struct TopRates: Equatable {
  let seconds: Double
  private let changes: [Double]

  init(_ before: TopSample, _ now: TopSample) {
    let seconds = max(0.001, Double(now.time &- before.time) / 1e9)
    self.seconds = seconds
    changes = Counter.allCases.map { counter in
      guard let a = before.counters?[counter], let b = now.counters?[counter], b >= a else { return 0 }
      return Double(b - a) / seconds
    }
  }

  subscript(_ counter: Counter) -> Double { changes[counter.rawValue] }

  var gets: Double { self[.hits] + self[.misses] + self[.busyMisses] }
  var sets: Double { self[.insertions] + self[.updates] }
  var operations: Double { gets + sets + self[.removals] }
  /// Sets and gets that were in each other's way.
  var failures: Double { self[.busySets] + self[.noSpaceSets] + self[.fullSets] }

  /// Of the gets of this time; nil if there were none.
  var hitRatio: Double? { gets > 0 ? self[.hits] / gets : nil }
}

extension TopSample {
  /// What a handle did each second since another sample; nil if it was not there then, or shares its stripe.
  func rate(of handle: Handle, since before: TopSample) -> Double? {
    let stripe = Operations.stripe(of: handle.entry)
    guard handles.count(where: { Operations.stripe(of: $0.entry) == stripe }) == 1,
      let then = before.handles.first(where: { $0.entry == handle.entry && $0.generation == handle.generation }),
      handle.operations >= then.operations
    else { return nil }
    return Double(handle.operations - then.operations) / max(0.001, Double(time &- before.time) / 1e9)
  }
}

// MARK: - Taking one

extension TopSample {
  /// Of more shards than this the hands are not looked up: no screen shows so many.
  private static let mostHands = 256

  init(_ image: FileImage) throws(FormatError) {
    let facts = try StoreFacts(image, surveys: 0)
    let occupation = facts.handles?.occupation
    var shards: [Shard] = []
    for glance in facts.glances {
      let owner = occupation?.owners.first { $0.shard == glance.index }?.state
      let hand = glance.index < TopSample.mostHands ? try TopSample.hand(glance, image) : nil
      shards.append(Shard(entries: glance.count, capacity: glance.capacity, hand: hand, owner: owner))
    }
    self.init(
      time: System.bootTime(), capacity: image.geometry.capacity, bytesUsed: facts.bytesUsed,
      bytesAllocated: facts.status.allocated, counters: facts.counters, shards: shards,
      handles: (facts.handles?.occupation.handles ?? []).map { handle in
        Handle(
          entry: handle.entry, generation: handle.generation, pid: handle.pid, name: handle.name?.plain ?? "?",
          state: handle.state, age: handle.age, shards: occupation?.shards(of: handle).count ?? 0,
          leases: occupation?.computations(of: handle) ?? 0,
          operations: facts.handles?.operations(of: handle).count ?? 0)
      }, health: Health(facts))
  }

  /// By the stamps of the oldest entry, the newest and the one at the hand.
  private static func hand(_ glance: ShardGlance, _ image: FileImage) throws(FormatError) -> Double? {
    guard glance.count > 0, let oldest = glance.oldest, let newest = glance.newest else { return nil }
    guard let hand = glance.hand else { return 0 }
    func stamp(_ slot: Int) throws(FormatError) -> UInt64 {
      try image.metadata(shard: glance.index, slot: slot).integer(MetadataFields.stamp)
    }
    let (first, last, here) = (try stamp(oldest), try stamp(newest), try stamp(hand))
    guard first < last, (first...last).contains(here) else { return 0 }
    return Double(here - first) / Double(last - first)
  }
}
