// SPDX-License-Identifier: Apache-2.0
// A get without the owner word (SPEC.md 10.2, R2 to R4), one load a step. A try that fails ends the get with a
// busy-miss: a second try is the same as another get. It begins with its first load and ends with its last.

extension Explorer {
  /// The next access of a get of `key` by `task`.
  func read(_ state: State, _ task: Int, _ key: Int) {
    let now = state.tasks[task]
    switch Phase(rawValue: now.phase)! {
    case .idle: begin(state, task, key)
    case .bucket: bucketLoad(state, task, key)
    case .control:
      load(state, task, Place.control + Word.slot(now.word), .controlLoad, acquires: true) { next, value in
        next.tasks[task].firstControl = value
        switch SlotState(rawValue: value & 3)! {
        case .live: self.set(next, task, .key)
        case .committed where self.has(.acceptCommitted): self.set(next, task, .key)
        case .committed where !self.has(.refuseCommitted): self.set(next, task, .bucketAgain)
        default: return self.endGet(next, task, key, nil)
        }
        return ""
      }
    case .bucketAgain:
      load(state, task, Place.bucket + self.bucket(now, key), .bucketAgain, acquires: true) { next, value in
        if value != now.word { return self.endGet(next, task, key, nil) }
        self.set(next, task, .key)
        return ""
      }
    case .key:
      load(state, task, Place.key(Word.slot(now.word)), .keyLoad) { next, value in
        if Int(value) == key + 1 { self.set(next, task, .half0) } else { self.advance(next, task) }
        return ""
      }
    case .half0:
      load(state, task, Place.half(Word.slot(now.word), 0), .valueCopy) { next, value in
        next.tasks[task].value0 = value
        self.set(next, task, .half1)
        return ""
      }
    case .half1:
      load(state, task, Place.half(Word.slot(now.word), 1), .valueCopy) { next, value in
        next.tasks[task].value1 = value
        self.set(next, task, .controlAgain)
        return self.has(.noControlAgain) ? self.hit(next, task, key) : ""
      }
    case .controlAgain:
      load(state, task, Place.control + Word.slot(now.word), .controlAgain, fence: true) { next, value in
        let first = now.firstControl
        let becameLive = first & 3 == SlotState.committed.rawValue && value == first + 1
        return value == first || becameLive ? self.hit(next, task, key) : self.endGet(next, task, key, nil)
      }
    case .sequence:
      load(state, task, Place.sequence, .sequenceLoad, acquires: true) { next, value in
        if value & 1 == 1, !self.has(.oddIgnored) { return self.endGet(next, task, key, nil) }
        next.tasks[task].firstSequence = value
        next.tasks[task].second = 1
        next.tasks[task].step = 0
        self.set(next, task, .bucket)
        return ""
      }
    case .sequenceAgain:
      load(state, task, Place.sequence, .sequenceAgain, fence: true) { next, value in
        self.endGet(next, task, key, value == now.firstSequence ? 0 : nil)
      }
    default: preconditionFailure()
    }
  }

  /// The first load. Under `views` the caller may know of all that has ended, or only of what it did itself.
  private func begin(_ state: State, _ task: Int, _ key: Int) {
    for isTold in [false, true] {
      if isTold, !learnsMore(state, task, key) { continue }
      prepare(state) { start in
        if isTold { self.tell(start, task) }
        start.tasks[task].oldest = self.memory.model == .views ? start.known(task)[key] : start.ghost.known[key]
        self.set(start, task, .bucket)
      } then: { start in
        self.bucketLoad(start, task, key, "get k\(key)\(isTold ? ", told of all that ended" : ""): ")
      }
    }
  }

  private func bucket(_ task: Task, _ key: Int) -> Int { (shape.homes[key] + Int(task.step)) % Place.buckets }

  private func bucketLoad(_ state: State, _ task: Int, _ key: Int, _ note: String = "") {
    let now = state.tasks[task]
    if shape.grows, now.used == 0 {
      return load(state, task, Place.usedSlots, .usedLoad, note: note) { next, value in
        next.tasks[task].used = value
        return ""
      }
    }
    load(state, task, Place.bucket + bucket(now, key), .bucketLoad, acquires: true, note: note) { next, value in
      if value == 0 {
        self.endProbe(next, task)
      } else if Word.fingerprint(value) != self.shape.fingerprints[key]
        || self.shape.grows && Word.slot(value) >= Int(now.used)
      {
        self.advance(next, task)
      } else {
        next.tasks[task].word = value
        self.set(next, task, .control)
      }
      return self.has(.noSequence) && next.tasks[task].phase == Phase.sequence.rawValue
        ? self.endGet(next, task, key, 0) : ""
    }
  }

  private func set(_ state: State, _ task: Int, _ phase: Phase) { state.tasks[task].phase = phase.rawValue }

  /// Goes on with the next bucket of the window.
  private func advance(_ state: State, _ task: Int) {
    clear(state, task)
    state.tasks[task].step += 1
    if Int(state.tasks[task].step) == shape.window { endProbe(state, task) } else { set(state, task, .bucket) }
  }

  private func endProbe(_ state: State, _ task: Int) {
    set(state, task, state.tasks[task].second == 0 ? .sequence : .sequenceAgain)
    state.tasks[task].step = 0
    state.tasks[task].used = 0
  }

  private func clear(_ state: State, _ task: Int) {
    state.tasks[task].word = 0
    state.tasks[task].firstControl = 0
    state.tasks[task].value0 = 0
    state.tasks[task].value1 = 0
  }

  private func hit(_ state: State, _ task: Int, _ key: Int) -> String {
    let now = state.tasks[task]
    if now.value0 != now.value1 { fail("a get of k\(key) returns a torn value: \(now.value0) and \(now.value1)") }
    return endGet(state, task, key, now.value0)
  }

  /// Ends a get with a value, 0 for a miss, nil for a busy-miss.
  private func endGet(_ state: State, _ task: Int, _ key: Int, _ value: UInt8?) -> String {
    clear(state, task)
    state.tasks[task].second = 0
    state.tasks[task].firstSequence = 0
    state.tasks[task].step = 0
    state.tasks[task].used = 0
    if let value { judgeGet(state, task, key, value) }
    state.tasks[task].oldest = 0
    set(state, task, .idle)
    endedGet(state, task, key, value)
    return value.map { $0 == 0 ? "  => miss" : "  => hit \($0)" } ?? "  => busy"
  }
}
