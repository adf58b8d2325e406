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
  /// Each entry goes by itself: the operation may have done a part.
  var isStepwise = false

  var id: String { "\(name)-\(capacity)" }

  func configuration(_ clock: ManualClock, access: StoreConfiguration.Access = .readWrite) -> StoreConfiguration {
    StoreConfiguration(
      capacity: capacity, maxKeySize: 24, maxValueSize: maxValueSize, shards: shards, eviction: eviction,
      compression: compression, access: access, ifDifferent: .fail, createIfMissing: false, clock: clock.clock)
  }

  /// What a store without a limit would hold before the operation, and after it.
  var models: (before: StoreModel, after: StoreModel) {
    var model = StoreModel(maxValueSize: maxValueSize)
    for step in before + attached { model.run(step) }
    let first = model
    model.run(operation)
    return (first, model)
  }

  /// Every key that any step names.
  var names: [KeyName] {
    var seen: Set<KeyName> = []
    return (before + attached + [operation]).flatMap(\.names).filter { seen.insert($0).inserted }
  }

  static func all(capacities: [Int]) -> [Scenario] { capacities.flatMap { small(capacity: $0) } }
}

/// Keys of one chain. Their home is the last bucket, so that the chain runs across the table's end.
private let chain = ["a", "b", "c", "d"].map { KeyName($0, home: 7) }
private let (a, b, c, d) = (chain[0], chain[1], chain[2], chain[3])
/// One whose home lies inside that chain.
private let inside = KeyName("i", home: 0)

extension Scenario {
  /// Sets of the chain's first keys.
  private static func sets(_ count: Int, seconds: Int? = nil) -> [Step] {
    chain.prefix(count).map { .set($0, seconds: seconds) }
  }

  private static func small(capacity: Int) -> [Scenario] {
    let full = sets(capacity)
    let newcomer = KeyName("n", home: 7)
    let second = ValueName(version: 2)
    let longer = ValueName(version: 2, size: 37)
    let large = ValueName(version: 2, size: 300)
    func scenario(_ name: String, _ before: [Step], _ operation: Step) -> Scenario {
      Scenario(name: name, capacity: capacity, before: before, operation: operation)
    }
    return [
      scenario("set-new-empty", [], .set(a)),
      scenario("set-new", sets(capacity - 1), .set(newcomer)),
      scenario("set-new-deadline", sets(capacity - 1), .set(newcomer, seconds: 60)),
      scenario("set-new-large", sets(capacity - 1), .set(newcomer, large)),
      scenario("set-new-freed", full + [.remove(a)], .set(newcomer)),
      scenario("set-evict", full, .set(newcomer)),
      scenario("set-evict-visited", full + [.get(a)], .set(newcomer)),
      scenario("set-evict-large", full + chain.prefix(capacity).map { .get($0) }, .set(newcomer, large)),
      scenario("update", full, .set(a, second)),
      scenario("update-longer", full, .set(b, longer)),
      scenario("update-large", full, .set(a, large)),
      scenario("update-alone", sets(1), .set(a, second)),
      scenario("update-deadline", full, .set(a, second, seconds: 60)),
      scenario("update-expired", sets(capacity, seconds: 60) + [.advance(seconds: 60)], .set(a, second)),
      scenario("remove-first", full, .remove(a)),
      scenario("remove-last", full, .remove(chain[capacity - 1])),
      scenario("remove-inside", sets(capacity - 1) + [.set(inside)], .remove(a)),
      scenario("remove-expired", [.set(a, seconds: 60), .set(b), .advance(seconds: 60)], .remove(a)),
      scenario("remove-absent", full, .remove(newcomer)),
    ]
  }
}
