// SPDX-License-Identifier: Apache-2.0
// A world for stores under test: a clock that moves only when told to, and entropy that repeats.

import Synchronization
public import WarpFormat

/// The environment of the stores of one test.
public final class TestWorld: Sendable {
  private let now: Atomic<Int64>
  private let draws: Atomic<UInt64>
  private let boot: Atomic<UInt64>
  private let fileSystemNumber = Atomic<Int64>(0)
  /// Real time at the boot.
  private let realBase = Atomic<Int64>(1_700_000_000_000_000_000)

  public init(seed: UInt64 = 1, boot: UInt64 = 1) {
    now = Atomic(1_000_000_000_000)
    draws = Atomic(seed)
    self.boot = Atomic(boot)
  }

  /// Nanoseconds since the boot.
  public var time: Int64 { now.load(ordering: .relaxed) }
  /// Nanoseconds since 1970.
  public var realTime: Int64 { realBase.load(ordering: .relaxed) + time }
  public func advance(nanoseconds: Int64) { now.add(nanoseconds, ordering: .relaxed) }
  /// The machine starts again, as far as the stores can tell.
  public func reboot() { boot.add(1, ordering: .relaxed) }
  /// The same, and the boot clock begins anew after some nanoseconds during which the machine was off.
  public func reboot(off: Int64) {
    reboot()
    realBase.add(time + off, ordering: .relaxed)
    now.store(1_000_000_000, ordering: .relaxed)
  }
  /// The world after a reboot, as another object: this one goes on.
  public func rebooted(off: Int64, seed: UInt64) -> TestWorld {
    let next = TestWorld(seed: seed, boot: boot.load(ordering: .relaxed))
    next.now.store(time, ordering: .relaxed)
    next.realBase.store(realBase.load(ordering: .relaxed), ordering: .relaxed)
    next.reboot(off: off)
    return next
  }
  /// Every file is on the file system of this number from now on; 0: an unknown local one.
  public func setFileSystem(_ number: Int64) { fileSystemNumber.store(number, ordering: .relaxed) }

  public var environment: Environment {
    var world = Environment.system
    world.bootTime = { [self] in time }
    world.realTime = { [self] in realTime }
    world.entropy = { [self] (count) throws(FormatError) in
      (0..<count).map { _ in
        UInt8(truncatingIfNeeded: SeededGenerator.mix(draws.wrappingAdd(1, ordering: .relaxed).newValue) | 1)
      }
    }
    world.bootID = { [self] in
      let id = boot.load(ordering: .relaxed)
      return (0..<16).map { UInt8(truncatingIfNeeded: id >> (8 * UInt64($0 % 8))) }
    }
    world.fileSystem = { [self] _ in fileSystemNumber.load(ordering: .relaxed) }
    return world
  }
}
