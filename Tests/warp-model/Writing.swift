// SPDX-License-Identifier: Apache-2.0
// The plans of a set, a remove and a removal of all (SPEC.md 10.3, 10.5). Where SPEC.md leaves a choice to private
// data (the free list, the queue), each choice is a plan of its own.

/// The shard as its owner sees it.
struct OwnedShard {
  let shape: Shape
  var buckets: [UInt8]
  let controls: [UInt8]
  let keys: [Int]
  let used: Int
  let sequence: UInt8
  let counter: UInt8
  let leases: UInt8
  let cell: (hash: UInt8, owner: UInt8, deadline: UInt8, claim: UInt8)

  init(_ shape: Shape, _ load: (Int) -> UInt8) {
    self.shape = shape
    buckets = (0..<Place.buckets).map { load(Place.bucket + $0) }
    controls = (0..<shape.slots).map { load(Place.control + $0) }
    keys = (0..<shape.slots).map { Int(load(Place.key($0))) - 1 }
    used = Int(load(Place.usedSlots))
    sequence = load(Place.sequence)
    counter = load(Place.writeCounter)
    leases = load(Place.leases)
    cell = (load(Place.leaseHash), load(Place.leaseOwner), load(Place.leaseDeadline), load(Place.claim))
  }

  func state(_ slot: Int) -> SlotState { SlotState(rawValue: controls[slot] & 3)! }
  func control(_ slot: Int, _ state: SlotState) -> UInt8 { controls[slot] & ~3 | state.rawValue }
  var linked: [Int] { buckets.filter { $0 != 0 }.map(Word.slot) }

  /// Where a key is linked.
  func find(_ key: Int) -> (bucket: Int, slot: Int)? {
    for step in 0..<shape.window {
      let bucket = (shape.homes[key] + step) % Place.buckets
      if buckets[bucket] == 0 { return nil }
      let slot = Word.slot(buckets[bucket])
      if Word.fingerprint(buckets[bucket]) == shape.fingerprints[key], state(slot) == .live, keys[slot] == key {
        return (bucket, slot)
      }
    }
    return nil
  }

  func freeBucket(_ key: Int) -> Int? {
    (0..<shape.window).map { (shape.homes[key] + $0) % Place.buckets }.first { buckets[$0] == 0 }
  }

  /// U1 to U4.
  mutating func unlink(_ bucket: Int, _ plan: inout Plan, _ step: Step? = nil) {
    var hole = bucket
    var next = bucket
    func put(_ shard: inout OwnedShard, _ at: Int, _ word: UInt8, _ own: Step) {
      shard.buckets[at] = word
      plan.release(step ?? own, Place.bucket + at, word)
    }
    if plan.has(.clearBeforeCopy) { put(&self, hole, 0, .clear) }
    for _ in 1..<Place.buckets {
      next = (next + 1) % Place.buckets
      let word = buckets[next]
      if word == 0 { break }
      let home = shape.homes[keys[Word.slot(word)]]
      let distance = { (from: Int) in (next - from + Place.buckets) % Place.buckets }
      if distance(home) >= distance(hole) {
        put(&self, hole, word, .shift)
        if plan.has(.clearBeforeCopy) { put(&self, next, 0, .clear) }
        hole = next
      }
    }
    if !plan.has(.clearBeforeCopy) { put(&self, hole, 0, .clear) }
  }
}

extension Explorer {
  func ownedShard(_ state: State) -> OwnedShard { OwnedShard(shape) { memory.newest(state, $0) } }

  /// W1.6 to W3.10. `leased`: the result of a computation.
  func setPlans(_ shard: OwnedShard, _ key: Int, leased: Bool = false) -> [Plan] {
    let old = shard.find(key)
    var slots = (0..<shard.used).filter { shard.state($0) == .free }
    // F2: only when the free list is empty.
    if slots.isEmpty, shard.used < shape.slots { slots = [shard.used] }
    if has(.inPlace), let old { slots = [old.slot] }
    var victims: [Int?] = [nil]
    let isFull = old == nil && shard.freeBucket(key) == nil
    if isFull {
      victims = (0..<shape.window).map { (shape.homes[key] + $0) % Place.buckets }
    } else if old == nil, shard.linked.count >= shape.capacity {
      victims = (0..<Place.buckets).filter { shard.buckets[$0] != 0 }
    }
    if slots.isEmpty { fail("no slot is free") }
    return slots.flatMap { slot in
      victims.map { setPlan(shard, key, slot, old: old, victim: $0, displaces: isFull, leased: leased) }
    }
  }

  private func setPlan(
    _ owned: OwnedShard, _ key: Int, _ slot: Int, old: (bucket: Int, slot: Int)?, victim: Int?, displaces: Bool,
    leased: Bool
  ) -> Plan {
    var shard = owned
    var plan = Plan(change)
    let value = shard.counter + 1
    (plan.written, plan.value, plan.storesLease) = (UInt8(key + 1), value, leased)
    let word = Word.make(shape.fingerprints[key], slot)
    let leases = voided(shard, key, leased: leased)
    if !has(.voidAfterCommitted), !has(.voidAfterEven) { voidLeases(leases, &plan) }
    if has(.endBeforeWrite) { endLeases(leases, &plan) }
    // W2
    if slot >= shard.used {
      plan.release(.raiseUsed, Place.usedSlots, UInt8(slot + 1))
      // WKV-W04: no store of a control word before it.
      plan.releaseFence(.raiseUsedFence)
    }
    plan.store(.raiseCounter, Place.writeCounter, value)
    let raised =
      has(.sequenceNotRaised) || has(.inPlace) ? shard.controls[slot] & ~3 : (shard.controls[slot] & ~3) + 4
    plan.store(.writing, Place.control + slot, raised | SlotState.writing.rawValue)
    plan.releaseFence(.fillFence)
    plan.store(.contents, Place.key(slot), UInt8(key + 1))
    plan.store(.contents, Place.half(slot, 0), value)
    plan.store(.contents, Place.half(slot, 1), value)
    plan.store(.metadata, Place.metadata(slot), value)
    let filled: SlotState = has(.noCommitted) ? .live : .committed
    plan.release(.committed, Place.control + slot, raised | filled.rawValue)
    if has(.voidAfterCommitted) { voidLeases(leases, &plan) }
    // W3
    if !has(.neverOdd) { plan.store(.setOdd, Place.sequence, shard.sequence + 1) }
    plan.releaseFence(.setFence)
    var freed: Int?
    func free(_ plan: inout Plan) {
      if let freed { plan.release(.free, Place.control + freed, shard.control(freed, .free)) }
    }
    if let old {
      freed = old.slot == slot ? nil : old.slot
      if has(.freeBeforeSwing) { free(&plan) }
      plan.release(.swing, Place.bucket + old.bucket, word)
    } else {
      if let victim {
        freed = Word.slot(shard.buckets[victim])
        plan.evicted = UInt8(shard.keys[freed!] + 1)
        plan.mayVanish |= 1 << (plan.evicted - 1)
        if !displaces { shard.unlink(victim, &plan) }
      }
      let bucket = displaces ? victim! : shard.freeBucket(key) ?? shape.homes[key]
      plan.release(.link, Place.bucket + bucket, word)
    }
    if !has(.noCommitted) { plan.release(.live, Place.control + slot, raised | SlotState.live.rawValue) }
    if !has(.freeAfterEven), !(has(.freeBeforeSwing) && old != nil) { free(&plan) }
    if !has(.neverOdd) { plan.release(.setEven, Place.sequence, shard.sequence + 2) }
    if has(.freeAfterEven) { free(&plan) }
    if has(.voidAfterEven) { voidLeases(leases, &plan) }
    if !has(.endBeforeWrite) { endLeases(leases, &plan) }
    plan.release(.giveBack, Place.owner, 0)
    plan.note = "set k\(key) to \(value) in slot \(Character(UnicodeScalar(UInt8(65 + slot))))"
    if plan.evicted > 0 { plan.note += ", evicting k\(plan.evicted - 1)" }
    return plan
  }

  /// W4.
  func removePlan(_ owned: OwnedShard, _ key: Int) -> Plan {
    var shard = owned
    var plan = Plan(change)
    plan.note = "remove k\(key)"
    plan.written = UInt8(key + 1)
    plan.mayVanish = 1 << UInt8(key)
    let found = shard.find(key)
    let leases = found == nil && has(.absentNotVoided) ? [] : voided(shard, key, leased: false)
    voidLeases(leases, &plan)
    if let found {
      plan.store(.removeOdd, Place.sequence, shard.sequence + 1)
      plan.releaseFence(.removeFence)
      shard.unlink(found.bucket, &plan)
      let late = has(.removeFreeAfterEven)
      let free = shard.control(found.slot, .free)
      if !late { plan.release(.removeFree, Place.control + found.slot, free) }
      plan.release(.removeEven, Place.sequence, shard.sequence + 2)
      if late { plan.release(.removeFree, Place.control + found.slot, free) }
    }
    endLeases(leases, &plan)
    plan.release(.giveBack, Place.owner, 0)
    return plan
  }

  /// X1 to X6.
  func removeAllPlan(_ shard: OwnedShard) -> Plan {
    var plan = Plan(change)
    plan.note = "remove all"
    plan.clearsAll = true
    plan.mayVanish = 7
    let leases = voided(shard, nil, leased: false)
    voidLeases(leases, &plan)
    plan.store(.allOdd, Place.sequence, shard.sequence + 1)
    plan.releaseFence(.allFence)
    for slot in 0..<shard.used where shard.state(slot) == .live {
      plan.release(.allFree, Place.control + slot, shard.control(slot, .free))
    }
    for bucket in 0..<Place.buckets where shard.buckets[bucket] != 0 {
      plan.release(.allClear, Place.bucket + bucket, 0)
    }
    plan.release(.allEven, Place.sequence, shard.sequence + 2)
    endLeases(leases, &plan)
    plan.release(.giveBack, Place.owner, 0)
    return plan
  }
}
