// SPDX-License-Identifier: Apache-2.0
// Explores every execution of one scenario, breadth first, so that the first violation has the shortest trace.
//
// A state that was seen is known by a hash of 64 bits. Of each state only the parent and which of its branches it
// was are kept; a trace is made by walking the path again from the first state.

struct Outcome: Sendable {
  var states = 0
  var transitions = 0
  var depth = 0
  var violation: String?
  var trace: [String] = []
  var isComplete = true
  /// The steps that were taken.
  var steps: Set<Step> = []
}

final class Explorer {
  let scenario: Scenario
  let memory: Memory
  let change: Change?
  var shape: Shape { scenario.shape }
  private var plans: [Plan] = []
  private var planNumbers: [Plan: UInt32] = [:]
  private var violation: String?
  private var outcome = Outcome()
  // While the branches of a state are being made.
  private let scratch = State(base: .allocate(byteCount: State.size, alignment: 8))
  private let prepared = State(base: .allocate(byteCount: State.size, alignment: 8))
  private var sink: (State, String) -> Void = { _, _ in }
  private(set) var isTracing = false

  init(_ scenario: Scenario, _ model: MemoryModel, _ change: Change?) {
    self.scenario = scenario
    self.change = change
    memory = Memory(model)
    plans.append(Plan(nil))
  }

  deinit {
    scratch.base.deallocate()
    prepared.base.deallocate()
  }

  func has(_ structural: Structural) -> Bool { change == .structural(structural) }
  func fail(_ text: String) { if violation == nil { violation = text } }

  // MARK: Search

  func run(limit: Int) -> Outcome {
    let seen = HashSet()
    var parents: [UInt32] = [0]
    var choices: [UInt8] = [0]
    var frontier = Frontier()
    let first = State(base: .allocate(byteCount: State.size, alignment: 8))
    defer { first.base.deallocate() }
    initialize(first)
    _ = seen.insert(first.hash)
    frontier.append(first, 0)
    while frontier.count > 0, violation == nil {
      var next = Frontier()
      for index in 0..<frontier.count {
        let (state, number) = frontier[index]
        var choice = 0
        var failed: Int?
        sink = { branch, _ in
          self.outcome.transitions += 1
          if self.violation != nil, failed == nil { failed = choice }
          if seen.insert(branch.hash) {
            next.append(branch, UInt32(parents.count))
            parents.append(number)
            choices.append(UInt8(choice))
          }
          choice += 1
        }
        expand(state)
        if choice == 0 { judgeEnd(state) }
        if violation != nil {
          outcome.violation = violation
          outcome.trace = trace(first, parents, choices, number, failed)
          break
        }
        if parents.count > limit {
          outcome.isComplete = false
          break
        }
      }
      if !outcome.isComplete { break }
      frontier.deallocate()
      frontier = next
      outcome.depth += 1
    }
    frontier.deallocate()
    outcome.states = parents.count
    return outcome
  }

  private func trace(_ first: State, _ parents: [UInt32], _ choices: [UInt8], _ last: UInt32, _ failed: Int?)
    -> [String]
  {
    var path: [Int] = failed.map { [$0] } ?? []
    var at = Int(last)
    while at != 0 {
      path.append(Int(choices[at]))
      at = Int(parents[at])
    }
    isTracing = true
    var lines: [String] = []
    let state = State(base: .allocate(byteCount: State.size, alignment: 8))
    defer { state.base.deallocate() }
    state.base.copyMemory(from: first.base, byteCount: State.size)
    let copy = State(base: .allocate(byteCount: State.size, alignment: 8))
    defer { copy.base.deallocate() }
    for wanted in path.reversed() {
      var choice = 0
      sink = { branch, text in
        if choice == wanted {
          copy.base.copyMemory(from: branch.base, byteCount: State.size)
          lines.append(text)
        }
        choice += 1
      }
      expand(state)
      state.base.copyMemory(from: copy.base, byteCount: State.size)
    }
    return lines
  }

  private func initialize(_ state: State) {
    state.base.initializeMemory(as: UInt8.self, repeating: 0, count: State.size)
    for place in 0..<Place.count { memory.initialize(state, place, 0) }
    memory.initialize(state, Place.usedSlots, UInt8(shape.grows ? scenario.present : shape.slots))
    memory.initialize(state, Place.writeCounter, UInt8(scenario.present))
    if scenario.beginsOdd { memory.initialize(state, Place.sequence, 1) }
    for key in 0..<scenario.present {
      var bucket = shape.homes[key]
      while memory.newest(state, Place.bucket + bucket) != 0 { bucket = (bucket + 1) % Place.buckets }
      memory.initialize(state, Place.bucket + bucket, Word.make(shape.fingerprints[key], key))
      memory.initialize(state, Place.control + key, 1 << 2 | SlotState.live.rawValue)
      memory.initialize(state, Place.key(key), UInt8(key + 1))
      for word in [Place.half(key, 0), Place.half(key, 1), Place.metadata(key)] {
        memory.initialize(state, word, UInt8(key + 1))
      }
      state.ghost.values(key)[0] = UInt8(key + 1)
    }
    state.ghost.pointee.kills = UInt8(scenario.kills)
  }

  // MARK: Branches

  func branch(_ state: State, _ body: (State) -> String) {
    scratch.base.copyMemory(from: state.base, byteCount: State.size)
    let text = body(scratch)
    sink(scratch, text)
  }

  /// A change of private state that is no step of its own.
  func prepare(_ state: State, _ body: (State) -> Void, then: (State) -> Void) {
    prepared.base.copyMemory(from: state.base, byteCount: State.size)
    body(prepared)
    then(prepared)
  }

  /// One branch for each value that the load may yield. `body` returns what to add to the line of a trace.
  func load(
    _ state: State, _ task: Int, _ place: Int, _ step: Step, acquires: Bool = false, fence: Bool = false,
    fenceAfter: Bool = false, note: String = "", _ body: (State, UInt8) -> String
  ) {
    let isIntact = change?.relaxes(step) != true
    outcome.steps.insert(step)
    memory.load(
      state, task, place, acquires: acquires && isIntact, fenceBefore: fence && isIntact,
      fenceAfter: fenceAfter && isIntact
    ) { value, take in
      branch(state) { next in
        take(next)
        let end = body(next, value)
        return isTracing
          ? text(task, step, "\(note)load \(Place.name(place)) = \(Place.text(place, value))\(end)") : ""
      }
    }
  }

  func text(_ task: Int, _ step: Step, _ what: String) -> String {
    isTracing ? "\(scenario.name(task))  \(step.rawValue)  \(what)" : ""
  }

  func operation(_ state: State, _ task: Int) -> Operation? {
    let operations = scenario.tasks[task]
    let index = Int(state.tasks[task].operation)
    return index < operations.count ? operations[index] : nil
  }

  /// All steps that may come next.
  private func expand(_ state: State) {
    for task in 0..<scenario.tasks.count where state.tasks[task].isDead == 0 {
      guard let operation = operation(state, task) else { continue }
      if state.tasks[task].phase == Phase.storing.rawValue {
        storeNext(state, task)
        if state.ghost.pointee.kills > 0, !operation.isRecover || scenario.killsTaker { kill(state, task) }
        continue
      }
      switch operation {
      case .get(let key): read(state, task, key)
      case .set(let key): takeOwner(state, task) { self.setPlans(self.ownedShard($0), key) }
      case .remove(let key): takeOwner(state, task) { [self.removePlan(self.ownedShard($0), key)] }
      case .removeAll: takeOwner(state, task) { [self.removeAllPlan(self.ownedShard($0))] }
      case .recover:
        if memory.newest(state, Place.owner) != 0 || state.tasks[task].proven != 0 {
          takeOwner(state, task) { _ in [] }
        }
      case .compute(let key): compute(state, task, key, fails: false)
      case .computeNothing(let key): compute(state, task, key, fails: true)
      }
    }
    if Int(state.ghost.pointee.time) < scenario.ticks, memory.newest(state, Place.leaseOwner) != 0 {
      branch(state) { next in
        next.ghost.pointee.time += 1
        return "        time passes a deadline"
      }
    }
  }

  // MARK: The owner word

  /// W1.2 to W1.4, 23.1. `plans` is what the owner may do.
  func takeOwner(_ state: State, _ task: Int, _ plans: (State) -> [Plan]) {
    let owner = memory.newest(state, Place.owner)
    let proven = state.tasks[task].proven
    if proven != 0 {
      if owner == proven || has(.anyTakeover) {
        for plan in recoveryPlans(state) { own(state, task, plan, .takeOver) }
      } else {
        branch(state) { next in
          next.tasks[task].proven = 0
          return text(task, .takeOver, "the owner word is no longer that of the dead owner")
        }
      }
    } else if owner == 0 {
      let isOdd = memory.newest(state, Place.sequence) & 1 != 0
      for plan in isOdd ? recoveryPlans(state) : plans(state) { own(state, task, plan, .take) }
    } else if state.tasks[Int(owner) - 1].isDead != 0 {
      branch(state) { next in
        next.tasks[task].proven = owner
        // What the proof of death is worth: the dead owner's stores are all there.
        if memory.model == .views {
          next.tasks[task].current = memory.join(next.tasks[task].current, next.tasks[Int(owner) - 1].current)
        }
        return text(task, .takeOver, "\(scenario.name(Int(owner) - 1)) is proven dead")
      }
    }
  }

  private func own(_ state: State, _ task: Int, _ plan: Plan, _ step: Step) {
    branch(state) { next in
      let owner = Int(memory.newest(next, Place.owner))
      if owner != 0, next.tasks[owner - 1].isDead == 0 { fail("the owner word is taken from a living owner") }
      outcome.steps.insert(step)
      memory.exchange(next, task, Place.owner, UInt8(task + 1), acquires: change?.relaxes(step) != true)
      if let stale = memory.firstStale(next, task) { fail("the owner may load a stale \(Place.name(stale))") }
      if owner != 0 { next.tasks[owner - 1].current = 0 }
      begin(next, task, plan)
      return text(task, step, "owner := \(task + 1): \(plan.note)")
    }
  }

  private func begin(_ state: State, _ task: Int, _ plan: Plan) {
    state.tasks[task].proven = 0
    state.tasks[task].phase = Phase.storing.rawValue
    state.tasks[task].plan = number(plan)
    state.tasks[task].readable = readableKeys(state) & ~plan.mayVanish
    let evicted = Int(plan.evicted) - 1
    if plan.storesLease { judgeResult(state, task, Int(plan.written) - 1) }
    if plan.claimsLease, let key = operation(state, task)?.key { judgeClaim(state, task, key) }
    if plan.isRecovery {
      if evicted >= 0 {
        let unsettled = state.ghost.unsettled[evicted]
        let inFlight = state.ghost.values(evicted)[Int(state.ghost.newest[evicted])] != 0
        if unsettled > 0, inFlight, state.ghost.known[evicted] > state.ghost.newest[evicted] - unsettled {
          fail("the recovery evicts a value of k\(evicted) that was seen")
        }
        addVersion(state, evicted, 0)
        state.ghost.unsettled[evicted] += 1
      }
      return
    }
    func write(_ key: Int, _ value: UInt8) {
      addVersion(state, key, value)
      state.tasks[task].written |= 1 << UInt8(key)
    }
    if plan.clearsAll { for key in 0..<Place.keys { write(key, 0) } }
    if plan.written > 0 { write(Int(plan.written) - 1, plan.value) }
    if evicted >= 0 { write(evicted, 0) }
  }

  private func number(_ plan: Plan) -> UInt32 {
    if let number = planNumbers[plan] { return number }
    plans.append(plan)
    outcome.steps.formUnion(plan.steps)
    planNumbers[plan] = UInt32(plans.count - 1)
    return UInt32(plans.count - 1)
  }

  // MARK: Stores

  private func storeNext(_ state: State, _ task: Int) {
    let plan = plans[Int(state.tasks[task].plan)]
    let done = state.tasks[task].done
    guard memory.model == .pso else { return store(state, task, plan, done.nonzeroBitCount) }
    for index in plan.stores.indices where done >> UInt64(index) & 1 == 0 && plan.mayStore(index, done: done) {
      store(state, task, plan, index)
    }
  }

  private func store(_ state: State, _ task: Int, _ plan: Plan, _ index: Int) {
    let store = plan.stores[index]
    branch(state) { next in
      let place = Int(store.place)
      next.tasks[task].done |= 1 << UInt64(index)
      let isLast = next.tasks[task].done.nonzeroBitCount == plan.stores.count
      if store.event == .wake {
        for other in 0..<scenario.tasks.count where next.tasks[other].phase == Phase.asleep.rawValue {
          next.tasks[other].phase = Phase.waiting.rawValue
        }
      } else {
        if store.fenced { memory.releaseFence(next, task) }
        if store.step == .endLease { announce(next, task, store.value) }
        memory.store(next, task, place, store.value, releases: store.releases)
        if place == Place.owner, !isLast {
          fail("the owner word is given back before all stores have taken effect")
        }
      }
      if isLast { end(next, task, plan) }
      guard isTracing else { return "" }
      if store.event == .wake { return text(task, store.step, "wakes those who sleep on the claim") }
      let order = (store.fenced ? "release fence; " : "") + "store \(Place.name(place)) := "
      return text(task, store.step, order + Place.text(place, store.value) + (store.releases ? " (release)" : ""))
    }
  }

  /// Z2: what was written is to be found by whoever sees this.
  private func announce(_ state: State, _ task: Int, _ claim: UInt8) {
    let key = Int(memory.newest(state, Place.leaseHash)) - 1
    let isWritten = state.tasks[task].written >> UInt8(key) & 1 != 0
    let version = isWritten ? state.ghost.newest[key] : state.ghost.known[key]
    state.ghost.known[key] = max(state.ghost.known[key], version)
    guard memory.model == .views else { return }
    state.ghost.announced(claim).pointee = version
    state.ghost.pointee.ended = memory.join(state.ghost.pointee.ended, state.tasks[task].current)
  }

  /// The owner word was given back.
  private func end(_ state: State, _ task: Int, _ plan: Plan) {
    state.tasks[task].plan = 0
    state.tasks[task].done = 0
    state.tasks[task].readable = 0
    state.tasks[task].phase = plan.next.rawValue
    if plan.isRecovery { settleKilled(state, task) }
    settleWritten(state, task)
    judgeShard(state)
    if plan.isRecovery {
      state.tasks[task].phase = Phase.idle.rawValue
      return
    }
    if let key = operation(state, task)?.computedKey { endedClaim(state, task, plan, key) }
    if plan.endsOperation { finish(state, task) }
  }

  /// The next operation. What a task knows is forgotten once it has nothing more to do.
  func finish(_ state: State, _ task: Int) {
    state.tasks[task].operation += 1
    state.tasks[task].phase = Phase.idle.rawValue
    state.tasks[task].rounds = 0
    guard operation(state, task) == nil else { return }
    state.tasks[task].current = 0
    state.tasks[task].acquired = 0
    state.tasks[task].released = 0
    for key in 0..<Place.keys { state.known(task)[key] = 0 }
  }

  /// The process dies. Under `pso` what has not taken effect never will.
  func kill(_ state: State, _ task: Int) {
    branch(state) { next in
      let readable = next.tasks[task].readable
      let current = next.tasks[task].current
      for key in 0..<Place.keys where next.tasks[task].written >> UInt8(key) & 1 != 0 {
        next.ghost.unsettled[key] += 1
      }
      (next.base + task * MemoryLayout<Task>.stride).initializeMemory(
        as: UInt8.self, repeating: 0, count: MemoryLayout<Task>.stride)
      next.tasks[task].isDead = 1
      next.tasks[task].current = current
      next.ghost.pointee.kills -= 1
      next.ghost.pointee.hasKilled = 1
      judgeDeath(next, readable)
      return isTracing ? "\(scenario.name(task))  is killed" : ""
    }
  }
}

/// States whose branches are still to be made, with their numbers.
private struct Frontier {
  private var states = UnsafeMutableRawPointer.allocate(byteCount: State.size << 6, alignment: 8)
  private var numbers: [UInt32] = []
  private var capacity = 1 << 6
  var count: Int { numbers.count }

  mutating func append(_ state: State, _ number: UInt32) {
    if count == capacity {
      let larger = UnsafeMutableRawPointer.allocate(byteCount: State.size * capacity * 2, alignment: 8)
      larger.copyMemory(from: states, byteCount: State.size * capacity)
      states.deallocate()
      states = larger
      capacity *= 2
    }
    (states + State.size * count).copyMemory(from: state.base, byteCount: State.size)
    numbers.append(number)
  }

  subscript(index: Int) -> (State, UInt32) { (State(base: states + State.size * index), numbers[index]) }

  func deallocate() { states.deallocate() }
}
