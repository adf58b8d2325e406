// SPDX-License-Identifier: Apache-2.0
// Leases (SPEC.md 23.8): claiming (Y), ending (Z), waiting (J). The shard has one cell here. `compute` is a handle
// that missed a key: it claims, computes, and stores the result; or it waits, looks for the key, and claims after
// all on a miss.
//
// - Nobody stores a value that was computed before a write of the key: when a result is stored, the key has the
//   version that it had when the lease was claimed.
// - Two handles compute one key only if the first one's deadline is over or its claim was voided by a write.
// - No wake-up is lost: a sleeper's time-out is a step only once somebody was killed or a deadline passed, and
//   nobody may sleep when nothing else can happen.
// - Who sees that a claim ended finds what it ended with.

extension Explorer {
  // MARK: Parts of plans

  /// The claim words that a write of the key (nil: of all keys) ends.
  func voided(_ shard: OwnedShard, _ key: Int?, leased: Bool) -> [UInt8] {
    guard shard.leases != 0, shard.cell.owner != 0 else { return [] }
    guard key == nil || Int(shard.cell.hash) == key! + 1, leased || !has(.notVoided) else { return [] }
    return [shard.cell.claim]
  }

  /// Z1.
  func voidLeases(_ claims: [UInt8], _ plan: inout Plan) {
    for _ in claims { plan.release(.voidLease, Place.leaseOwner, 0) }
  }

  /// Z2 and Z3, for `s` = 2.
  func endLeases(_ claims: [UInt8], _ plan: inout Plan) {
    for claim in claims {
      if has(.wakeBeforeEnd) { plan.wake(.wake) }
      plan.release(.endLease, Place.claim, claim & ~3 | 2)
      plan.release(.wake, Place.leases, 0)
      if !has(.wakeBeforeEnd), !has(.noWake) { plan.wake(.wake) }
    }
  }

  /// Y1 to Y5 by a handle that missed the key.
  func claimPlan(_ state: State, _ task: Int, _ key: Int) -> Plan {
    let shard = ownedShard(state)
    var plan = Plan(change)
    let time = state.ghost.pointee.time
    if shard.find(key) != nil {
      plan.note = "Y1: k\(key) is there"
    } else {
      var claim = shard.cell.claim
      let isDead = shard.cell.owner != 0 && state.tasks[Int(shard.cell.owner) - 1].isDead != 0
      let isHeld = shard.cell.owner != 0 && shard.cell.deadline > time && !isDead
      if isHeld, !has(.heldIgnored) {
        plan.note = "Y2: k\(Int(shard.cell.hash) - 1) is being computed"
        if Int(shard.cell.hash) == key + 1 { (plan.next, plan.endsOperation) = (.waiting, false) }
      } else {
        if shard.cell.owner != 0, !has(.heldIgnored) {
          voidLeases([claim], &plan)
          endLeases([claim], &plan)
        }
        claim = has(.claimNotRaised) ? max(claim, 4) & ~3 | 1 : claim & ~3 + 5
        if has(.ownerFirst) { plan.release(.leaseOwner, Place.leaseOwner, UInt8(task + 1)) }
        plan.store(.leaseCell, Place.leaseHash, UInt8(key + 1))
        plan.store(.leaseCell, Place.leaseDeadline, time + 1)
        plan.store(.leaseCell, Place.claim, claim)
        plan.store(.leaseCell, Place.leases, 1)
        if !has(.ownerFirst) { plan.release(.leaseOwner, Place.leaseOwner, UInt8(task + 1)) }
        plan.note = "claim k\(key)"
        (plan.next, plan.endsOperation, plan.claimsLease, plan.value) = (.computing, false, true, claim)
      }
    }
    plan.release(.giveBack, Place.owner, 0)
    return plan
  }

  /// The result is there (or, with `fails`, none): it is stored if the cell is as it was.
  func resultPlans(_ state: State, _ task: Int, _ key: Int, fails: Bool) -> [Plan] {
    let shard = ownedShard(state)
    let now = state.tasks[task]
    let isSame =
      shard.cell == (UInt8(key + 1), now.claimOwner, now.claimDeadline, now.claim)
    if isSame, fails {
      var plan = Plan(change)
      plan.note = "end the lease without a result"
      voidLeases([now.claim], &plan)
      endLeases([now.claim], &plan)
      plan.release(.giveBack, Place.owner, 0)
      return [plan]
    }
    if isSame || has(.noComparison) && !fails { return setPlans(shard, key, leased: true) }
    var plan = Plan(change)
    plan.note = "the claim is gone: nothing is stored"
    plan.release(.giveBack, Place.owner, 0)
    return [plan]
  }

  // MARK: Steps

  func compute(_ state: State, _ task: Int, _ key: Int, fails: Bool) {
    let now = state.tasks[task]
    switch Phase(rawValue: now.phase)! {
    case .idle where now.looks == 0:
      takeOwner(state, task) { [self.claimPlan($0, task, key)] }
    case .computing:
      takeOwner(state, task) { self.resultPlans($0, task, key, fails: fails) }
      if state.ghost.pointee.kills > 0 { kill(state, task) }
    case .waiting:
      load(state, task, Place.claim, .waitLoad, fenceAfter: true) { next, value in
        if value != now.claim {
          // A later claim than its own says nothing of how that one ended.
          if self.memory.model == .views, value == now.claim + 1 {
            next.known(task)[key] = max(next.known(task)[key], next.ghost.announced(value).pointee)
          }
          self.look(next, task)
        } else {
          next.tasks[task].phase = Phase.futex.rawValue
        }
        return ""
      }
      if state.ghost.pointee.time >= now.claimDeadline {
        branch(state) { next in
          self.look(next, task)
          return self.text(task, .waitTime, "the deadline is over")
        }
      }
    case .futex:
      branch(state) { next in
        let sleeps = self.memory.newest(next, Place.claim) == now.claim
        let cell = self.ownedShard(next).cell
        if sleeps, cell.owner != 0, cell.owner != now.claimOwner || cell.deadline != now.claimDeadline {
          self.fail("a waiter sleeps on another claim than the one it knows")
        }
        next.tasks[task].phase = sleeps ? Phase.asleep.rawValue : Phase.waiting.rawValue
        return self.text(task, .sleep, sleeps ? "sleeps" : "the claim has changed: does not sleep")
      }
    case .asleep:
      if state.ghost.pointee.hasKilled != 0 || state.ghost.pointee.time > 0, !has(.neverAskOwner) {
        branch(state) { next in
          next.tasks[task].phase = Phase.checking.rawValue
          return self.text(task, .sleep, "its sleep times out")
        }
      }
    case .checking:
      load(state, task, Place.leaseOwner, .waitOwner) { next, value in
        let isDead = value != 0 && next.tasks[Int(value) - 1].isDead != 0
        if value != now.claimOwner || isDead {
          self.look(next, task)
        } else {
          next.tasks[task].phase = Phase.waiting.rawValue
        }
        return ""
      }
    default: read(state, task, key)
    }
  }

  private func look(_ state: State, _ task: Int) {
    state.tasks[task].phase = Phase.idle.rawValue
    state.tasks[task].looks = 1
    forget(state, task)
  }

  private func forget(_ state: State, _ task: Int) {
    state.tasks[task].claim = 0
    state.tasks[task].claimOwner = 0
    state.tasks[task].claimDeadline = 0
    state.tasks[task].claimVersion = 0
  }

  /// A plan of `compute` has ended.
  func endedClaim(_ state: State, _ task: Int, _ plan: Plan, _ key: Int) {
    forget(state, task)
    guard plan.next != .idle else { return }
    let cell = ownedShard(state).cell
    state.tasks[task].claim = cell.claim
    state.tasks[task].claimOwner = cell.owner
    state.tasks[task].claimDeadline = cell.deadline
    if plan.claimsLease { state.tasks[task].claimVersion = state.ghost.newest[key] }
  }

  /// A get has ended: of `compute`, one that looked for the key again.
  func endedGet(_ state: State, _ task: Int, _ key: Int, _ value: UInt8?) {
    guard state.tasks[task].looks != 0 else { return finish(state, task) }
    state.tasks[task].looks = 0
    state.tasks[task].rounds += 1
    // Whoever waited as long as it likes computes without a lease.
    if (value ?? 0) > 0 || state.tasks[task].rounds == 2 { finish(state, task) }
  }

  // MARK: What must hold

  /// A lease is claimed while others compute the same key.
  func judgeClaim(_ state: State, _ task: Int, _ key: Int) {
    for other in 0..<scenario.tasks.count where other != task && state.tasks[other].isDead == 0 {
      let holder = state.tasks[other]
      guard holder.phase == Phase.computing.rawValue, let operation = operation(state, other), operation.key == key
      else { continue }
      let isVoided = memory.newest(state, Place.leaseOwner) != holder.claimOwner
      if holder.claimDeadline > state.ghost.pointee.time, !isVoided { fail("two handles compute k\(key)") }
    }
  }

  func judgeResult(_ state: State, _ task: Int, _ key: Int) {
    if state.ghost.newest[key] != state.tasks[task].claimVersion {
      fail("a value of k\(key) that was computed before a write is stored after it")
    }
  }

  /// Whenever the owner word is given back.
  func judgeLease(_ shard: OwnedShard) {
    guard shard.cell.owner != 0 else { return }
    if shard.leases == 0 { fail("a lease cell is claimed and its bit is 0") }
    if shard.cell.claim & 3 != 1 { fail("a lease cell is claimed and its claim word says that the claim is over") }
    if shard.cell.hash == 0 { fail("a lease cell is claimed for no key") }
  }
}
