// SPDX-License-Identifier: Apache-2.0
// The plan of a recovery (SPEC.md 23.2, T1 to T9). Each choice of a victim in T8 is a plan of its own.

extension Explorer {
  func recoveryPlans(_ state: State) -> [Plan] {
    let shard = ownedShard(state)
    var plan = Plan(change)
    plan.isRecovery = true
    plan.endsOperation = false
    plan.note = "recover"
    var sequence = shard.sequence
    // T1
    if sequence & 1 == 0, !has(.evenStays) {
      sequence += 1
      plan.store(.recoverOdd, Place.sequence, sequence)
    }
    plan.releaseFence(.recoverOdd)
    // T2
    let revision = { (slot: Int) in self.memory.newest(state, Place.metadata(slot)) }
    var winners = [Int?](repeating: nil, count: Place.keys)
    for slot in 0..<shard.used where mayStay(state, shard, slot) {
      let key = shard.keys[slot]
      guard let best = winners[key] else {
        winners[key] = slot
        continue
      }
      if (revision(slot) > revision(best)) != has(.keepOlder) { winners[key] = slot }
    }
    var kept = Set(winners.compactMap { $0 })
    // T3
    let first = firstBucket(shard)
    var table = [UInt8](repeating: 0, count: Place.buckets)
    var missing = kept
    func place(_ slot: Int) {
      let key = shard.keys[slot]
      let window = (0..<shape.window).map { (shape.homes[key] + $0) % Place.buckets }
      guard missing.contains(slot), let bucket = window.first(where: { table[$0] == 0 }) else { return }
      table[bucket] = Word.make(shape.fingerprints[key], slot)
      missing.remove(slot)
    }
    for step in 0..<Place.buckets {
      let word = shard.buckets[(first + step) % Place.buckets]
      guard word != 0, Word.slot(word) < shard.used, let winner = winner(shard, Word.slot(word), winners) else {
        continue
      }
      if Word.fingerprint(word) == shape.fingerprints[shard.keys[winner]] { place(winner) }
    }
    for slot in kept.sorted() { place(slot) }
    // What finds no empty bucket does not stay.
    kept.subtract(missing)
    // T4 to T6
    let staying = kept
    let tableStores = { (plan: inout Plan) in
      if self.has(.zeroFirst) {
        for bucket in 0..<Place.buckets { plan.release(.recoverTable, Place.bucket + bucket, 0) }
      }
      for step in 0..<Place.buckets {
        let bucket = (first + step) % Place.buckets
        let old = self.has(.zeroFirst) ? 0 : shard.buckets[bucket]
        if table[bucket] != old { plan.release(.recoverTable, Place.bucket + bucket, table[bucket]) }
      }
    }
    let reset = { (slot: Int, state: SlotState) in
      self.has(.resetSequences) ? state.rawValue : shard.control(slot, state)
    }
    let liveStores = { (plan: inout Plan) in
      for slot in staying.sorted() where shard.state(slot) == .committed {
        plan.release(.recoverLive, Place.control + slot, reset(slot, .live))
      }
    }
    let freeStores = { (plan: inout Plan) in
      for slot in 0..<shard.used where !staying.contains(slot) && shard.state(slot) != .free {
        if self.has(.keepBoth), shard.state(slot) == .live { continue }
        plan.release(.recoverFree, Place.control + slot, reset(slot, .free))
      }
    }
    if has(.liveFirst) { liveStores(&plan) }
    if has(.freeFirst) { freeStores(&plan) }
    tableStores(&plan)
    if !has(.liveFirst) { liveStores(&plan) }
    if !has(.freeFirst) { freeStores(&plan) }
    // T7
    let highest =
      (0..<shard.used).map { max(revision($0) * (kept.contains($0) ? 1 : 0), shard.controls[$0] >> 2) }.max() ?? 0
    if highest > shard.counter { plan.store(.raiseCounters, Place.writeCounter, highest) }
    return surplus(plan, state, shard, table, kept, sequence)
  }

  /// T8 and T9.
  private func surplus(
    _ plan: Plan, _ state: State, _ shard: OwnedShard, _ table: [UInt8], _ kept: Set<Int>, _ sequence: UInt8
  ) -> [Plan] {
    let newest = kept.max { memory.newest(state, Place.metadata($0)) < memory.newest(state, Place.metadata($1)) }
    var victims: [Int?] = [nil]
    if kept.count > shape.capacity, !has(.noSurplus) {
      victims = kept.filter { $0 != newest || has(.evictNewest) }.sorted()
    }
    return victims.map { victim in
      var plan = plan
      if let victim {
        var rebuilt = shard
        rebuilt.buckets = table
        plan.evicted = UInt8(shard.keys[victim] + 1)
        plan.mayVanish = 1 << (plan.evicted - 1)
        plan.note += ", evicting k\(plan.evicted - 1)"
        rebuilt.unlink(table.firstIndex { $0 != 0 && Word.slot($0) == victim }!, &plan, .surplus)
        plan.release(.surplus, Place.control + victim, shard.control(victim, .free))
      }
      if sequence & 1 == 1 { plan.release(.recoverEven, Place.sequence, sequence + 1) }
      plan.release(.giveBack, Place.owner, 0)
      return plan
    }
  }

  /// T2 for one slot: its state, and the checksum of one that is COMMITTED.
  private func mayStay(_ state: State, _ shard: OwnedShard, _ slot: Int) -> Bool {
    let isSound = isSound(state, slot)
    switch shard.state(slot) {
    case .free, .writing: return false
    case .committed:
      if has(.dropCommitted) { return false }
      if !isSound, has(.noChecksum) { fail("recovery keeps a slot that is not filled") }
      return isSound
    case .live:
      if !isSound { fail("recovery finds a LIVE slot that is not filled") }
      return isSound
    }
  }

  /// Whether key, value and metadata are of one fill.
  func isSound(_ state: State, _ slot: Int) -> Bool {
    let value = memory.newest(state, Place.metadata(slot))
    let key = memory.newest(state, Place.key(slot))
    return key != 0 && value != 0 && memory.newest(state, Place.half(slot, 0)) == value
      && memory.newest(state, Place.half(slot, 1)) == value
  }

  /// The slot that stays for the key of this one.
  private func winner(_ shard: OwnedShard, _ slot: Int, _ winners: [Int?]) -> Int? {
    guard shard.state(slot) == .live || shard.state(slot) == .committed, shard.keys[slot] >= 0 else { return nil }
    return winners[shard.keys[slot]]
  }

  /// An empty bucket that no chain runs across.
  private func firstBucket(_ shard: OwnedShard) -> Int {
    var isCrossed = [Bool](repeating: false, count: Place.buckets)
    for bucket in 0..<Place.buckets
    where shard.buckets[bucket] != 0 && Word.slot(shard.buckets[bucket]) < shard.used {
      let key = shard.keys[Word.slot(shard.buckets[bucket])]
      guard key >= 0 else { continue }
      var at = shape.homes[key]
      while at != bucket {
        isCrossed[at] = true
        at = (at + 1) % Place.buckets
      }
    }
    let empty = (0..<Place.buckets).filter { shard.buckets[$0] == 0 }
    return (has(.anyEmpty) ? nil : empty.first { !isCrossed[$0] }) ?? empty.first ?? 0
  }
}
