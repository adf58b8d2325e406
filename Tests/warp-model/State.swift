// SPDX-License-Identifier: Apache-2.0
// One state of the model: flat memory of a fixed size, so that states are copied, hashed and compared as bytes.
//
//   | Task 0 … Task 3 | Ghost | words: one UInt32 for each place |
//
// - A place is one shared word of the shard, the lock file or a slot. Under the memory models `sc` and `pso` a word
//   is its value; under `views` it is the number of the newest store to it (Memory.swift).
// - A Task is what a process or thread knows in private. A Ghost is what only the judge knows (Judge.swift).
// - No struct here has padding: bytes that nobody sets would make equal states differ.

/// The shared words. Bytes that are written together and never read apart are one word.
enum Place {
  static let sequence = 0
  static let owner = 1
  static let usedSlots = 2
  static let writeCounter = 3
  // One lease cell, and the word with its bit.
  static let leases = 4
  static let leaseHash = 5
  static let leaseOwner = 6
  static let leaseDeadline = 7
  static let claim = 8
  static let bucket = 9
  static let control = 13
  static let contents = 17
  static let count = 33

  static let buckets = 4
  static let slots = 4
  static let keys = 3
  static let tasks = 4

  /// Of a slot: the key, two halves of the value, and the metadata (revision and checksum).
  static func key(_ slot: Int) -> Int { contents + 4 * slot }
  static func half(_ slot: Int, _ half: Int) -> Int { contents + 4 * slot + 1 + half }
  static func metadata(_ slot: Int) -> Int { contents + 4 * slot + 3 }

  static func name(_ place: Int) -> String {
    let slot = { (index: Int) in String(Character(UnicodeScalar(UInt8(65 + index)))) }
    switch place {
    case ..<bucket:
      return [
        "sequence", "owner", "usedSlots", "writeCounter", "leases", "cell.hash", "cell.owner", "cell.deadline",
        "claim",
      ][
        place]
    case ..<control: return "bucket\(place - bucket)"
    case ..<contents: return "control \(slot(place - control))"
    default:
      let parts = ["key", "value.0", "value.1", "metadata"]
      return "\(parts[(place - contents) % 4]) \(slot((place - contents) / 4))"
    }
  }

  static func text(_ place: Int, _ value: UInt8) -> String {
    switch place {
    case bucket..<control:
      return value == 0
        ? "0" : "f\(Word.fingerprint(value))->\(Character(UnicodeScalar(65 + UInt8(Word.slot(value)))))"
    case control..<contents: return "\(SlotState(rawValue: value & 3)!)#\(value >> 2)"
    case claim: return "\(value >> 2)\(["", " held", " over", " unstorable"][Int(value & 3)])"
    default: return "\(value)"
    }
  }
}

/// The low bits of a control word (8.1); the slot's sequence is above them.
enum SlotState: UInt8 {
  case free, writing, committed, live
}

/// A bucket word: fingerprint and slot (5.4).
enum Word {
  static func make(_ fingerprint: Int, _ slot: Int) -> UInt8 { UInt8((fingerprint + 1) << 3 | (slot + 1)) }
  static func fingerprint(_ word: UInt8) -> Int { Int(word >> 3) - 1 }
  static func slot(_ word: UInt8) -> Int { Int(word & 7) - 1 }
}

/// Where a task is in what it does.
enum Phase: UInt8 {
  /// Between two operations, or waiting for the owner word.
  case idle
  /// Under the owner word, its plan is being stored.
  case storing
  /// R2 to R4: which access of a get is next.
  case bucket, control, bucketAgain, key, half0, half1, controlAgain, sequence, sequenceAgain
  /// Leases: it computes a value; it waits for another's (J1, J4); it sleeps; it looks at the owner (J3).
  case computing, waiting, futex, asleep, checking
}

struct Task {
  /// Bit i: store i of the plan has taken effect.
  var done: UInt64 = 0
  var plan: UInt32 = 0
  /// Under `views`: what this task has seen, what an acquire fence would add, what a release fence covered.
  var current: UInt32 = 0
  var acquired: UInt32 = 0
  var released: UInt32 = 0
  var phase: UInt8 = 0
  var operation: UInt8 = 0
  var isDead: UInt8 = 0
  /// The owner word that was proven dead, and is to be taken.
  var proven: UInt8 = 0
  // A get.
  var second: UInt8 = 0
  var firstSequence: UInt8 = 0
  var step: UInt8 = 0
  var word: UInt8 = 0
  var firstControl: UInt8 = 0
  var value0: UInt8 = 0
  var value1: UInt8 = 0
  var used: UInt8 = 0
  /// The oldest version that this get may return.
  var oldest: UInt8 = 0
  /// Bit k: a lone reader hits key k, and must go on doing so if this writer dies.
  var readable: UInt8 = 0
  /// Keys (bits) whose newest version this operation made.
  var written: UInt8 = 0
  // A lease.
  var claim: UInt8 = 0
  var claimOwner: UInt8 = 0
  var claimDeadline: UInt8 = 0
  /// The version of the key when the lease was claimed.
  var claimVersion: UInt8 = 0
  var rounds: UInt8 = 0
  /// Whether it looks for the key again.
  var looks: UInt8 = 0
  /// For each key the oldest version that a later get of this task may return.
  var known: (UInt8, UInt8, UInt8) = (0, 0, 0)
}

struct Ghost {
  static let versions = 8
  static let announcedAt = MemoryLayout<Ghost>.offset(of: \.announced)!
  /// What was stored for each key, in order; 0: absent.
  var values: (UInt64, UInt64, UInt64) = (0, 0, 0)
  /// For each claim of the cell, the version of its key that whoever sees its end must find.
  var announced: UInt64 = 0
  /// What all ended operations saw, joined.
  var ended: UInt32 = 0
  /// Index of each key's newest version.
  var newest: (UInt8, UInt8, UInt8) = (0, 0, 0)
  /// For each key the oldest version that a get which begins now may return.
  var known: (UInt8, UInt8, UInt8) = (0, 0, 0)
  /// How many of a key's last versions were made by killed operations that no recovery has settled.
  var unsettled: (UInt8, UInt8, UInt8) = (0, 0, 0)
  var kills: UInt8 = 0
  var hasKilled: UInt8 = 0
  var time: UInt8 = 0
}

/// A state, or rather where it is.
struct State {
  static let ghostAt = Place.tasks * MemoryLayout<Task>.stride
  static let wordsAt = ghostAt + MemoryLayout<Ghost>.stride
  static let size = (wordsAt + Place.count * 4 + 7) & ~7

  let base: UnsafeMutableRawPointer

  var tasks: UnsafeMutablePointer<Task> { base.assumingMemoryBound(to: Task.self) }
  var ghost: UnsafeMutablePointer<Ghost> { (base + State.ghostAt).assumingMemoryBound(to: Ghost.self) }
  var words: UnsafeMutablePointer<UInt32> { (base + State.wordsAt).assumingMemoryBound(to: UInt32.self) }

  var hash: UInt64 { hashBytes(base, State.size) }
}

/// A field of three bytes as an array of one byte for each key.
func perKey(_ field: UnsafeMutablePointer<(UInt8, UInt8, UInt8)>) -> UnsafeMutablePointer<UInt8> {
  UnsafeMutableRawPointer(field).assumingMemoryBound(to: UInt8.self)
}

extension UnsafeMutablePointer<Ghost> {
  var newest: UnsafeMutablePointer<UInt8> { perKey(&pointee.newest) }
  var known: UnsafeMutablePointer<UInt8> { perKey(&pointee.known) }
  var unsettled: UnsafeMutablePointer<UInt8> { perKey(&pointee.unsettled) }
  /// What a claim announces.
  func announced(_ claim: UInt8) -> UnsafeMutablePointer<UInt8> {
    precondition(claim >> 2 < 8, "a scenario has too many claims")
    let first = UnsafeMutableRawPointer(self) + Ghost.announcedAt
    return first.assumingMemoryBound(to: UInt8.self) + Int(claim >> 2)
  }
  /// The versions of a key.
  func values(_ key: Int) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: UInt8.self) + key * Ghost.versions
  }
}

extension State {
  /// What a later get of the task may return.
  func known(_ task: Int) -> UnsafeMutablePointer<UInt8> { perKey(&tasks[task].known) }
}

/// 64 bits of a multiple of eight bytes.
func hashBytes(_ bytes: UnsafeRawPointer, _ size: Int) -> UInt64 {
  var hash = UInt64(truncatingIfNeeded: size) &* 0x9E37_79B9_7F4A_7C15
  for at in stride(from: 0, to: size, by: 8) {
    hash = (hash ^ bytes.load(fromByteOffset: at, as: UInt64.self)) &* 0xD6E8_FEB8_6659_FD93
    hash ^= hash >> 32
  }
  hash = (hash ^ hash >> 29) &* 0x9E37_79B9_7F4A_7C15
  return hash ^ hash >> 32
}
