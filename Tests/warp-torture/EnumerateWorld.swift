// SPDX-License-Identifier: Apache-2.0
// What the operations of `warp-torture enumerate` take for the world: the machine as it is, or a file system that outlives
// the boot, on a machine that starts again.

import WarpFormat
import WarpKV
import WarpTestSupport

enum EnumerateWorld {
  /// The real one.
  case here
  /// A disk, as far as the store can tell.
  case disk

  /// - Parameter boot: which one it is, from 1.
  func environment(boot: UInt8) -> Environment {
    var world = Environment.system
    guard self == .disk else { return world }
    world.fileSystem = { _ in 0 }
    world.bootID = { [UInt8](repeating: boot, count: 16) }
    return world
  }
}

extension Scenario {
  /// - Parameter patience: how long the handle waits for the owner of a shard.
  func open(
    _ path: String, _ clock: ManualClock, boot: UInt8, access: StoreConfiguration.Access = .readWrite,
    patience: Duration = .seconds(1)
  ) throws -> SharedStore {
    var configuration = configuration(clock, access: access)
    configuration.writerWait = patience
    return try SharedStore.open(StoreFiles(path: path), configuration, world.environment(boot: boot))
  }

  /// The boot in which the store is made, the one of the operation, and the one of whoever comes next.
  var boots: (making: UInt8, operation: UInt8, next: UInt8) {
    if case .wake = operation { (1, 2, 2) } else { (1, 1, 1) }
  }

  /// Whether others may have the store open while the operation runs.
  var allowsReaders: Bool { world == .here }
}
