// SPDX-License-Identifier: Apache-2.0
// A control group that a test makes to freeze a process in, of whichever kind the system has.

import Glibc
import WarpFormat
import WarpTestSupport

/// Removed with this object, for which its processes are sent back to the group around it.
final class Freezer {
  private struct Root {
    let path: String
    let file: String
    let on: String
    let off: String
    /// Which file says how it stands.
    let state: String
  }

  private static let roots = [
    Root(
      path: "/sys/fs/cgroup/freezer", file: "freezer.state", on: "FROZEN", off: "THAWED", state: "freezer.state"),
    Root(path: "/sys/fs/cgroup", file: "cgroup.freeze", on: "1", off: "0", state: "cgroup.events"),
    Root(path: "/sys/fs/cgroup/unified", file: "cgroup.freeze", on: "1", off: "0", state: "cgroup.events"),
  ]

  static var isAllowed: Bool { Freezer() != nil }

  private let root: Root
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
    try set(root.on)
  }

  func thaw() throws { try set(root.off) }

  /// Until the system says that it is so.
  private func set(_ state: String) throws {
    try write("\(group)/\(root.file)", state)
    let wanted = root.state == root.file ? state + "\n" : "frozen \(state)\n"
    for _ in 0..<3000 {
      let file = try System.open("\(group)/\(root.state)", .readOnly)
      defer { System.close(file) }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = read(file, &bytes, bytes.count)
      if String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).contains(wanted) { return }
      usleep(10_000)
    }
    throw FormatError(.busy, "a control group did not become \(state)")
  }
}
