// SPDX-License-Identifier: Apache-2.0
// What is explored. A task is a process (or a thread): the operations that it does one after another.

enum Operation: Sendable {
  case get(Int)
  case set(Int)
  case remove(Int)
  case removeAll
  /// Takes the shard over if its owner is dead, else nothing.
  case recover
  /// Computes a missing key under a lease; or fails to.
  case compute(Int)
  case computeNothing(Int)

  var key: Int? {
    switch self {
    case .get(let key), .set(let key), .remove(let key), .compute(let key), .computeNothing(let key): key
    case .removeAll, .recover: nil
    }
  }

  var computedKey: Int? {
    switch self {
    case .compute(let key), .computeNothing(let key): key
    default: nil
    }
  }

  var isRecover: Bool { if case .recover = self { true } else { false } }
}

/// One shard of four buckets. Slot A holds k0, slot B k1, and so on; one slot is spare.
struct Shape: Sendable {
  var capacity = 2
  var slots = 3
  /// Buckets that are probed for one key.
  var window = Place.buckets
  var homes = [0, 0, 0]
  var fingerprints = [0, 1, 2]
  /// Whether slots are used for the first time (`usedSlots`).
  var grows = false
}

struct Scenario: Sendable {
  let suite: String
  let name: String
  var tasks: [[Operation]]
  /// How many keys are there at the start: k0, k1, …
  var present = 2
  var kills = 0
  var killsTaker = false
  /// How many deadlines may pass.
  var ticks = 0
  var shape = Shape()
  /// As in a lock file that was made anew.
  var beginsOdd = false
  var models = MemoryModel.allCases
  var isLong = false

  func name(_ task: Int) -> String {
    let isReader = tasks[task].allSatisfy { if case .get = $0 { true } else { false } }
    return "\(isReader ? "R" : "W")\(task + 1)"
  }
}

extension Scenario {
  private static let wrapped = Shape(homes: [3, 3, 2])
  private static let twins = Shape(fingerprints: [0, 0, 1])
  private static let narrow = Shape(window: 2)
  private static let growing = Shape(grows: true)

  static let all: [Scenario] = read + write + kill + lease

  /// Readers beside a living writer.
  private static let read: [Scenario] = [
    .init(suite: "read", name: "update", tasks: [[.set(0)], [.get(0), .get(0)]]),
    .init(suite: "read", name: "two-updates", tasks: [[.set(0), .set(0)], [.get(0), .get(0)]]),
    .init(suite: "read", name: "three-updates", tasks: [[.set(0), .set(0), .set(0)], [.get(0)]]),
    .init(suite: "read", name: "remove", tasks: [[.remove(0)], [.get(0), .get(1)]]),
    .init(suite: "read", name: "remove-set", tasks: [[.remove(0), .set(0)], [.get(0), .get(1)]]),
    .init(suite: "read", name: "evict", tasks: [[.set(2)], [.get(0), .get(2)]]),
    .init(suite: "read", name: "evict-shift", tasks: [[.set(2)], [.get(1), .get(1)]]),
    .init(suite: "read", name: "evict-set", tasks: [[.set(2), .set(0)], [.get(0), .get(2)]]),
    .init(suite: "read", name: "wrapped", tasks: [[.set(2)], [.get(1), .get(0)]], shape: wrapped),
    .init(suite: "read", name: "twins", tasks: [[.remove(0), .set(0)], [.get(1), .get(0)]], shape: twins),
    .init(suite: "read", name: "displace", tasks: [[.set(2)], [.get(1), .get(2)]], shape: narrow),
    .init(suite: "read", name: "grow", tasks: [[.set(1), .set(2)], [.get(1), .get(2)]], present: 1, shape: growing),
    .init(suite: "read", name: "remove-all", tasks: [[.removeAll, .set(0)], [.get(0), .get(1)]]),
    .init(suite: "read", name: "two-readers", tasks: [[.set(0)], [.get(0)], [.get(0), .get(0)]]),
    .init(suite: "read", name: "two-readers-remove", tasks: [[.remove(0)], [.get(0)], [.get(1), .get(0)]]),
  ]

  /// Two writers.
  private static let write: [Scenario] = [
    .init(suite: "write", name: "set-set", tasks: [[.set(0)], [.set(0)], [.get(0)]]),
    .init(suite: "write", name: "set-remove", tasks: [[.set(2)], [.remove(1)], [.get(1)]])
  ]

  /// The writer dies at every step.
  private static let kill: [Scenario] = [
    .init(suite: "kill", name: "update", tasks: [[.set(0)], [.recover], [.get(0), .get(0)]], kills: 1),
    .init(suite: "kill", name: "insert", tasks: [[.set(2)], [.recover], [.get(2), .get(0)]], kills: 1),
    .init(suite: "kill", name: "remove", tasks: [[.remove(0)], [.recover], [.get(0), .get(1)]], kills: 1),
  ]

  private static let lease: [Scenario] = [
    .init(suite: "lease", name: "two", tasks: [[.compute(0)], [.compute(0)]], present: 0),
    .init(suite: "lease", name: "write", tasks: [[.compute(0)], [.set(0)], [.compute(0)]], present: 0),
  ]
}
