// SPDX-License-Identifier: Apache-2.0
// A child that is driven from one system call to the next between two marks. All calls about it come from the thread that
// started it: the kernel lets nobody else trace it.
//
// - Before the first mark the child prepares, after the second it tells what came of it; neither is watched.
// - A call is a site by its place in the sequence of calls. What it is called with is shown for people.

import CTorture
import Glibc
import WarpFormat

/// One system call, as people read it.
struct CallSite: Hashable {
  let name: String
  /// Which of the things that the call can do.
  var kind = ""
  /// The file, without what changes from run to run.
  var path = ""

  var label: String { [name, kind, path].filter { !$0.isEmpty }.joined(separator: " ") }

  /// Calls that have no error to give.
  static let infallible: Set<String> = [
    "getpid", "gettid", "getppid", "geteuid", "sched_yield", "rt_sigprocmask", "rt_sigaction", "exit_group", "brk",
  ]
  var canFail: Bool { !CallSite.infallible.contains(name) }
  /// Whether the kernel does what is asked before it says that it failed: a descriptor is gone whatever close says.
  var isDoneAllTheSame: Bool { name == "close" }
}

struct TracedChild {
  /// Calls of one operation at most: more is an operation that never ends.
  static let mostCalls = 100_000

  let child: Child
  private let directory: String
  var path: String { directory + "/store.warp" }
  /// Where it stands.
  private(set) var stop: TraceStop

  /// Starts a child, which stands at its first mark when this returns.
  ///
  /// - Parameter body: prepares, calls `begin`, works, calls `mark`, and tells; returns the exit status.
  init(_ directory: String, running body: () -> Int32) throws {
    self.directory = directory
    child = try Child(running: body)
    stop = torture_trace_begin(child.id)
    guard stop.kind == TRACE_SIGNAL, stop.detail == SIGSTOP else {
      throw FormatError(.system, "the child can't be traced: stop \(stop.kind.rawValue), \(stop.detail)")
    }
    stop.kind = TRACE_STEPPED
    while try nextCall() != nil {}
  }

  /// The child's part: the first mark.
  static func begin() {
    guard torture_trace_me() == 0 else { _exit(126) }
    torture_trace_mark()
  }

  /// The child's part: the second mark.
  static func end() { torture_trace_mark() }

  /// Whether it was killed by a signal or ended, which it must not before it has told.
  var isOver: Bool { stop.kind != TRACE_CALL }

  /// Goes on to the entry of the next call; nil at a mark, and if the process is over.
  mutating func nextCall() throws -> CallSite? {
    guard go() else { return nil }
    var call = TraceCall()
    try check(torture_trace_call(child.id, &call))
    if torture_trace_is_mark(&call) != 0 {
      _ = go()
      return nil
    }
    return site(call)
  }

  /// From the entry to the exit of the call.
  mutating func finishCall() { _ = go() }

  /// Lets the call at whose entry it stands fail.
  mutating func fail(_ site: CallSite, _ number: Int32) throws {
    if !site.isDoneAllTheSame { try check(torture_trace_skip_call(child.id)) }
    guard go() else { return }
    try check(torture_trace_set_result(child.id, -Int64(number)))
  }

  /// One instruction on; false if the next one is a system call, a signal comes, or the process is over.
  mutating func step() -> Bool {
    guard torture_trace_before_call(child.id) == 0 else { return false }
    stop = torture_trace_step(child.id, 0)
    return stop.kind == TRACE_STEPPED
  }

  /// Lets it run to its end. The traced child must not wait for its parent.
  mutating func end() -> TraceStop {
    while stop.kind != TRACE_ENDED, stop.kind != TRACE_KILLED, stop.kind != TRACE_FAILED {
      let signal = stop.kind == TRACE_SIGNAL ? stop.detail : 0
      stop = torture_trace_continue(child.id, signal)
    }
    return stop
  }

  /// Kills it where it stands.
  func kill() {
    child.send(SIGKILL)
    _ = child.wait(seconds: 10)
  }

  /// On to the next entry or exit of a call; false if the process is over.
  private mutating func go() -> Bool {
    repeat {
      let signal = stop.kind == TRACE_SIGNAL ? stop.detail : 0
      stop = torture_trace_next_call(child.id, signal)
    } while stop.kind == TRACE_SIGNAL
    return stop.kind == TRACE_CALL
  }

  private func check(_ result: Int32) throws {
    guard result == 0 else { throw FormatError(.system, "the child can't be looked into", errno: errno) }
  }

  // MARK: What people read

  private static let lockCommands: [UInt64: String] = [
    36: "F_OFD_GETLK", 37: "F_OFD_SETLK", 1030: "F_DUPFD_CLOEXEC",
  ]

  private func site(_ call: TraceCall) -> CallSite {
    let name = String(cString: torture_call_name(call.number))
    let (first, second, _, fourth, fifth, _) = call.arguments
    switch name {
    case "openat", "newfstatat":
      let path = text(second)
      return path.isEmpty
        ? CallSite(name: "fstat", path: file(first)) : CallSite(name: name, path: path)
    case "unlink", "rename", "mkdir", "readlink": return CallSite(name: name, path: text(first))
    case "fcntl":
      return CallSite(name: name, kind: TracedChild.lockCommands[second] ?? "\(second)", path: file(first))
    case "flock":
      return CallSite(name: name, kind: second == UInt64(LOCK_UN) ? "LOCK_UN" : "LOCK_EX", path: file(first))
    case "mmap":
      let flags = Int32(truncatingIfNeeded: fourth)
      if flags & MAP_SHARED != 0 { return CallSite(name: name, kind: "shared", path: file(fifth)) }
      return CallSite(name: name, kind: flags & MAP_FIXED != 0 ? "private fixed" : "private")
    case "pread64", "pwrite64", "close", "fsync", "ftruncate", "fallocate", "fstatfs", "lseek", "getdents64":
      return CallSite(name: name, path: file(first))
    default: return CallSite(name: name)
    }
  }

  /// A path of the child's.
  private func text(_ address: UInt64) -> String {
    var bytes: [UInt8] = []
    while bytes.count < 512 {
      var word: UInt64 = 0
      guard torture_trace_word(child.id, address + UInt64(bytes.count), &word) == 0 else { break }
      let eight = (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
      bytes += eight.prefix { $0 != 0 }
      if eight.contains(0) { break }
    }
    return plain(String(decoding: bytes, as: UTF8.self))
  }

  /// What a descriptor of the child's stands for.
  private func file(_ descriptor: UInt64) -> String {
    var target = [CChar](repeating: 0, count: 512)
    let number = Int32(truncatingIfNeeded: descriptor)
    let size = readlink("/proc/\(child.id)/fd/\(number)", &target, 511)
    return plain(String(decoding: target.prefix(max(size, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// Without the directory of the run, and without numbers of processes.
  private func plain(_ path: String) -> String {
    if path.hasPrefix(directory) { return String(path.dropFirst(directory.count)) }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map { part in
      part.allSatisfy(\.isNumber) && !part.isEmpty ? "N" : String(part)
    }
    return parts.joined(separator: "/")
  }
}
