// SPDX-License-Identifier: Apache-2.0
// What really happened, kept outside the store, and the verdict on each answer that the store gives.
//
//   words   | barrier, … 8 | worker tallies 16 x workers | per key: intent, vanish, acked, 0 |
//
// - Each key has one owner; its operations have versions 1, 2, 3, …. The owner stores `intent` before an operation
//   begins, `vanish` too if the operation may leave the key absent, and `acked` (version << 2 | state) after it ended.
// - A reader loads `acked` before its get and `intent` and `vanish` after it. What it may see lies between them.

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
}

/// What a worker counts; also the layout of its tally. `lost` means that WKV-R05 is broken, `torn` WKV-R04 or WKV-W03,
/// `wrong` among other things WKV-W10: a value that had been removed or replaced before the get began.
enum Tally: Int, CaseIterable {
  case operations, hits, misses, busyMisses, busyWrites, torn, lost, wrong, stale, iterations, evictions, failures
}

struct History: Sendable {
  static let barrier = 0
  private static let firstTally = 8
  private static let tallySize = 16

  let words: SharedWords
  let workers: Int
  let keys: Int

  init(_ path: String, workers: Int, keys: Int, creates: Bool) throws {
    let count = History.firstTally + workers * History.tallySize + keys * 4
    words = try SharedWords(path, count: creates ? count : nil)
    self.workers = workers
    self.keys = keys
  }

  private func at(_ key: Int) -> Int { History.firstTally + workers * History.tallySize + key * 4 }

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

  func begin(_ key: Int, version: UInt64, mayVanish: Bool) {
    if mayVanish { words.store(at(key) + 1, version) }
    words.store(at(key), version)
  }

  func end(_ key: Int, version: UInt64, _ state: KeyState) {
    words.store(at(key) + 2, version << 2 | state.rawValue)
  }

  // MARK: Readers

  func acked(_ key: Int) -> Acked {
    let word = words.load(at(key) + 2)
    return Acked(version: word >> 2, state: KeyState(rawValue: word & 3) ?? .absent)
  }
  func intent(_ key: Int) -> UInt64 { words.load(at(key)) }
  func vanish(_ key: Int) -> UInt64 { words.load(at(key) + 1) }

  /// Whether a reader that began at `before` may see this version.
  func allows(_ version: UInt64, _ key: Int, since before: Acked) -> Bool {
    let oldest = before.state == .absent ? before.version + 1 : before.version
    return version >= oldest && version <= intent(key)
  }

  /// Whether a reader that began at `before` may find nothing.
  func allowsAbsence(_ key: Int, since before: Acked) -> Bool {
    before.state != .present || vanish(key) > before.version
  }
}
