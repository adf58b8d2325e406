// SPDX-License-Identifier: Apache-2.0
// What must hold.
//
// - Writers exclude each other, so the versions of a key are in the order of their owners: a list. An operation
//   that makes a version adds it when it begins; at its end no later get may return an older one. So a get is
//   linearizable exactly if what it returned is a version that is at least the oldest that it may return and at
//   most the newest there is. What it returned (the oldest that fits) is the oldest that a later get may return.
// - "Later" is real time under `sc` and `pso`, and what the caller knows of under `views`.
// - A killed operation takes effect once or never: the recovery settles which, and what was seen stays.
// - Whenever the owner word is given back the shard is sound, and each key has the value that it must have.
// - Whenever a writer dies, a lone reader still hits each key that was there and that the writer was not taking
//   out.

extension Explorer {
  // MARK: Versions

  func addVersion(_ state: State, _ key: Int, _ value: UInt8) {
    state.ghost.newest[key] += 1
    precondition(Int(state.ghost.newest[key]) < Ghost.versions, "a scenario has too many versions of a key")
    state.ghost.values(key)[Int(state.ghost.newest[key])] = value
  }

  func judgeGet(_ state: State, _ task: Int, _ key: Int, _ value: UInt8) {
    let values = state.ghost.values(key)
    let newest = Int(state.ghost.newest[key])
    let oldest = Int(state.tasks[task].oldest)
    guard oldest <= newest, let seen = (oldest...newest).first(where: { values[$0] == value }) else {
      let text = { (value: UInt8) in value == 0 ? "a miss" : "\(value)" }
      let allowed =
        oldest <= newest ? (oldest...newest).map { text(values[$0]) }.joined(separator: ", ") : "nothing"
      return fail("a get of k\(key) returns \(text(value)); it may return \(allowed)")
    }
    state.ghost.known[key] = max(state.ghost.known[key], UInt8(seen))
    guard memory.model == .views else { return }
    state.known(task)[key] = max(state.known(task)[key], UInt8(seen))
    state.ghost.pointee.ended = memory.join(state.ghost.pointee.ended, state.tasks[task].current)
  }

  /// Whether being told of what ended makes a difference.
  func learnsMore(_ state: State, _ task: Int, _ key: Int) -> Bool {
    guard memory.model == .views else { return false }
    return memory.join(state.tasks[task].current, state.ghost.pointee.ended) != state.tasks[task].current
      || (0..<Place.keys).contains { state.ghost.known[$0] > state.known(task)[$0] }
  }

  func tell(_ state: State, _ task: Int) {
    for key in 0..<Place.keys { state.known(task)[key] = max(state.known(task)[key], state.ghost.known[key]) }
    let current = memory.join(state.tasks[task].current, state.ghost.pointee.ended)
    state.tasks[task].current = current
    state.tasks[task].acquired = memory.join(state.tasks[task].acquired, current)
  }

  /// The end of an operation that made versions.
  func settleWritten(_ state: State, _ task: Int) {
    for key in 0..<Place.keys where state.tasks[task].written >> UInt8(key) & 1 != 0 {
      state.ghost.known[key] = state.ghost.newest[key]
      if memory.model == .views { state.known(task)[key] = state.ghost.newest[key] }
    }
    state.tasks[task].written = 0
    if memory.model == .views {
      state.ghost.pointee.ended = memory.join(state.ghost.pointee.ended, state.tasks[task].current)
    }
  }

  /// The end of a recovery: what the killed operations did is what is there now.
  func settleKilled(_ state: State, _ task: Int) {
    for key in 0..<Place.keys where state.ghost.unsettled[key] > 0 {
      let values = state.ghost.values(key)
      let newest = Int(state.ghost.newest[key])
      let base = newest - Int(state.ghost.unsettled[key])
      let value = loneGet(state, key)
      let fitting = (base...newest).filter { values[$0] == value }
      if fitting.isEmpty {
        return fail("after the recovery k\(key) has the value \(value.map { "\($0)" } ?? "busy")")
      }
      guard let version = fitting.first(where: { $0 >= Int(state.ghost.known[key]) }) else {
        return fail("a value of k\(key) that was seen is lost in the recovery")
      }
      for gone in version..<newest { values[gone + 1] = 0 }
      state.ghost.newest[key] = UInt8(version)
      state.ghost.unsettled[key] = 0
      state.ghost.known[key] = max(state.ghost.known[key], UInt8(version))
    }
  }

  // MARK: The shard

  /// What a get finds that nobody disturbs: a value, 0 for a miss, nil for a busy-miss.
  func loneGet(_ state: State, _ key: Int) -> UInt8? {
    for step in 0..<shape.window {
      let word = memory.newest(state, Place.bucket + (shape.homes[key] + step) % Place.buckets)
      if word == 0 { break }
      guard Word.fingerprint(word) == shape.fingerprints[key] else { continue }
      let slot = Word.slot(word)
      if shape.grows, slot >= Int(memory.newest(state, Place.usedSlots)) { continue }
      let slotState = SlotState(rawValue: memory.newest(state, Place.control + slot) & 3)!
      guard slotState == .live || slotState == .committed && !has(.refuseCommitted) else { return nil }
      if Int(memory.newest(state, Place.key(slot))) == key + 1 { return memory.newest(state, Place.half(slot, 0)) }
    }
    return memory.newest(state, Place.sequence) & 1 == 0 ? 0 : nil
  }

  /// Keys (bits) that a lone reader hits.
  func readableKeys(_ state: State) -> UInt8 {
    (0..<Place.keys).reduce(0) { (loneGet(state, $1) ?? 0) > 0 ? $0 | 1 << UInt8($1) : $0 }
  }

  /// Whenever the owner word is given back.
  func judgeShard(_ state: State) {
    let shard = ownedShard(state)
    if shard.sequence & 1 != 0 { return fail("the sequence is odd though nobody owns the shard") }
    var seen = Set<Int>()
    for bucket in 0..<Place.buckets where shard.buckets[bucket] != 0 {
      let slot = Word.slot(shard.buckets[bucket])
      let key = shard.keys[slot]
      if slot >= shard.used { return fail("a linked slot is above usedSlots") }
      if shard.state(slot) != .live { return fail("a linked slot is not LIVE") }
      if !isSound(state, slot) { return fail("a linked slot is not filled") }
      if !seen.insert(key).inserted { return fail("k\(key) is linked twice") }
      var at = shape.homes[key]
      while at != bucket {
        if shard.buckets[at] == 0 { return fail("k\(key) is linked behind an empty bucket") }
        at = (at + 1) % Place.buckets
      }
    }
    let linked = shard.linked
    if linked.count > shape.capacity { return fail("there are more entries than the capacity") }
    for slot in 0..<shard.used where !linked.contains(slot) && shard.state(slot) != .free {
      return fail("a slot is neither linked nor FREE")
    }
    for slot in shard.used..<shape.slots where shard.controls[slot] != 0 {
      return fail("a slot above usedSlots was used")
    }
    for slot in 0..<shard.used where shard.controls[slot] >> 2 > shard.counter {
      return fail("a slot's sequence is above writeCounter")
    }
    for key in 0..<Place.keys {
      let value = loneGet(state, key)
      if value != state.ghost.values(key)[Int(state.ghost.newest[key])] {
        return fail(
          "k\(key) has the value \(value.map { "\($0)" } ?? "busy") instead of "
            + "\(state.ghost.values(key)[Int(state.ghost.newest[key])])")
      }
    }
    judgeLease(shard)
  }

  /// Whenever a writer dies.
  func judgeDeath(_ state: State, _ readable: UInt8) {
    let lost = readable & ~readableKeys(state)
    if lost != 0 { fail("a dead writer hides k\(lost.trailingZeroBitCount)") }
  }

  /// When nothing more can happen.
  func judgeEnd(_ state: State) {
    for task in 0..<scenario.tasks.count where state.tasks[task].isDead == 0 {
      guard let operation = operation(state, task) else { continue }
      if case .recover = operation, memory.newest(state, Place.owner) == 0 { continue }
      return fail("\(scenario.name(task)) can't go on: \(Phase(rawValue: state.tasks[task].phase)!)")
    }
  }
}
