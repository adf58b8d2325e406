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
  private static let large = Shape(capacity: 3, slots: 4)

  static let all: [Scenario] = read + readers + write + kill + twice + crowd + lease

  /// What a writer does in the suites below, and what each get looks for.
  private static let changes: [(name: String, operations: [Operation])] = [
    ("update", [.set(0)]), ("insert", [.set(2)]), ("remove", [.remove(0)]), ("remove-all", [.removeAll]),
    ("two-updates", [.set(0), .set(0)]), ("update-insert", [.set(0), .set(2)]),
    ("insert-update", [.set(2), .set(0)]),
    ("remove-set", [.remove(0), .set(0)]), ("remove-insert", [.remove(0), .set(2)]),
    ("insert-remove", [.set(2), .remove(2)]), ("remove-all-set", [.removeAll, .set(0)]),
  ]

  private static let gets: [(name: String, operations: [Operation])] = [
    ("00", [.get(0), .get(0)]), ("01", [.get(0), .get(1)]), ("10", [.get(1), .get(0)]), ("22", [.get(2), .get(2)]),
    ("02", [.get(0), .get(2)]), ("20", [.get(2), .get(0)]), ("11", [.get(1), .get(1)]),
  ]

  /// A reader beside a living writer.
  private static let read: [Scenario] =
    changes.flatMap { change in
      gets.map {
        .init(suite: "read", name: "\(change.name)/\($0.name)", tasks: [change.operations, $0.operations])
      }
    } + [
      // A stalled reader sees one slot filled twice: two updates go through the one spare slot.
      .init(suite: "read", name: "stalled", tasks: [[.set(0), .set(0), .set(0)], [.get(0), .get(0)]]),
      .init(suite: "read", name: "stalled-other", tasks: [[.set(0), .set(1), .set(0)], [.get(0), .get(1)]]),
      .init(suite: "read", name: "wrapped", tasks: [[.set(2)], [.get(1), .get(0)]], shape: wrapped),
      .init(
        suite: "read", name: "wrapped-remove", tasks: [[.remove(0), .set(2)], [.get(1), .get(2)]], shape: wrapped),
      .init(suite: "read", name: "twins", tasks: [[.remove(0), .set(0)], [.get(1), .get(0)]], shape: twins),
      .init(suite: "read", name: "twins-insert", tasks: [[.set(2), .set(0)], [.get(1), .get(0)]], shape: twins),
      .init(suite: "read", name: "displace", tasks: [[.set(2)], [.get(1), .get(2)]], shape: narrow),
      .init(
        suite: "read", name: "displace-back", tasks: [[.set(2), .set(0)], [.get(0), .get(2)]], shape: narrow),
      .init(
        suite: "read", name: "grow", tasks: [[.set(1), .set(2)], [.get(1), .get(2)]], present: 1, shape: growing),
      .init(
        suite: "read", name: "grow-update", tasks: [[.set(0), .set(0)], [.get(0), .get(0)]], present: 1,
        shape: growing),
      .init(
        suite: "read", name: "shift-two", tasks: [[.remove(0), .set(0)], [.get(2), .get(1)]], present: 3,
        shape: large),
    ]

  /// Two readers.
  private static let readers: [Scenario] =
    changes.prefix(4).flatMap { change in
      [0, 1, 2].map { key in
        .init(
          suite: "readers", name: "\(change.name)/\(key)",
          tasks: [change.operations, [.get(key), .get(key)], [.get(key), .get(0)]])
      }
    }

  /// Two writers at once, and a reader.
  private static let write: [Scenario] = [
    .init(suite: "write", name: "set-set", tasks: [[.set(0)], [.set(0)], [.get(0), .get(0)]]),
    .init(suite: "write", name: "set-insert", tasks: [[.set(0)], [.set(2)], [.get(0), .get(2)]]),
    .init(suite: "write", name: "insert-remove", tasks: [[.set(2)], [.remove(1)], [.get(1), .get(2)]]),
    .init(suite: "write", name: "remove-set", tasks: [[.remove(0)], [.set(0)], [.get(1), .get(0)]]),
    .init(suite: "write", name: "own-get", tasks: [[.set(0), .get(0)], [.set(0), .get(0)]]),
  ]

  /// The writer dies at every step; another one takes over, and goes on.
  private static let kill: [Scenario] =
    changes.flatMap { change in
      gets.prefix(5).enumerated().map { index, get in
        .init(
          suite: "kill", name: "\(change.name)/\(get.name)",
          tasks: [change.operations, [.recover], get.operations], kills: 1,
          isLong: change.operations.count > 1 && index > 2)
      }
    } + [
      .init(suite: "kill", name: "then-set", tasks: [[.set(0)], [.set(0)], [.get(0), .get(0)]], kills: 1),
      .init(suite: "kill", name: "then-remove", tasks: [[.set(2)], [.remove(1)], [.get(1), .get(2)]], kills: 1),
      .init(
        suite: "kill", name: "remove-then-insert", tasks: [[.remove(0)], [.set(2)], [.get(1), .get(0)]], kills: 1),
      .init(
        suite: "kill", name: "wrapped", tasks: [[.set(2)], [.recover], [.get(1), .get(0)]], kills: 1, shape: wrapped
      ),
      .init(
        suite: "kill", name: "wrapped-remove", tasks: [[.remove(0), .set(2)], [.recover], [.get(1)]], kills: 1,
        shape: wrapped),
      .init(
        suite: "kill", name: "twins", tasks: [[.remove(0), .set(0)], [.recover], [.get(1)]], kills: 1, shape: twins),
      .init(
        suite: "kill", name: "displace", tasks: [[.set(2)], [.recover], [.get(1), .get(2)]], kills: 1, shape: narrow
      ),
      .init(
        suite: "kill", name: "grow", tasks: [[.set(1), .set(2)], [.recover], [.get(1)]], present: 1, kills: 1,
        shape: growing),
      .init(
        suite: "kill", name: "shift-two", tasks: [[.remove(0)], [.recover], [.get(2), .get(1)]], present: 3,
        kills: 1, shape: large),
      .init(
        suite: "kill", name: "large-insert", tasks: [[.remove(1), .set(1)], [.recover], [.get(2)]], present: 3,
        kills: 1, shape: large),
      .init(
        suite: "kill", name: "three-updates", tasks: [[.set(0), .set(0), .set(0)], [.recover], [.get(0)]], kills: 1),
      .init(
        suite: "kill", name: "begins-odd", tasks: [[.set(0)], [.recover], [.get(0), .get(1)]], kills: 1,
        beginsOdd: true),
      .init(suite: "kill", name: "two-takers", tasks: [[.set(0)], [.set(1)], [.remove(0)]], kills: 1),
    ]

  /// Two deaths: also that of the taker.
  private static let twice: [Scenario] =
    changes.prefix(9).flatMap { change in
      [0, 1, 2].map { key in
        .init(
          suite: "twice", name: "\(change.name)/\(key)",
          tasks: [change.operations, [.recover], [.recover], [.get(key)]],
          kills: 2, killsTaker: true, isLong: change.operations.count > 1)
      }
    }

  /// Two readers beside a writer that dies.
  private static let crowd: [Scenario] =
    changes.prefix(6).map { change in
      .init(
        suite: "crowd", name: change.name, tasks: [change.operations, [.recover], [.get(0), .get(0)], [.get(0)]],
        kills: 1, isLong: true)
    }

  private static let lease: [Scenario] = [
    .init(suite: "lease", name: "one-reader", tasks: [[.compute(0)], [.get(0), .get(0)]], present: 0),
    .init(suite: "lease", name: "two", tasks: [[.compute(0)], [.compute(0)]], present: 0),
    .init(suite: "lease", name: "three", tasks: [[.compute(0)], [.compute(0)], [.compute(0)]], present: 0),
    .init(suite: "lease", name: "two-keys", tasks: [[.compute(0)], [.compute(1)], [.compute(0)]], present: 0),
    .init(suite: "lease", name: "fails", tasks: [[.computeNothing(0)], [.compute(0)]], present: 0),
    .init(suite: "lease", name: "set", tasks: [[.compute(0)], [.set(0)], [.compute(0)]], present: 0),
    .init(suite: "lease", name: "remove", tasks: [[.compute(0)], [.remove(0)], [.compute(0)]], present: 0),
    .init(
      suite: "lease", name: "set-remove", tasks: [[.compute(0)], [.set(0), .remove(0)], [.compute(0)]], present: 0),
    .init(suite: "lease", name: "remove-all", tasks: [[.compute(0)], [.removeAll], [.compute(0)]], present: 0),
    .init(
      suite: "lease", name: "late", tasks: [[.compute(0)], [.compute(0)], [.compute(0)]], present: 0, ticks: 1),
    .init(
      suite: "lease", name: "late-set", tasks: [[.compute(0)], [.compute(0)], [.set(0)]], present: 0, ticks: 1),
    .init(
      suite: "lease", name: "death", tasks: [[.compute(0)], [.compute(0)]], present: 0, kills: 1, killsTaker: true),
    .init(
      suite: "lease", name: "death-three", tasks: [[.compute(0)], [.compute(0)], [.compute(0)]], present: 0,
      kills: 1, killsTaker: true, isLong: true),
    .init(
      suite: "lease", name: "death-set", tasks: [[.compute(0)], [.set(0)], [.compute(0)]], present: 0, kills: 1,
      killsTaker: true),
    .init(
      suite: "lease", name: "death-remove", tasks: [[.compute(0)], [.remove(0)], [.compute(0)]], present: 0,
      kills: 1, killsTaker: true),
  ]
}

extension Scenario {
  static let suites = all.reduce(into: [String]()) { if $0.last != $1.suite { $0.append($1.suite) } }
}

extension Operation {
  var text: String {
    switch self {
    case .get(let key): "get k\(key)"
    case .set(let key): "set k\(key)"
    case .remove(let key): "remove k\(key)"
    case .removeAll: "remove all"
    case .recover: "recover"
    case .compute(let key): "compute k\(key)"
    case .computeNothing(let key): "fail to compute k\(key)"
    }
  }
}
