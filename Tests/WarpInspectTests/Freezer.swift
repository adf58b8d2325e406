// SPDX-License-Identifier: Apache-2.0
// A control group that a test makes to freeze a process in, of whichever kind the system has.

import Glibc
import WarpFormat
import WarpTestSupport

/// Removed with this object, for which its processes are sent back to the group around it.
final class Freezer {
  private static let roots = [
    (path: "/sys/fs/cgroup/freezer", file: "freezer.state", on: "FROZEN", off: "THAWED"),
    (path: "/sys/fs/cgroup", file: "cgroup.freeze", on: "1", off: "0"),
    (path: "/sys/fs/cgroup/unified", file: "cgroup.freeze", on: "1", off: "0"),
  ]

  static var isAllowed: Bool { Freezer() != nil }

  private let root: (path: String, file: String, on: String, off: String)
  private let group: String
  private var processes: [pid_t] = []

  /// nil if this process may not make one.
  init?() {
    for root in Freezer.roots {
      let path = "\(root.path)/warpkv-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
      guard mkdir(path, 0o700) == 0 else { continue }
      if access("\(path)/\(root.file)", W_OK) == 0, access("\(path)/cgroup.procs", W_OK) == 0 {
        self.root = root
        group = path
        return
      }
      rmdir(path)
    }
    return nil
  }

  deinit {
    try? thaw()
    for process in processes { try? write("\(root.path)/cgroup.procs", "\(process)") }
    rmdir(group)
  }

  private func write(_ path: String, _ text: String) throws {
    let file = try System.open(path, .readWrite)
    defer { System.close(file) }
    try System.write(file, Array(text.utf8))
  }

  func freeze(_ process: pid_t) throws {
    try write("\(group)/cgroup.procs", "\(process)")
    processes.append(process)
    try write("\(group)/\(root.file)", root.on)
    // It takes a moment; a process that sleeps is frozen at once.
    usleep(100_000)
  }

  func thaw() throws {
    try write("\(group)/\(root.file)", root.off)
    usleep(100_000)
  }
}
