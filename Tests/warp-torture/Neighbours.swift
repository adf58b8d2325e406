// SPDX-License-Identifier: Apache-2.0
// `warp-torture neighbours`: another user of the machine has put something in the place of each of a store's files and
// directories (WKV-F01 to WKV-F08). Needs root, who makes what belongs to the other user; the one who is attacked is root,
// or a user without rights.
//
// - Each operation ends, with a code that fits or by going round what is there.
// - Nothing is followed: a file of the attacked user's, to which the links lead, keeps its bytes and its time.
// - Nothing is overwritten: what was put there is what it was. Only the two temporary names may be cleared.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// What is put there.
private enum Obstacle: String, CaseIterable {
  case othersFile, othersOpenFile, ownOpenFile, link, danglingLink, hardLink, pipe, directory, socket

  /// - Parameter precious: what a link leads to.
  func make(_ path: String, precious: String, victim: uid_t, neighbour: uid_t) throws {
    var result: Int32 = 0
    var owner = neighbour
    switch self {
    case .othersFile, .othersOpenFile, .ownOpenFile:
      try TestFiles.write(path, [UInt8](repeating: 0x41, count: 10_000))
      if self != .othersFile { result = chmod(path, 0o666) }
      if self == .ownOpenFile { owner = victim }
    case .link: result = Glibc.symlink(precious, path)
    case .danglingLink: result = Glibc.symlink(precious + "-made", path)
    case .hardLink:
      result = Glibc.link(precious, path)
      owner = victim
    case .pipe: result = mkfifo(path, 0o666)
    case .directory: result = mkdir(path, 0o777)
    case .socket: result = mknod(path, S_IFSOCK | 0o666, 0)
    }
    if result == 0 { result = lchown(path, owner, owner) }
    guard result == 0 else { throw FormatError(.system, "\(self) can't be made", path: path, errno: errno) }
  }
}

/// What is known of a name, its time included.
private struct Trace: Equatable {
  let mode: UInt32
  let owner: UInt32
  let inode: UInt64
  let size: Int64
  let seconds: Int
  let nanoseconds: Int
  let bytes: [UInt8]

  init?(_ path: String) {
    var info = stat()
    guard lstat(path, &info) == 0 else { return nil }
    (mode, owner, inode, size) = (info.st_mode, info.st_uid, UInt64(info.st_ino), Int64(info.st_size))
    (seconds, nanoseconds) = (info.st_mtim.tv_sec, info.st_mtim.tv_nsec)
    bytes = info.st_mode & S_IFMT == S_IFREG ? (try? TestFiles.read(path)) ?? [] : []
  }
}

private enum Attempt: String, CaseIterable { case open, replace, read, delete }

struct Neighbours: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Puts another user's files, links and pipes in the place of a store's files.")

  @Flag(help: "End with one JSON object.") var json = false

  private static let neighbour: uid_t = 65_534
  private static let suffixes = ["", "-lock", "-init", "-new", "-lock-new"]
  /// Nanoseconds; what takes longer has no end.
  private static let patience: Int64 = 30_000_000_000

  func run() throws {
    var report = Report()
    report.add("command", "neighbours")
    guard geteuid() == 0 else {
      System.explain("only root can make files of other users\n")
      report.add("skipped", 1)
      return try report.finish(json: json, violations: 0)
    }
    var tally = Tally()
    for victim in [0, 65_533] as [uid_t] {
      for isSticky in [false, true] {
        for obstacle in Obstacle.allCases {
          for suffix in Neighbours.suffixes {
            for attempt in Attempt.allCases {
              try run(
                Case(victim: victim, isSticky: isSticky, obstacle: obstacle, suffix: suffix, attempt: attempt),
                &tally)
            }
          }
          for level in ["", "/v1"] where obstacle != .hardLink { try runNamed(victim, obstacle, level, &tally) }
        }
      }
    }
    report.add("skipped", 0)
    report.add("cases", tally.cases)
    for (code, count) in tally.endings.sorted(by: { $0.key < $1.key }) { report.add("ended_" + code, count) }
    report.add("violations", tally.violations)
    try report.finish(json: json, violations: tally.violations)
  }

  private struct Tally {
    var cases = 0
    var endings: [String: Int] = [:]
    var violations = 0
  }

  private struct Case {
    let victim: uid_t
    /// Everybody may put files there, and remove none of others; else the directory is the victim's own.
    let isSticky: Bool
    let obstacle: Obstacle
    let suffix: String
    let attempt: Attempt

    var isTemporary: Bool { suffix.hasSuffix("-new") }

    /// Whether the operation may be done.
    func mayBeDone() -> Bool {
      switch (suffix, attempt) {
      // A store is opened without the creation lock, and read without a lock file.
      case ("-init", .open), ("-init", .read), ("-lock", .read): true
      // To whom the directory belongs, or root, removes what is in the way, links and pipes themselves.
      case ("-new", _), ("-lock-new", _): true
      // A name is removed, whatever has it.
      case ("-lock", .delete): true
      default: false
      }
    }

    func mayFail(_ code: FormatError.Code) -> Bool {
      switch code {
      case .insecureFile: true
      // The other user's file can't even be opened, nor removed from a sticky directory; nor does the kernel let root through.
      case .readOnly: victim != 0 || isSticky
      // A directory in a temporary name.
      case .system: isTemporary && obstacle == .directory
      default: false
      }
    }
  }

  private func run(_ test: Case, _ tally: inout Tally) throws {
    try withTemporaryDirectory { directory in
      let (place, precious) = (directory + "/place", directory + "/precious")
      chmod(directory, 0o755)
      try System.makeDirectory(place)
      chown(place, test.isSticky ? 0 : test.victim, 0)
      chmod(place, test.isSticky ? 0o1777 : 0o700)
      try TestFiles.write(precious, Array("precious".utf8))
      chown(precious, test.victim, 0)
      let path = place + "/store.warp"
      if test.suffix != "" {
        _ = act(as: test.victim) { try SharedStore.open(path: path).set("k", to: [1]) }
        try System.remove(path + test.suffix)
      }
      let at = path + test.suffix
      try test.obstacle.make(at, precious: precious, victim: test.victim, neighbour: Neighbours.neighbour)
      let before = [Trace(at), Trace(precious)]
      let began = System.bootTime()
      let ending = act(as: test.victim) {
        switch test.attempt {
        case .open: try SharedStore.open(path: path).close()
        case .replace: try SharedStore.open(path: path, .init(capacity: 77)).close()
        case .read: try SharedStore.open(path: path, .init(access: .readOnly)).close()
        case .delete: try SharedStore.delete(path: path)
        }
      }
      let after = [Trace(at), Trace(precious)]
      var complaints = complaints(about: ending, test, &tally)
      if System.bootTime() - began > Neighbours.patience { complaints.append("it took too long") }
      if after[1] != before[1], test.obstacle != .hardLink || after[0] == before[0] {
        complaints.append("what a link leads to has changed")
      }
      if Trace(precious + "-made") != nil { complaints.append("a link was followed") }
      let isCleared = test.isTemporary || test.suffix == "-lock" && test.attempt == .delete
      if after[0] != before[0], !isCleared { complaints.append("what was put there has changed") }
      show(
        complaints,
        "user \(test.victim), \(test.isSticky ? "sticky" : "own"), \(test.obstacle) at \(test.suffix), \(test.attempt)",
        &tally)
    }
  }

  private func complaints(about ending: Child.Ending, _ test: Case, _ tally: inout Tally) -> [String] {
    guard ending.signal == 0, !ending.isHung, ending.code < 125 else { return ["\(ending)"] }
    guard ending.code > 0 else {
      tally.endings["done", default: 0] += 1
      return test.mayBeDone() ? [] : ["it was done"]
    }
    let code = FormatError.Code.allCases[Int(ending.code) - 1]
    tally.endings[code.rawValue, default: 0] += 1
    return test.mayFail(code) ? [] : ["the error is \(code)"]
  }

  /// The directories of a named store.
  private func runNamed(_ victim: uid_t, _ obstacle: Obstacle, _ level: String, _ tally: inout Tally) throws {
    try withTemporaryDirectory { directory in
      chmod(directory, 0o1777)
      let base = directory + "/stores"
      let target = directory + "/target"
      for path in level.isEmpty ? [target] : [target, base] {
        try System.makeDirectory(path)
        chown(path, victim, victim)
      }
      try obstacle.make(base + level, precious: target, victim: victim, neighbour: Neighbours.neighbour)
      let before = [Trace(base + level), Trace(target)]
      let ending = act(as: victim) { try SharedStore.open("a", directory: base).close() }
      var complaints: [String] = []
      let code =
        ending.signal == 0 && ending.code > 0 && ending.code < 125
        ? FormatError.Code.allCases[Int(ending.code) - 1] : nil
      tally.endings[code?.rawValue ?? "done", default: 0] += 1
      // Somebody else's directory without rights for us can't be opened at all.
      if code != .insecureDirectory, !(victim != 0 && code == .readOnly) {
        complaints.append("it ended with \(ending), \(code.map(\.rawValue) ?? "done")")
      }
      if [Trace(base + level), Trace(target)] != before { complaints.append("something has changed") }
      show(complaints, "user \(victim), \(obstacle) as the directory\(level)", &tally)
    }
  }

  private func show(_ complaints: [String], _ what: String, _ tally: inout Tally) {
    tally.cases += 1
    for complaint in complaints {
      System.explain("\(what): \(complaint)\n")
      tally.violations += 1
    }
  }

  /// Runs `body` as a user; its exit status is 0, or one more than the index of the error's code.
  private func act(as user: uid_t, _ body: () throws -> Void) -> Child.Ending {
    let child = try? Child {
      guard user == 0 || setgroups(0, nil) == 0 && setgid(user) == 0 && setuid(user) == 0 else { return 125 }
      do {
        try body()
        return 0
      } catch {
        guard let error = error as? FormatError else { return 126 }
        return Int32(FormatError.Code.allCases.firstIndex(of: error.code)! + 1)
      }
    }
    return child?.wait(seconds: 60) ?? Child.Ending(signal: 0, code: 127)
  }
}
