// SPDX-License-Identifier: Apache-2.0
// `warp-torture limit`, continued: the operations of `warp-torture faults` in processes that may have little more memory or
// descriptors than they have already (RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE).
//
// - Each limit is raised step by step, so that it stops the operation at one step after another.
// - The operation is done or fails with `system` and the number; it does so again once the limit is gone, and succeeds; the
//   process never dies of it.

import CTorture
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct LimitResources {
  private struct Resource: Sendable {
    let name: String
    let number: UInt32
    let errno: Int32
    /// What the process may have beyond what it has.
    let rooms: [Int]
    let used: @Sendable (Figures) -> Int
  }

  private static let resources = [
    Resource(
      name: "AS", number: 9, errno: ENOMEM, rooms: (0..<24).map { $0 * 64 << 10 } + [4 << 20, 16 << 20],
      used: { $0.mapped }),
    Resource(name: "DATA", number: 2, errno: ENOMEM, rooms: [0, 64 << 10, 1 << 20], used: { _ in 0 }),
    // The next descriptor has the number of those that are open.
    Resource(name: "NOFILE", number: 7, errno: EMFILE, rooms: Array(0..<8), used: { $0.descriptors }),
  ]

  private(set) var runs = 0
  private(set) var done = 0
  private(set) var refused = 0
  private(set) var violations = 0

  private enum Ending { static let done: Int32 = 0, refused: Int32 = 1, wrong: Int32 = 2 }

  mutating func run() throws {
    guard torture_fill_heap() == 0 else { throw FormatError(.system, "the heap can't be filled") }
    for resource in LimitResources.resources {
      for operation in FaultOperation.allCases where operation != .leave {
        for room in resource.rooms { try run(operation, resource, room) }
      }
    }
  }

  private mutating func run(_ operation: FaultOperation, _ resource: Resource, _ room: Int) throws {
    try withTemporaryDirectory { directory in
      let child = try Child { act(operation, resource, room, directory) }
      let ending = child.wait(seconds: 30)
      runs += 1
      var complaints: [String] = []
      switch (ending.signal, ending.code) {
      case (0, Ending.done): done += 1
      case (0, Ending.refused): refused += 1
      default: complaints.append("\(ending)")
      }
      let isDone = ending.isClean
      try FaultJudge(scene: FaultScene(operation, directory), isDone: isDone).judge(&complaints)
      for complaint in complaints {
        System.explain("\(operation), RLIMIT_\(resource.name) + \(room): \(complaint)\n")
        violations += 1
      }
    }
  }

  /// The child's part.
  private func act(_ operation: FaultOperation, _ resource: Resource, _ room: Int, _ directory: String) -> Int32 {
    do {
      try System.makeDirectory(directory + "/warm")
      var warm = FaultScene(operation, directory + "/warm")
      try warm.prepare()
      try warm.begin()
      try warm.perform()
      warm.close()
      for name in try System.list(directory + "/warm") where !name.hasPrefix("named") {
        unlink(directory + "/warm/" + name)
      }
      if operation != .createNamed { rmdir(directory + "/warm") }
      var scene = FaultScene(operation, directory)
      try scene.prepare()
      try scene.begin()
      let limit = try ProcessLimit(resource.number, resource.used(Figures.now()) + room)
      var ending = Ending.done
      do {
        try scene.perform()
      } catch let error as FormatError where error.code == .system && error.errno == resource.errno {
        ending = Ending.refused
      }
      limit.lift()
      if ending == Ending.refused, operation != .delete, operation != .set, operation != .follow {
        try scene.perform()
      }
      let wrong = scene.wrongAnswers()
      scene.close()
      if wrong > 0 { System.explain("\(wrong) wrong answers\n") }
      return wrong == 0 ? ending : Ending.wrong
    } catch {
      System.explain("\(operation), RLIMIT_\(resource.name) + \(room): \(error)\n")
      return Ending.wrong
    }
  }
}

/// A soft limit of this process.
private struct ProcessLimit {
  private let resource: UInt32
  private var before = rlimit()

  init(_ resource: UInt32, _ amount: Int) throws {
    self.resource = resource
    getrlimit(__rlimit_resource_t(resource), &before)
    var limit = rlimit(rlim_cur: rlim_t(amount), rlim_max: before.rlim_max)
    guard setrlimit(__rlimit_resource_t(resource), &limit) == 0 else {
      throw FormatError(.system, "setrlimit failed", errno: errno)
    }
  }

  func lift() {
    var limit = before
    setrlimit(__rlimit_resource_t(resource), &limit)
  }
}
