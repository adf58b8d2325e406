// SPDX-License-Identifier: Apache-2.0
// The operations whose system calls fail, or in the middle of which the process is killed: what is there before, what is
// done, and what may be there afterwards.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

enum FaultOperation: String, CaseIterable, ExpressibleByArgument {
  /// There is nothing, by path, or by name with neither of the directories.
  case create, createNamed
  case open, openReadOnly
  /// An opening that makes the lock file anew.
  case lostLockFile
  /// An opening that gives the store a record of requests.
  case record
  /// The first opening after a reboot, without and with the record of a clean leave.
  case otherBoot, cleanReboot
  /// An opening with other parameters.
  case replace
  /// A get and a set of a handle whose store another one has replaced.
  case follow
  /// Two sets that take blocks, and a removal.
  case set
  case sync
  /// The last handle's close.
  case leave
  case delete
}

/// What is known of the entries at the end.
enum FaultContents { case none, old, changed, oldOrChanged, oldOrNone, gone }

struct FaultScene {
  static let entries = 12

  let operation: FaultOperation
  /// A directory of its own.
  let directory: String
  private var store: SharedStore?

  init(_ operation: FaultOperation, _ directory: String) {
    self.operation = operation
    self.directory = directory
  }

  var path: String { operation == .createNamed ? directory + "/named/v1/store.warp" : directory + "/store.warp" }
  /// Where the store's files are.
  var place: String { operation == .createNamed ? directory + "/named/v1" : directory }

  /// Slots so large that each takes its blocks when it is first used.
  static func configuration(
    capacity: Int = 64, _ ifDifferent: StoreConfiguration.IfDifferent = .replace,
    _ access: StoreConfiguration.Access = .readWrite,
    recording: StoreConfiguration.RequestRecording = .asFound
  ) -> StoreConfiguration {
    StoreConfiguration(
      capacity: capacity, maxKeySize: 32, maxValueSize: 20_000, shards: 2, access: access, ifDifferent: ifDifferent,
      requestRecording: recording)
  }

  /// The real one, but that it leaves a store on tmpfs as it leaves one on a disk.
  private static let world: Environment = {
    var world = Environment.system
    world.fileSystem = { descriptor in
      let number = System.fileSystem(descriptor)
      return number == tmpfs ? 0xEF53 : number
    }
    return world
  }()
  private static let tmpfs: Int64 = 0x0102_1994

  static func open(_ path: String, _ configuration: StoreConfiguration) throws -> SharedStore {
    try SharedStore.open(StoreFiles(path: path), configuration, world)
  }

  static func key(_ number: Int) -> [UInt8] { Array("old \(number)".utf8) }
  static func value(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number), count: 100 + number) }
  static let large = [UInt8](repeating: 0x5A, count: 15_000)

  // MARK: Before

  /// Makes what is there before.
  func prepare() throws {
    guard operation != .create, operation != .createNamed else { return }
    var world = FaultScene.world
    if operation == .otherBoot || operation == .cleanReboot {
      world.bootID = { [UInt8](repeating: 7, count: 16) }
      if operation == .otherBoot { world.fileSystem = { _ in FaultScene.tmpfs } }
    }
    let store = try SharedStore.open(StoreFiles(path: path), FaultScene.configuration(), world)
    for number in 0..<FaultScene.entries { try store.set(FaultScene.key(number), to: FaultScene.value(number)) }
    store.close()
    if operation == .lostLockFile { try System.remove(path + "-lock") }
  }

  /// Opens what must be open before.
  mutating func begin() throws {
    switch operation {
    case .set, .sync, .leave: store = try FaultScene.open(path, FaultScene.configuration())
    case .follow:
      store = try FaultScene.open(path, FaultScene.configuration())
      try FaultScene.open(path, FaultScene.configuration(capacity: 256)).close()
    default: break
    }
  }

  // MARK: The operation

  mutating func perform() throws {
    switch operation {
    case .create, .open, .lostLockFile, .otherBoot, .cleanReboot:
      store = try FaultScene.open(path, FaultScene.configuration())
    case .record: store = try FaultScene.open(path, FaultScene.configuration(recording: .on()))
    case .createNamed:
      store = try SharedStore.open("store", FaultScene.configuration(), directory: directory + "/named")
    case .openReadOnly: store = try FaultScene.open(path, FaultScene.configuration(.useExisting, .readOnly))
    case .replace: store = try FaultScene.open(path, FaultScene.configuration(capacity: 256))
    case .follow, .set:
      guard let store else { return }
      if operation == .follow {
        var buffer = [UInt8](repeating: 0, count: 4096)
        if try store.get(FaultScene.key(3), into: &buffer) == .miss {
          throw FormatError(.corruptShard, "a wrong miss")
        }
      }
      try store.set("new", to: FaultScene.large)
      try store.set(FaultScene.key(0), to: FaultScene.large)
      try store.remove(FaultScene.key(1))
    case .sync: try store?.sync()
    case .leave: store?.close()
    case .delete: try SharedStore.delete(path: path)
    }
  }

  /// Wrong answers of the handle, if there is one, whether the operation failed or not.
  ///
  /// - Parameter mayMiss: whether entries may have been given up.
  func wrongAnswers(mayMiss: Bool = false) -> Int {
    if operation == .record, let store, store.requestRecord == nil { return 1 }
    guard let store, ![.create, .createNamed, .otherBoot, .leave].contains(operation) else { return 0 }
    var buffer = [UInt8](repeating: 0, count: 4096)
    return (2..<FaultScene.entries).count { number in
      let result = try? store.get(FaultScene.key(number), into: &buffer)
      if mayMiss, result == .miss { return false }
      return result != .hit(size: 100 + number) || Array(buffer[..<(100 + number)]) != FaultScene.value(number)
    }
  }

  mutating func close() {
    store?.close()
    store = nil
  }

  // MARK: Afterwards

  /// What the next opener must find.
  func contents(isDone: Bool) -> FaultContents {
    switch operation {
    case .create, .createNamed, .otherBoot: .none
    case .open, .openReadOnly, .lostLockFile, .record, .cleanReboot, .replace, .sync, .leave: .old
    case .follow, .set: isDone ? .changed : .oldOrChanged
    case .delete: isDone ? .gone : .oldOrNone
    }
  }
}
