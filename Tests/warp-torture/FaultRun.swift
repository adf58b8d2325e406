// SPDX-License-Identifier: Apache-2.0
// One operation in a child of its own, disturbed at one system call, and judged.
//
// - The child first does the same in another directory, so that what is done once in a process is done. Then it counts its
//   descriptors and its mappings, does the operation between the marks, closes what it has, and counts again.
// - The judge opens the store as anybody would: that must work at once, and show what was there.

import CTorture
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// What happens to the operation at one of its calls, counted from 0.
enum Disturbance {
  case none
  /// `lasting`: and so does every later call of that kind.
  case failure(at: Int, errno: Int32, lasting: Bool)
  /// The process is killed before the call, or after it.
  case deathBefore(Int)
  case deathAfter(Int)
  /// Nothing, but what the operation stores to the store's files is watched.
  case watch
  /// The process is killed after a store to the store's files: the nth, counted from 1, between this call and the next.
  case deathAfterStore(Int, after: Int)

  var isFullDisk: Bool {
    if case .failure(_, let number, _) = self { number == ENOSPC || number == EDQUOT } else { false }
  }

  var isDeath: Bool {
    switch self {
    case .deathBefore, .deathAfter, .deathAfterStore: true
    case .none, .watch, .failure: false
    }
  }
}

/// What one run showed.
struct FaultOutcome {
  /// The calls of the operation, in order.
  var sites: [CallSite] = []
  /// The call that was disturbed.
  var disturbed: CallSite?
  /// The one that comes after it.
  var next: CallSite?
  /// nil: done.
  var code: FormatError.Code?
  var errno: Int32 = 0
  var complaints: [String] = []
  /// If they were watched: calls after which something was stored to the files before the next one.
  var storesAfter: [Int] = []
  /// Stores after the call in question, and instructions.
  var stores = 0
  var steps = 0
}

/// Words that the child leaves behind.
private enum Told {
  static let isDone = 0
  /// 0: done; else one more than the index of the code.
  static let code = 1
  static let errno = 2
  static let hasPath = 3
  static let retry = 4
  static let wrong = 5
  static let descriptors = 6
  static let mapped = 7
  static let count = 8
}

struct FaultRun {
  let operation: FaultOperation
  let disturbance: Disturbance

  func run() throws -> FaultOutcome {
    try withTemporaryDirectory { directory in
      let words = try SharedWords(directory + "/words", count: Told.count)
      let here = directory + "/here"
      for name in ["/here", "/warm"] { try System.makeDirectory(directory + name) }
      var outcome = FaultOutcome()
      var traced = try TracedChild(here) { act(directory, words) }
      try drive(&traced, &outcome)
      if disturbance.isDeath {
        traced.kill()
      } else {
        listen(traced.end(), words, &outcome)
      }
      // The child may have told nothing; what it left is judged all the same.
      let isDone = !disturbance.isDeath && outcome.code == nil && words.load(Told.isDone) == 1
      do {
        let judge = FaultJudge(
          scene: FaultScene(operation, here), isDone: isDone, mayEvict: disturbance.isFullDisk)
        // What can't be removed stays until somebody can.
        if !disturbance.isDeath, outcome.disturbed?.name != "unlink" {
          try judge.lookForLeftovers(&outcome.complaints)
        }
        try judge.judge(&outcome.complaints)
      } catch {
        outcome.complaints.append("the next opener: \(error)")
      }
      return outcome
    }
  }

  // MARK: The parent's part

  private func drive(_ traced: inout TracedChild, _ outcome: inout FaultOutcome) throws {
    var stores: FaultStores? = nil
    switch disturbance {
    case .watch, .deathAfterStore: stores = try FaultStores(traced.path)
    default: break
    }
    while let site = try traced.nextCall() {
      let index = outcome.sites.count
      if stores?.look() == true { outcome.storesAfter.append(index - 1) }
      outcome.sites.append(site)
      guard index < TracedChild.mostCalls else {
        outcome.complaints.append("it did not end within \(index) calls")
        traced.kill()
        return
      }
      switch disturbance {
      case .failure(let at, let number, let lasting)
      where index == at || lasting && index > at && site.name == outcome.disturbed?.name:
        if index == at { outcome.disturbed = site }
        try traced.fail(site, number)
      case .deathBefore(let at) where index == at:
        outcome.disturbed = site
        return
      case .deathAfter(let at) where index == at:
        outcome.disturbed = site
        traced.finishCall()
        return
      case .deathAfterStore(let number, let at) where index == at:
        outcome.disturbed = site
        traced.finishCall()
        while outcome.stores < number, traced.step() {
          outcome.steps += 1
          if stores?.look() == true { outcome.stores += 1 }
        }
        return
      default: traced.finishCall()
      }
    }
    if stores?.look() == true { outcome.storesAfter.append(outcome.sites.count - 1) }
  }

  private func listen(_ stop: TraceStop, _ words: SharedWords, _ outcome: inout FaultOutcome) {
    guard stop.kind == TRACE_ENDED, stop.detail == 0, words.load(Told.isDone) == 1 else {
      let how = stop.kind == TRACE_KILLED ? "was killed by signal" : "ended with status"
      outcome.complaints.append("the process \(how) \(stop.detail)")
      return
    }
    let code = Int(words.load(Told.code))
    if code > 0 {
      outcome.code = FormatError.Code.allCases[code - 1]
      outcome.errno = Int32(truncatingIfNeeded: words.load(Told.errno))
      if words.load(Told.hasPath) == 0 { outcome.complaints.append("the error names no file") }
    }
    if words.load(Told.retry) > 0 {
      let code = FormatError.Code.allCases[Int(words.load(Told.retry)) - 1]
      outcome.complaints.append("the same again, without a fault, fails with \(code)")
    }
    if words.load(Told.wrong) > 0 { outcome.complaints.append("\(words.load(Told.wrong)) wrong answers") }
    let descriptors = Int64(bitPattern: words.load(Told.descriptors))
    if descriptors != 0 { outcome.complaints.append("\(descriptors) descriptors more than before") }
    let mapped = Int64(bitPattern: words.load(Told.mapped))
    // What the kernel does not unmap stays.
    if mapped != 0, outcome.disturbed?.name != "munmap" {
      outcome.complaints.append("\(mapped) bytes of mappings more than before")
    }
  }

  // MARK: The child's part

  private func act(_ directory: String, _ words: SharedWords) -> Int32 {
    do {
      var warm = FaultScene(operation, directory + "/warm")
      try warm.prepare()
      _ = try Figures.now()
      try warm.begin()
      try warm.perform()
      warm.close()
      var scene = FaultScene(operation, directory + "/here")
      try scene.prepare()
      let before = try Figures.now()
      try scene.begin()
      TracedChild.begin()
      let code = tell(words, Told.code) { try scene.perform() }
      TracedChild.end()
      words.store(Told.wrong, UInt64(scene.wrongAnswers(mayMiss: disturbance.isFullDisk)))
      if code > 0, case .failure(_, _, lasting: true) = disturbance, operation != .delete {
        _ = tell(words, Told.retry) { try scene.perform() }
      }
      scene.close()
      let after = try Figures.now()
      words.store(Told.descriptors, UInt64(bitPattern: Int64(after.descriptors - before.descriptors)))
      words.store(Told.mapped, UInt64(bitPattern: Int64(after.mapped - before.mapped)))
      words.store(Told.isDone, 1)
      return 0
    } catch {
      System.explain("\(operation): \(error)\n")
      return 1
    }
  }

  /// Stores how it ended to a word: 0, or one more than the index of the error's code.
  private func tell(_ words: SharedWords, _ word: Int, _ body: () throws -> Void) -> UInt64 {
    do {
      try body()
      return 0
    } catch {
      let known = error as? FormatError ?? FormatError(.corruptShard, "\(error)")
      let code = UInt64(FormatError.Code.allCases.firstIndex(of: known.code)! + 1)
      words.store(word, code)
      if word == Told.code {
        words.store(Told.errno, UInt64(known.errno ?? 0))
        words.store(Told.hasPath, known.path == nil ? 0 : 1)
      }
      return code
    }
  }
}
