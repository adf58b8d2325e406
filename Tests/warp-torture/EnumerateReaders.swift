// SPDX-License-Identifier: Apache-2.0
// Readers of `warp-torture enumerate`: of the live store while its writer stands still, and of the image of a crash before
// anybody has recovered it. Neither may lose a key, tear a value, or go back to what was before.

import WarpFormat
import WarpKV

/// What one key may be: before the operation, after it, and what somebody has seen of that.
struct KeyVerdict {
  let name: KeyName
  let key: [UInt8]
  let old: [UInt8]?
  let new: [UInt8]?
  /// A reader got the answer of after the operation: from then on no other is right.
  var isSeenNew = false
  /// A recovery may have chosen it to make room.
  var mayGo = false
  /// The last reader did not find the old value.
  var isHidden = false

  var isInFlight: Bool { old != new }

  /// Whether this answer is right now.
  func allows(_ value: [UInt8]?) -> Bool { value == new || !isSeenNew && value == old || mayGo && value == nil }
}

/// What was found wrong, counted by kind, with a line about the first ones.
struct Complaints {
  /// A key that must be there was not.
  private(set) var lost = 0
  /// A value that nobody stored, one that was replaced, or an operation that took effect in part.
  private(set) var wrong = 0
  /// A call that took too long, or failed.
  private(set) var hangs = 0
  /// Of these, recoveries that took too long.
  private(set) var slow = 0
  /// Rules of the format that a recovered store broke.
  private(set) var findings = 0
  private var lines = 0

  enum Kind { case lost, wrong, hang, slow, finding }

  /// Where the run is, for the lines.
  var place = ""

  var total: Int { lost + wrong + hangs + findings }

  mutating func add(_ kind: Kind, _ text: String) {
    switch kind {
    case .lost: lost += 1
    case .wrong: wrong += 1
    case .hang: hangs += 1
    case .slow:
      hangs += 1
      slow += 1
    case .finding: findings += 1
    }
    lines += 1
    if lines <= 20 { System.explain("\(place): \(text)\n") }
  }

  /// Whether a slow recovery, and nothing else, came since.
  func isOnlySlower(than before: Complaints) -> Bool {
    slow > before.slow && total - slow == before.total - before.slow
  }

  /// Judges what a get ended with.
  mutating func judge(_ value: [UInt8]?, of verdict: KeyVerdict, by whom: String) {
    guard !verdict.allows(value) else { return }
    let isLoss = value == nil && !verdict.isInFlight
    add(isLoss ? .lost : .wrong, "\(whom): \(verdict.name) is \(describe(value)), \(expected(verdict))")
  }

  private func expected(_ verdict: KeyVerdict) -> String {
    if !verdict.isInFlight { return "and is \(describe(verdict.old))" }
    return verdict.isSeenNew
      ? "and was seen as \(describe(verdict.new)) before"
      : "neither \(describe(verdict.old)) nor \(describe(verdict.new))"
  }

  private func describe(_ value: [UInt8]?) -> String {
    value.map { "\($0.count) bytes from \($0.first ?? 0)" } ?? "absent"
  }

  mutating func add(_ other: Complaints) {
    lost += other.lost
    wrong += other.wrong
    hangs += other.hangs
    slow += other.slow
    findings += other.findings
  }
}

/// Reads every key of a scenario through one handle.
struct Readers {
  /// Nanoseconds. The protocol's own wait is 5 ms; the rest is for a busy machine.
  static let patience: Int64 = 2_000_000_000
  /// What is slow is done again: only what is slow each time is too slow.
  static let tries = 3

  let store: SharedStore
  private var buffer: [UInt8]
  private(set) var gets = 0
  private(set) var busy = 0
  private(set) var longest: Int64 = 0

  init(_ store: SharedStore) {
    self.store = store
    buffer = [UInt8](repeating: 0, count: store.maxRawSize)
  }

  /// Gets each key and asks whether it is there.
  ///
  /// - Parameters:
  ///   - mayBeBusy: whether a key that is not found may be one that can't be told.
  ///   - marking: whether a hit is counted and marks the entry visited, as any get.
  mutating func read(
    _ verdicts: inout [KeyVerdict], mayBeBusy: Bool, marking: Bool = true, by whom: String,
    _ complaints: inout Complaints
  ) throws {
    for index in verdicts.indices {
      let verdict = verdicts[index]
      var result = GetResult.miss
      var took = Int64.max
      for _ in 0..<Readers.tries where took > Readers.patience {
        let began = System.bootTime()
        result = try get(verdict.key, marking: marking)
        took = System.bootTime() - began
        gets += 1
        if result == .busy { busy += 1 }
      }
      longest = max(longest, took)
      if took > Readers.patience { complaints.add(.hang, "\(whom): a get of \(verdict.name) took \(took) ns") }
      verdicts[index].isHidden = !result.isHit
      switch result {
      case .busy:
        let isRight = mayBeBusy && (verdict.old == nil || verdict.new == nil || verdict.mayGo)
        if !isRight { complaints.add(.lost, "\(whom): \(verdict.name) is busy") }
      case .tooSmall(let size): complaints.add(.wrong, "\(whom): \(verdict.name) has \(size) bytes")
      case .hit, .miss:
        var value: [UInt8]?
        if case .hit(let size) = result { value = [UInt8](buffer[..<size]) }
        complaints.judge(value, of: verdict, by: whom)
        if verdict.isInFlight, value == verdict.new { verdicts[index].isSeenNew = true }
        // It must agree with the get just made, for nothing has moved.
        if value != nil, try !store.contains(verdict.key) {
          complaints.add(.lost, "\(whom): contains does not find \(verdict.name)")
        }
      }
    }
  }

  /// Walks over all entries: each that is there appears once.
  ///
  /// - Parameter mayBeBusy: whether somebody holds a shard, so that its entries can't be listed.
  func walk(_ verdicts: [KeyVerdict], mayBeBusy: Bool, _ complaints: inout Complaints) throws {
    var found: [[UInt8]: [UInt8]] = [:]
    do {
      try store.forEachEntry { entry in
        if found.updateValue(entry.value, forKey: entry.key) != nil {
          complaints.add(.wrong, "a walk meanwhile: a key appears twice")
        }
      }
    } catch let error as WarpError where error.code == .busy {
      if !mayBeBusy { complaints.add(.lost, "a walk meanwhile: \(error)") }
      return
    }
    for verdict in verdicts { complaints.judge(found[verdict.key], of: verdict, by: "a walk meanwhile") }
  }

  private mutating func get(_ key: [UInt8], marking: Bool) throws -> GetResult {
    if marking { return try store.get(key, into: &buffer) }
    var facts: EntryFacts?
    return try buffer.withUnsafeMutableBytes { buffer in
      try key.withUnsafeBytes { try store.get($0, into: buffer, marking: false, facts: &facts) }
    }
  }
}
