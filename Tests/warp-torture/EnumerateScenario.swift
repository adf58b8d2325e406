// SPDX-License-Identifier: Apache-2.0
// The operations that `warp-torture enumerate` steps through, and the stores in which it does so.

import WarpFormat
import WarpKV
import WarpTestSupport

/// One operation in one store.
struct Scenario {
  /// The operation, then what is particular.
  let name: String
  var capacity: Int
  var shards = 1
  var maxValueSize = 400
  var eviction = StoreConfiguration.Eviction.sieve
  var compression = StoreConfiguration.Compression.none
  /// How the store comes to be what it is.
  var before: [Step] = []
  /// What the handle that runs the operation has done before it.
  var attached: [Step] = []
  let operation: Step
  /// What the operation takes for the file system and the boot.
  var world = EnumerateWorld.here
  /// No blocks can be allocated for it.
  var hasFullDisk = false
  /// It must fail, and leave everything as it is.
  var fails = false
  /// Entries that must make room although the store is not full.
  var displaced = 0
  /// Each entry goes by itself: the operation may have done a part, but what readers no longer find stays gone.
  var isStepwise = false
  /// Whether each image of it is also a start from which the recovery is stepped through.
  var isStart = false

  var id: String { "\(name)-\(capacity)" }

  func configuration(_ clock: ManualClock, access: StoreConfiguration.Access = .readWrite) -> StoreConfiguration {
    StoreConfiguration(
      capacity: capacity, maxKeySize: 24, maxValueSize: maxValueSize, shards: shards, eviction: eviction,
      compression: compression, access: access, ifDifferent: .fail, createIfMissing: false, clock: clock.clock)
  }

  /// What a store without a limit would hold before the operation.
  var model: StoreModel {
    var model = StoreModel(maxValueSize: maxValueSize)
    for step in before + attached { model.run(step) }
    return model
  }

  /// Every key that any step names.
  var names: [KeyName] {
    var seen: Set<KeyName> = []
    return (before + attached + [operation]).flatMap(\.names).filter { seen.insert($0).inserted }
  }

  /// The keys whose lease is claimed or ended.
  var leased: [KeyName] {
    (before + attached + [operation]).compactMap { if case .claim(let name) = $0 { name } else { nil } }
  }

  static func all(capacities: [Int]) -> [Scenario] {
    var all: [Scenario] = []
    for capacity in capacities {
      for part in [sets, updates, removals, conditions, leases, slots, worlds] { all += part(capacity) }
    }
    return all + [displacement]
  }
}

/// Keys of one chain. Their home is the last of eight buckets, so that the chain runs across the table's end.
private let chain = ["a", "b", "c", "d"].map { KeyName($0, home: 7) }
private let (a, b) = (chain[0], chain[1])
private let newcomer = KeyName("n", home: 7)
/// One whose home lies inside that chain.
private let inside = KeyName("i", home: 0)
private let second = ValueName(version: 2)
/// Over the size up to which values are copied by words.
private let large = ValueName(version: 2, size: 300)

/// Sets of the chain's first keys.
private func filled(_ count: Int, seconds: Int? = nil) -> [Step] {
  chain.prefix(count).map { .set($0, seconds: seconds) }
}

/// The same, and each is visited.
private func visited(_ count: Int) -> [Step] { filled(count) + chain.prefix(count).map { .get($0) } }

/// The same, and each is expired.
private func expired(_ count: Int) -> [Step] { filled(count, seconds: 60) + [.advance(seconds: 60)] }

/// The same, and the hand stands in the middle.
private func swept(_ count: Int) -> [Step] { filled(count) + [.get(a), .set(newcomer), .get(a)] }

/// The catalogue.
extension Scenario {
  private static func sets(_ capacity: Int) -> [Scenario] {
    let full = filled(capacity)
    func scenario(_ name: String, _ before: [Step], _ operation: Step, isStart: Bool = false) -> Scenario {
      Scenario(name: name, capacity: capacity, before: before, operation: operation, isStart: isStart)
    }
    let expired = expired(capacity)
    var reap = scenario("set-reap", expired, .set(newcomer))
    reap.eviction = .none
    return [
      scenario("set-new-empty", [], .set(a)),
      scenario("set-new", filled(capacity - 1), .set(newcomer), isStart: true),
      scenario("set-new-deadline", filled(capacity - 1), .set(newcomer, seconds: 60)),
      scenario("set-new-large", filled(capacity - 1), .set(newcomer, large)),
      scenario("set-new-freed", full + [.remove(a)], .set(newcomer)),
      scenario("set-evict", full, .set(newcomer), isStart: true),
      scenario("set-evict-visited", full + [.get(a)], .set(newcomer)),
      scenario("set-evict-all-visited", visited(capacity), .set(newcomer, large)),
      scenario("set-evict-hand", swept(capacity), .set(KeyName("m", home: 6))),
      scenario("set-evict-expired", expired, .set(newcomer)),
      scenario("set-sweep", filled(1, seconds: 60) + [.advance(seconds: 60)], .set(newcomer)),
      scenario("set-oversize", full, .set(a, ValueName(version: 2, size: 500))),
      reap,
    ]
  }

  private static func updates(_ capacity: Int) -> [Scenario] {
    let full = filled(capacity)
    func scenario(_ name: String, _ before: [Step], _ operation: Step, isStart: Bool = false) -> Scenario {
      Scenario(name: name, capacity: capacity, before: before, operation: operation, isStart: isStart)
    }
    return [
      scenario("update", full, .set(a, second), isStart: true),
      scenario("update-longer", full, .set(b, ValueName(version: 2, size: 37))),
      scenario("update-large", full, .set(a, large)),
      scenario("update-empty", full, .set(a, ValueName(version: 2, size: 0))),
      scenario("update-alone", filled(1), .set(a, second)),
      scenario("update-deadline", full, .set(a, second, seconds: 60)),
      scenario("update-expired", expired(capacity), .set(a, second)),
    ]
  }

  private static func removals(_ capacity: Int) -> [Scenario] {
    let full = filled(capacity)
    func scenario(_ name: String, _ before: [Step], _ operation: Step, isStart: Bool = false) -> Scenario {
      Scenario(name: name, capacity: capacity, before: before, operation: operation, isStart: isStart)
    }
    var all = scenario("remove-all", full, .removeAll, isStart: true)
    all.isStepwise = true
    let others: [Step] = chain.prefix(capacity).map { .set(KeyName($0.label + "2", home: 7, shard: 1)) }
    let shards = Scenario(
      name: "remove-all-shards", capacity: 2 * capacity, shards: 2, before: full + others, operation: .removeAll,
      isStepwise: true)
    return [
      scenario("remove-first", full, .remove(a), isStart: true),
      scenario("remove-second", full, .remove(b)),
      scenario("remove-last", full, .remove(chain[capacity - 1])),
      scenario("remove-inside", filled(capacity - 1) + [.set(inside)], .remove(a)),
      scenario("remove-hand", swept(capacity), .remove(newcomer)),
      scenario("remove-expired", [.set(a, seconds: 60), .set(b), .advance(seconds: 60)], .remove(a)),
      scenario("remove-absent", full, .remove(newcomer)),
      scenario("take", full, .take(a)),
      scenario("take-absent", full, .take(newcomer)),
      all, shards,
    ]
  }

  private static func conditions(_ capacity: Int) -> [Scenario] {
    let full = filled(capacity)
    let expired = expired(capacity)
    func scenario(_ name: String, _ before: [Step], _ operation: Step) -> Scenario {
      Scenario(name: name, capacity: capacity, before: before, operation: operation)
    }
    return [
      scenario("add", filled(capacity - 1), .add(newcomer, second)),
      scenario("add-present", full, .add(a, second)),
      scenario("add-expired", expired, .add(a, second)),
      scenario("replace", full, .replace(a, second)),
      scenario("touch", full, .touch(a, seconds: 60)),
      scenario("touch-for-ever", filled(capacity, seconds: 60), .touch(a, seconds: nil)),
      scenario("touch-absent", full, .touch(newcomer, seconds: 60)),
      scenario("increment-new", filled(capacity - 1), .increment(newcomer, by: 5)),
      scenario("increment", [.increment(a, by: 5), .set(b)], .increment(a, by: -7)),
      scenario("get", full, .get(a)),
      scenario("get-expired", expired, .get(a)),
      scenario("list", full, .list),
      scenario("list-expired", expired, .list),
    ]
  }

  private static func leases(_ capacity: Int) -> [Scenario] {
    func scenario(_ name: String, _ before: [Step], _ attached: [Step], _ operation: Step) -> Scenario {
      Scenario(name: name, capacity: capacity, before: before, attached: attached, operation: operation)
    }
    let some = filled(capacity - 1)
    var all = scenario("lease-void-all", some, [.claim(newcomer)], .removeAll)
    all.isStepwise = true
    return [
      scenario("lease-claim", some, [], .claim(newcomer)),
      // The claim of a handle that is gone.
      scenario("lease-claim-again", some + [.claim(newcomer)], [], .claim(newcomer)),
      scenario("lease-fail", some, [.claim(newcomer)], .fail(newcomer)),
      scenario("lease-fulfil", some, [.claim(newcomer)], .fulfil(newcomer, second)),
      scenario("lease-fulfil-evict", filled(capacity), [.claim(newcomer)], .fulfil(newcomer, second)),
      scenario("lease-void-set", some, [.claim(newcomer)], .set(newcomer, second)),
      scenario("lease-void-remove", some, [.claim(newcomer)], .remove(newcomer)),
      all,
    ]
  }

  /// Slots of other kinds.
  private static func slots(_ capacity: Int) -> [Scenario] {
    let full = filled(capacity)
    func scenario(_ name: String, _ before: [Step], _ operation: Step) -> Scenario {
      Scenario(name: name, capacity: capacity, before: before, operation: operation)
    }
    // Compressed to fewer bytes than they have.
    var packed = [
      scenario("zstd-new", filled(capacity - 1), .set(newcomer, large)),
      scenario("zstd-update", full, .set(a, large)),
    ]
    for index in packed.indices { packed[index].compression = .zstd(level: 1, threshold: 64) }
    // Slots of more than 16 KiB get their blocks one by one.
    let long = ValueName(version: 2, size: 700)
    var sparse = [
      scenario("sparse-new", filled(capacity - 1), .set(newcomer, long)),
      scenario("sparse-update", full, .set(a, long)),
      scenario("sparse-evict", full, .set(newcomer, long)),
    ]
    for index in sparse.indices { sparse[index].maxValueSize = 20_000 }
    return (Compression.isAvailable ? packed : []) + sparse
  }

  /// What depends on the system: a full disk, the end of a boot.
  private static func worlds(_ capacity: Int) -> [Scenario] {
    let full = filled(capacity)
    let long = ValueName(version: 2, size: 700)
    func sparse(_ name: String, _ before: [Step], _ operation: Step, fails: Bool = false) -> Scenario {
      Scenario(
        name: name, capacity: capacity, maxValueSize: 20_000, before: before, operation: operation,
        hasFullDisk: true, fails: fails)
    }
    func local(_ name: String, _ operation: Step) -> Scenario {
      Scenario(name: name, capacity: capacity, before: full, operation: operation, world: .disk)
    }
    var makesRoom = sparse("disk-evict", [.set(a, long)] + [.set(b)], .set(b, long))
    makesRoom.displaced = 1
    var refuses = Scenario(name: "full", capacity: capacity, before: full, operation: .set(newcomer), fails: true)
    refuses.eviction = .none
    return [
      refuses,
      sparse("disk-reuse", full + [.set(a, long), .remove(a)], .set(newcomer, long)),
      sparse("disk-full", full, .set(a, long), fails: true),
      makesRoom,
      local("leave", .leave),
      local("wake", .wake),
    ]
  }

  /// A window of 128 buckets without an empty one, in a table that is not full.
  private static var displacement: Scenario {
    let others = (0..<Format.probeLimit).map { KeyName("k\($0)", home: 200) }
    return Scenario(
      name: "set-displace", capacity: Format.probeLimit + 2,
      before: others.map { .set($0, ValueName(size: 0)) } + [.get(others[0])],
      operation: .set(KeyName("n", home: 200), ValueName(size: 0)), displaced: 1)
  }
}
