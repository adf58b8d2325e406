// SPDX-License-Identifier: Apache-2.0
// What tests of the gets that pick a slot before they look into it have in common: readers beside writers who use the slots
// again, and two keys of one fingerprint.

import Synchronization
import WarpFormat
import WarpTestSupport

@testable import WarpKV

/// Keys that are set again and again, each time in another slot, while other keys take the slots they leave.
final class WritingScene: Sendable {
  /// Of the keys so many are always there; the rest come and go.
  static let kept = 16

  let keys: [[UInt8]]
  private let handles: [SharedStore]
  private let value: @Sendable (Int, UInt64) -> [UInt8]
  private let written = Atomic<UInt64>(0)
  private let readers = Atomic(2)

  /// - Parameter value: of a key's number, in a version.
  init(
    _ path: String, _ shape: StoreConfiguration, keys: [[UInt8]],
    value: @escaping @Sendable (Int, UInt64) -> [UInt8]
  ) throws {
    self.keys = keys
    self.value = value
    handles = try (0..<4).map { _ in try SharedStore.open(path: path, shape) }
    for key in 0..<WritingScene.kept { try handles[0].set(keys[key], to: value(key, 0)) }
  }

  /// All kept keys have this version or a newer one.
  var version: UInt64 { written.load(ordering: .acquiring) }

  /// Two threads write and two run `read`.
  ///
  /// - Parameter read: is given a handle of its own, and what says whether to look once more.
  /// - Returns: what was thrown.
  func run(_ read: @escaping @Sendable (SharedStore, () -> Bool) throws -> Void) -> [any Error] {
    TestThreads.run(4) { [self] thread in
      let store = handles[thread]
      switch thread {
      case 0:
        while readers.load(ordering: .relaxed) > 0 {
          let next = version + 1
          for key in 0..<WritingScene.kept { try store.set(keys[key], to: value(key, next)) }
          written.store(next, ordering: .releasing)
        }
      case 1:
        while readers.load(ordering: .relaxed) > 0 {
          for key in WritingScene.kept..<keys.count { try store.set(keys[key], to: value(key, 0)) }
          for key in WritingScene.kept..<keys.count { try store.remove(keys[key]) }
        }
      default:
        defer { readers.subtract(1, ordering: .relaxed) }
        var rounds = 0
        let end = System.bootTime() + 300_000_000_000
        try read(store) {
          rounds += 1
          return rounds <= 3000 || version < 20 && System.bootTime() < end
        }
      }
    }
  }
}

extension SharedStore {
  /// Two numbers whose keys have one fingerprint.
  func numbersOfOneFingerprint(_ key: (Int) -> [UInt8]) -> (Int, Int) {
    var seen: [UInt64: Int] = [:]
    var number = 0
    // Some hundred thousand keys have such a pair among them.
    while true {
      let hash = unsafe key(number).withUnsafeBytes { unsafe attachment.hash($0) }
      if let other = seen.updateValue(number, forKey: hash >> 32) { return (other, number) }
      number += 1
    }
  }
}
