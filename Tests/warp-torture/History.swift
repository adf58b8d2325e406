// SPDX-License-Identifier: Apache-2.0
// What really happened, kept outside the store, and the verdict on each answer that the store gives.
//
//   words   | barrier, … 8 | removals of all begun, ended, 0 … | worker tallies 16 x workers |
//   per key | intent, vanish, acked, removals of all, when the last acknowledged one had ended |
//
// - Each key has one owner; its operations have versions 1, 2, 3, …. The owner stores `intent` before an operation
//   begins, `vanish` too if the operation may leave the key absent, and `acked` (version << 2 | state) after it ended.
// - One process at most removes all entries, now and then, and counts the beginnings and the ends of that. Before `acked`
//   the owner of a key stores how many had ended when its operation began, and how many had begun when it ended: later
//   ones than the first may have removed the key, later ones than the second must have.
// - A reader loads `acked` before its get and `intent` and `vanish` after it. What it may see lies between them.

import WarpFormat

/// The state that an operation left a key in.
enum KeyState: UInt64 {
  case absent = 0
  case present = 1
  /// Present until its deadline.
  case fleeting = 2
}

struct Acked {
  let version: UInt64
  let state: KeyState
  /// Removals of all that had ended before this was asked.
  let removals: UInt64
  /// Those that had ended when the operation began, and those that had begun when it ended.
  let span: UInt64

  var removalsBefore: UInt64 { span >> 32 }
  var removalsWithin: UInt64 { span & 0xFFFF_FFFF }
}

/// What a worker counts; also the layout of its tally. `lost` means that WKV-R05 is broken, `torn` WKV-R04 or WKV-W03,
/// `wrong` among other things WKV-W10: a value that had been removed or replaced before the get began.
enum Tally: Int, CaseIterable {
  case operations, hits, misses, busyMisses, busyWrites, torn, lost, wrong, stale, iterations, evictions, failures
}

struct History: Sendable {
  static let barrier = 0
  private static let removalsBegun = 8
  private static let removalsEnded = 9
  private static let firstTally = 16
  private static let tallySize = 16

  let words: SharedWords
  let workers: Int
  let keys: Int

  init(_ path: String, workers: Int, keys: Int, creates: Bool) throws {
    let count = History.firstTally + workers * History.tallySize + keys * 5
    words = try SharedWords(path, count: creates ? count : nil)
    self.workers = workers
    self.keys = keys
  }

  private func at(_ key: Int) -> Int { History.firstTally + workers * History.tallySize + key * 5 }

  // MARK: Tallies

  func record(_ tally: [Int], worker: Int) {
    for (index, number) in tally.enumerated() {
      words.store(History.firstTally + worker * History.tallySize + index, UInt64(number))
    }
  }

  func sum(_ tally: Tally) -> Int {
    (0..<workers).reduce(0) {
      $0 + Int(words.load(History.firstTally + $1 * History.tallySize + tally.rawValue))
    }
  }

  // MARK: Owners

  /// Returns how many removals of all had ended.
  func begin(_ key: Int, version: UInt64, mayVanish: Bool) -> UInt64 {
    if mayVanish { words.store(at(key) + 1, version) }
    words.store(at(key), version)
    return words.load(History.removalsEnded)
  }

  func end(_ key: Int, version: UInt64, _ state: KeyState, since removals: UInt64) {
    words.store(at(key) + 3, removals << 32 | words.load(History.removalsBegun))
    words.store(at(key) + 4, UInt64(System.bootTime()))
    words.store(at(key) + 2, version << 2 | state.rawValue)
  }

  /// Records a removal of all, which one process at a time does. If it fails, some entries may be gone.
  func removingAll(_ body: () throws -> Void) rethrows {
    let number = words.add(History.removalsBegun, 1)
    try body()
    words.store(History.removalsEnded, number)
  }

  // MARK: Readers

  func acked(_ key: Int) -> Acked {
    // In this order: what follows is at least as new as what comes before.
    let removals = words.load(History.removalsEnded)
    let span = words.load(at(key) + 3)
    let word = words.load(at(key) + 2)
    return Acked(
      version: word >> 2, state: KeyState(rawValue: word & 3) ?? .absent, removals: removals, span: span)
  }
  /// When the last operation that was acknowledged had ended, or one after it.
  func ended(_ key: Int) -> Int64 { Int64(words.load(at(key) + 4)) }
  func intent(_ key: Int) -> UInt64 { words.load(at(key)) }
  func vanish(_ key: Int) -> UInt64 { words.load(at(key) + 1) }

  /// Whether a removal of all may have met the entry that was there at `before`.
  func mayBeRemoved(since before: Acked) -> Bool { words.load(History.removalsBegun) > before.removalsBefore }

  /// Whether a reader that began at `before` may see this version.
  func allows(_ version: UInt64, _ key: Int, since before: Acked) -> Bool {
    let oldest = before.state == .absent ? before.version + 1 : before.version
    guard version >= oldest && version <= intent(key) else { return false }
    guard version == before.version, before.removals > before.removalsWithin else { return true }
    // All were removed after it was set and before the reader began, unless the record is that of another version.
    let now = acked(key)
    return now.version != version || now.span != before.span
  }

  /// Whether a reader that began at `before` may find nothing.
  func allowsAbsence(_ key: Int, since before: Acked) -> Bool {
    before.state != .present || vanish(key) > before.version || mayBeRemoved(since: before)
  }
}
