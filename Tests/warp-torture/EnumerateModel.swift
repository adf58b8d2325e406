// SPDX-License-Identifier: Apache-2.0
// What the steps of `warp-torture enumerate` mean: a dictionary, a clock, and nothing else. Which entry makes room in a
// full store is not its business; it says only how many must.

/// What a store without a limit would hold.
struct StoreModel {
  private struct Held {
    var bytes: [UInt8]
    /// Seconds; nil: never.
    var deadline: Int?
  }

  private let maxValueSize: Int
  private var held: [KeyName: Held] = [:]
  private(set) var now = 0

  init(maxValueSize: Int) { self.maxValueSize = maxValueSize }

  /// What a reader finds.
  var entries: [KeyName: [UInt8]] { held.filter { isThere($0.value) }.mapValues(\.bytes) }

  private func isThere(_ entry: Held) -> Bool { entry.deadline.map { now < $0 } ?? true }
  private func found(_ name: KeyName) -> Held? { held[name].flatMap { isThere($0) ? $0 : nil } }

  /// Takes out what had to make room.
  mutating func keepOnly(_ names: Set<KeyName>) {
    for name in entries.keys where !names.contains(name) { held[name] = nil }
  }

  mutating func run(_ step: Step) {
    switch step {
    case .set(let name, let value, let seconds): set(name, value, until: seconds.map { now + $0 })
    case .add(let name, let value): if found(name) == nil { set(name, value, until: nil) }
    case .replace(let name, let value): if found(name) != nil { set(name, value, until: nil) }
    case .fulfil(let name, let value): set(name, value, until: nil)
    case .remove(let name), .take(let name): held[name] = nil
    case .touch(let name, let seconds):
      if found(name) != nil { held[name]!.deadline = seconds.map { now + $0 } }
    case .increment(let name, let amount):
      let old = found(name)
      let sum = old.map { StoreModel.integer($0.bytes) } ?? 0
      held[name] = Held(bytes: StoreModel.encoded(sum + amount), deadline: old?.deadline)
    case .removeAll: held = [:]
    case .advance(let seconds): now += seconds
    case .get, .list, .claim, .fail, .leave, .wake: break
    }
  }

  /// A value that is too large is not stored, and the older one goes.
  private mutating func set(_ name: KeyName, _ value: ValueName, until deadline: Int?) {
    held[name] = value.size > maxValueSize ? nil : Held(bytes: value.bytes(name), deadline: deadline)
  }

  /// The typed encoding of an integer (SPEC.md §22): 0x10 and eight bytes.
  private static func encoded(_ number: Int) -> [UInt8] {
    [0x10] + (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func integer(_ bytes: [UInt8]) -> Int {
    bytes.dropFirst().reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
