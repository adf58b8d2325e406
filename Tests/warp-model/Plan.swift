// SPDX-License-Identifier: Apache-2.0
// What an owner is going to store. Under the owner word all that it loads is the newest, so the whole operation is
// decided when it begins, and only its stores are steps that others see in between.

struct PlannedStore: Hashable {
  enum Event: UInt8 {
    case none
    /// Not a store: those who sleep on the claim word wake.
    case wake
  }

  let step: Step
  let place: UInt8
  let value: UInt8
  let releases: Bool
  /// A release fence stands before it.
  let fenced: Bool
  let event: Event
}

struct Plan: Hashable {
  var stores: [PlannedStore] = []
  /// Fences that stand before the next store.
  private var fence = false
  /// What comes after it.
  var next: Phase = .idle
  var endsOperation = true
  var isRecovery = false
  /// Keys + 1 of which a new version is made.
  var written: UInt8 = 0
  var evicted: UInt8 = 0
  var value: UInt8 = 0
  /// Keys (bits) that may be absent if the owner dies.
  var mayVanish: UInt8 = 0
  var clearsAll = false
  var claimsLease = false
  var storesLease = false
  var note = ""
  let change: Change?
  /// What it contains, fences too.
  private(set) var steps: Set<Step> = []

  init(_ change: Change?) { self.change = change }

  func has(_ structural: Structural) -> Bool { change == .structural(structural) }

  mutating func store(_ step: Step, _ place: Int, _ value: UInt8) { add(step, place, value, false) }

  mutating func release(_ step: Step, _ place: Int, _ value: UInt8) {
    add(step, place, value, change?.relaxes(step) != true)
  }

  mutating func releaseFence(_ step: Step) {
    steps.insert(step)
    if change?.relaxes(step) != true { fence = true }
  }

  mutating func wake(_ step: Step) {
    stores.append(
      .init(step: step, place: UInt8(Place.claim), value: 0, releases: true, fenced: false, event: .wake))
  }

  private mutating func add(_ step: Step, _ place: Int, _ value: UInt8, _ releases: Bool) {
    precondition(stores.count < 64)
    steps.insert(step)
    stores.append(
      .init(step: step, place: UInt8(place), value: value, releases: releases, fenced: fence, event: .none))
    fence = false
  }

  /// Whether store `index` may take effect after those of `done`, under `pso`.
  func mayStore(_ index: Int, done: UInt64) -> Bool {
    let store = stores[index]
    let before = (1 as UInt64) << UInt64(index) - 1
    if store.releases { return done & before == before }
    var required: UInt64 = 0
    for earlier in 0...index {
      // All that stands before a fence that stands before this store.
      if stores[earlier].fenced { required |= 1 << UInt64(earlier) - 1 }
      if earlier < index, stores[earlier].place == store.place || stores[earlier].event == .wake {
        required |= 1 << UInt64(earlier)
      }
    }
    return done & required == required
  }
}
