// SPDX-License-Identifier: Apache-2.0
// A process of this PID namespace as seen from outside: its name, and whether it can go on. Nothing here decides about
// a death; that is Liveness.swift.
//
// Everything comes from small text files of the kernel's. Where there are none, or another user's are hidden, the
// process has no name and seems to run.

enum ProcessImage {
  /// The command's name, at most 15 bytes of its own choice; nil if it can't be seen.
  static func name(of process: Int32) -> String? {
    guard let text = System.text("/proc/\(process)/comm") else { return nil }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  /// Whether a signal, a debugger or the freezer of its control group keeps it from running.
  static func isStopped(_ process: Int32) -> Bool {
    if System.processStatus(of: process)?.isStopped == true { return true }
    guard let groups = System.text("/proc/\(process)/cgroup") else { return false }
    return groups.split(separator: "\n").contains(where: isFrozen)
  }

  /// - Parameter group: a line "number:controllers:path". The number is 0 in the unified hierarchy, which has the
  ///   freezer built in; a group of either kind also says so if an outer group is frozen.
  private static func isFrozen(_ group: Substring) -> Bool {
    let parts = group.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return false }
    if parts[0] == "0" {
      // The second place is that of a system that has both hierarchies.
      return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].contains { root in
        System.text("\(root)\(parts[2])/cgroup.events")?.split(separator: "\n").contains("frozen 1") == true
      }
    }
    guard parts[1].split(separator: ",").contains("freezer") else { return false }
    return System.text("/sys/fs/cgroup/freezer\(parts[2])/freezer.state")?.hasPrefix("FROZEN") == true
  }
}
