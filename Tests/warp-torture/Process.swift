// SPDX-License-Identifier: Apache-2.0
// Starting copies of this program, stopping them and waiting for them. posix_spawn rather than fork: the children share
// nothing but what they are told.
//
// - No wait lasts for ever: a child that does not end in time is killed and counts as hung.
// - A child dies with its parent, also while it is stopped. The names of the hidden subcommands end in "-worker", which
//   is how a copy knows that it is one.

import CTorture
import Glibc
import WarpFormat

/// A copy of this program that runs a hidden subcommand.
struct Child {
  let id: pid_t

  /// - Parameters:
  ///   - program: another build of this program.
  ///   - variable: "NAME=VALUE", for the child's environment.
  /// - Throws: `system` with errno.
  init(_ arguments: [String], program: String = "/proc/self/exe", variable: String? = nil) throws {
    if let variable { putenv(strdup(variable)) }
    defer { if let variable { unsetenv(String(variable.prefix { $0 != "=" })) } }
    var words: [UnsafeMutablePointer<CChar>?] = (["warp-torture"] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, program, nil, nil, words, environ)
    guard result == 0 else { throw FormatError(.system, "posix_spawn failed", errno: result) }
    id = child
  }

  /// A copy of this process as it is, which runs `body` and ends with its status. Other threads must hold no lock.
  ///
  /// - Throws: `system` with errno.
  init(running body: () -> Int32) throws {
    let child = Glibc.fork()
    guard child >= 0 else { throw FormatError(.system, "fork failed", errno: errno) }
    if child == 0 { _exit(torture_die_with_parent() == 0 ? body() : 125) }
    id = child
  }

  /// What a child does before anything else.
  static func begin(_ arguments: [String]) {
    guard arguments.count > 1, arguments[1].hasSuffix("-worker") else { return }
    if torture_die_with_parent() != 0 { System.explain("a child would outlive its parent\n") }
  }

  /// The next process of this PID namespace gets this number if it is free and the system lets us choose.
  static func choose(_ number: pid_t) {
    guard let file = fopen("/proc/sys/kernel/ns_last_pid", "w") else { return }
    fputs("\(number - 1)", file)
    fclose(file)
  }

  /// How it ended.
  struct Ending {
    /// 0 if it was no signal.
    let signal: Int32
    let code: Int32
    /// It did not end in time and was killed.
    var isHung = false
    var isClean: Bool { signal == 0 && code == 0 && !isHung }
  }

  /// Waits for its end, and kills it if that takes longer than this.
  func wait(seconds: Double = 3600) -> Ending {
    var status: Int32 = 0
    if poll(seconds, &status, 0) { return Ending(signal: status & 0x7F, code: (status >> 8) & 0xFF) }
    System.explain("child \(id) did not end within \(seconds) s\n")
    send(SIGKILL)
    _ = poll(10, &status, 0)
    return Ending(signal: status & 0x7F, code: 0, isHung: true)
  }

  func send(_ signal: Int32) { Glibc.kill(id, signal) }

  /// Whether it stopped: from then on it runs no instruction until it is continued.
  func stop() -> Bool {
    send(SIGSTOP)
    var status: Int32 = 0
    return poll(60, &status, WUNTRACED) && status & 0xFF == 0x7F
  }

  func resume() { send(SIGCONT) }

  /// Whether it is dead, and a zombie until it is waited for.
  var isDead: Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_signo != 0
  }

  /// Waits until it is.
  func awaitDeath() -> Bool {
    let end = System.bootTime() + 60_000_000_000
    while System.bootTime() < end {
      if isDead { return true }
      System.yield()
    }
    return false
  }

  private func poll(_ seconds: Double, _ status: inout Int32, _ options: Int32) -> Bool {
    let end = System.bootTime() + Int64(seconds * 1e9)
    while true {
      let result = waitpid(id, &status, WNOHANG | options)
      if result == id { return true }
      if result < 0, errno == ECHILD {
        // It ended when nobody expected it to, and the wait for its stop took that away.
        status = 0xFF00
        return true
      }
      if System.bootTime() >= end { return false }
      System.sleep(20_000)
    }
  }
}

/// The environment of this process, which Swift may not name directly because it is a mutable global of C.
private var environ: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
  guard let symbol = dlsym(nil, "environ") else { return nil }
  return symbol.assumingMemoryBound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self).pointee
}
