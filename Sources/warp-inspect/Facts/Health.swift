// SPDX-License-Identifier: Apache-2.0
// One word and one sentence about how a store is, from what a glance shows. Whether it is sound in every byte is for
// verify to say; this never says that it is broken because of something that a writer may be in the middle of.

import WarpFormat

struct Health: Equatable {
  /// From the best to the worst.
  enum Word: Int, Comparable {
    case sound
    /// Something waits or will be repaired by whoever uses the store next.
    case attention
    /// Words contradict each other while nobody is at work.
    case damaged
    /// The file is no longer the store of its name.
    case ended

    static func < (a: Word, b: Word) -> Bool { a.rawValue < b.rawValue }
  }

  private(set) var word = Word.sound
  private(set) var reasons: [String] = []

  var text: String {
    let more = #"nothing odd at a glance; "verify" checks every rule"#
    return "\(word): " + (reasons.isEmpty ? more : reasons.joined(separator: "; "))
  }

  var tone: Tone {
    switch word {
    case .sound: .good
    case .attention: .warning
    case .damaged, .ended: .bad
    }
  }

  private mutating func add(_ word: Word, _ reason: String) {
    self.word = max(self.word, word)
    reasons.append(reason)
  }

  /// Sound.
  init() {}

  init(_ facts: StoreFacts) {
    switch facts.state.integer(StateFields.superseded) {
    case Format.supersededCurrent: break
    case Format.supersededDeleted: add(.ended, "the store was deleted")
    case Format.supersededLockLost: add(.attention, "the lock file was lost, a user makes the store anew")
    default: add(.ended, "the store was replaced by another")
    }
    let contradictions = facts.glances.compactMap { glance in
      glance.contradiction.map { "shard \(glance.index): \($0)" }
    }
    if let first = contradictions.first {
      let more = contradictions.count > 1 ? " (and \(contradictions.count - 1) more)" : ""
      add(.damaged, first + more + #"; see "verify""#)
    }
    if facts.clock == nil { add(.damaged, "there is no valid clock record") }
    if let problem = facts.image.lockProblem {
      add(.attention, "the lock file is not sound (\(problem.rule)), the next user makes it anew")
    }
    if facts.image.lock == nil, facts.image.lockProblem == nil, facts.image.isInUse {
      add(.attention, "the lock file is gone while somebody uses the store: numbers may be off")
    }
    look(at: facts.handles?.occupation.owners ?? [])
    let torn = facts.glances.count { $0.line.map { $0.owner.word == 0 && $0.sequence & 1 == 1 } ?? false }
    if torn > 0 { add(.attention, "\(Health.shards(torn)) to be recovered by the next writer") }
    if facts.clock != nil, !facts.isThisBoot {
      add(.attention, "of another boot; the next user decides if it goes on")
    } else if let lock = facts.image.lock, lock.header.bootID != System.bootID() {
      add(.attention, "the lock file is of another boot, the next user makes it anew")
    }
    if facts.unstable > torn + (facts.handles?.occupation.owners.count ?? 0), facts.unstable == facts.glances.count
    {
      add(.attention, "no shard kept still: look again")
    }
  }

  private mutating func look(at owners: [OwnerImage]) {
    let dead = owners.count { $0.state == .dead }
    let stopped = owners.count { $0.state == .stopped }
    if dead > 0 { add(.attention, "\(Health.shards(dead)) owned by the dead, recovered by the next writer") }
    if stopped > 0 { add(.attention, "\(Health.shards(stopped)) owned by a stopped process, sets there wait") }
  }

  private static func shards(_ count: Int) -> String { count == 1 ? "1 shard" : "\(count) shards" }
}
