// SPDX-License-Identifier: Apache-2.0
// The target `open`: hostile files opened as the product opens them, and everything done that a handle can do.
//
// Wrong values are allowed, errors too if they are of the library's own type. Not allowed are a trap, an access outside a
// mapping (asserted by the library when it is built with assertions), a hang, and memory beyond the limit.

import Glibc
import Synchronization
import WarpFormat
import WarpKV
import WarpTestSupport

/// Everything that is done with a handle.
enum StoreCall: Int, CaseIterable {
  case get, getInto, contains, entry, getMany
  case set, setWithDeadline, setMany, add, replace, touch, take, increment, update, remove, removeAll
  case iterate, count, statistics, sync, lease
  case advance, reopen, readOnly, anotherShape, verify, delete

  init(_ number: UInt8) { self = StoreCall.allCases[Int(number) % StoreCall.allCases.count] }
}

/// Runs recipes against real files.
struct OpenTarget {
  let place: FuzzPlace
  let world: FuzzWorld
  let bases: Bases

  func run(_ bytes: [UInt8]) {
    guard let recipe = Recipe(bytes) else { return }
    let base = bases[recipe.base]
    world.reset()
    expectTyped { try place.write(Image(recipe, base)) }
    var session = OpenSession(target: self, recipe: recipe, base: base)
    session.run()
    place.clear()
  }
}

/// Runs a closure whose errors must be of the library's types.
func expectTyped(_ body: () throws -> Void) {
  do {
    try body()
  } catch is FormatError {
  } catch {
    fatalError("an error of another type: \(error)")
  }
}

private struct OpenSession {
  let target: OpenTarget
  let recipe: Recipe
  let keys: [[UInt8]]
  var store: SharedStore?
  var leases: [Lease] = []

  init(target: OpenTarget, recipe: Recipe, base: Base) {
    self.target = target
    self.recipe = recipe
    keys = base.keys + [[], Array("absent".utf8), Array("number".utf8), [0xFF, 0, 0xFF]]
  }

  private func open(
    _ access: StoreConfiguration.Access, _ ifDifferent: StoreConfiguration.IfDifferent = .useExisting,
    capacity: Int = 6
  ) throws(WarpError) -> SharedStore {
    let configuration = StoreConfiguration(
      capacity: capacity, maxKeySize: 16, maxValueSize: 100, shards: recipe.access & 8 != 0 ? 2 : nil,
      verifyReads: recipe.access & 2 != 0, access: access, ifDifferent: ifDifferent,
      writerWait: .microseconds(500))
    return try SharedStore.open(StoreFiles(path: target.place.path), configuration, target.world.environment)
  }

  mutating func run() {
    expectTyped { store = try open(recipe.access & 4 != 0 ? .readOnly : .readWrite) }
    for operation in recipe.operations {
      expectTyped { try perform(operation) }
      // What could not be opened may be so after a delete.
      if store == nil { expectTyped { store = try open(.readWrite) } }
    }
    leases = []
    store?.close()
  }

  private mutating func perform(_ operation: Operation) throws {
    let call = StoreCall(operation.kind)
    let key = keys[Int(operation.key) % keys.count]
    let argument = Int(operation.argument)
    switch call {
    case .advance:
      target.world.now.wrappingAdd(1 << Int64(argument % 62), ordering: .relaxed)
    case .reopen:
      leases = []
      store?.close()
      store = try open(.readWrite)
    case .anotherShape:
      let other = try open(.readWrite, .replace, capacity: 1 + argument)
      other.close()
    case .readOnly:
      let other = try open(.readOnly)
      defer { other.close() }
      _ = try other.get(key)
      _ = try other.keys()
    case .verify: try target.inspect()
    case .delete:
      try SharedStore.delete(path: target.place.path)
      // Each call of a handle without a store waits for one to come.
      guard argument & 7 != 0 else { return }
      store?.close()
      store = nil
    default: if let store { try perform(call, on: store, key, argument) }
    }
  }

  private mutating func perform(_ call: StoreCall, on store: SharedStore, _ key: [UInt8], _ argument: Int) throws {
    let value = [UInt8](repeating: UInt8(truncatingIfNeeded: argument), count: argument)
    switch call {
    case .get: _ = try store.get(key)
    case .getInto:
      var buffer = [UInt8](repeating: 0, count: argument)
      _ = try store.get(key, into: &buffer)
    case .contains: _ = try store.contains(key)
    case .entry: _ = try store.entry(for: key)
    case .getMany:
      let keys = Array(keys.prefix(argument % 20))
      _ = try argument & 32 == 0 ? store.getMany(keys) : store.getBatches(keys, room: argument)
    case .set: try store.set(key, to: value)
    case .setWithDeadline:
      try store.set(key, to: value, timeToLive: .nanoseconds(argument + 1), freshFor: .nanoseconds(1))
    case .setMany: _ = try store.setMany(keys.prefix(argument % 20).map { ($0, value) })
    case .add: try store.add(key, value: value)
    case .replace: try store.replace(key, with: value, ifRevision: UInt64(argument))
    case .touch: try store.touch(key, timeToLive: argument == 0 ? nil : .seconds(argument))
    case .take: _ = try store.take(key)
    case .increment: try store.increment(key, by: argument)
    case .update: try store.update(key) { $0 = argument == 0 ? nil : ($0 ?? []).prefix(40) + [1] }
    case .remove: try store.remove(key)
    case .removeAll: try store.removeAll()
    case .iterate: try store.forEachEntry { _ in }
    case .count: _ = try store.count
    case .statistics:
      let statistics = try store.statistics()
      _ = (statistics.savedBytes, statistics.hitRatio, statistics.description)
    case .sync: try store.sync()
    case .lease:
      switch store.lease(key, limit: 1 << Int64(argument % 62)) {
      case .lead(let lease):
        if argument & 1 == 0 { leases.append(lease) } else { lease.endUnstorable() }
      case .wait(let watch): _ = watch.waitSync(limit: 100_000)
      case .found, .none: break
      }
    default: break
    }
  }
}
