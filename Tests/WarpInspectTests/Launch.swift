// SPDX-License-Identifier: Apache-2.0
// `warp-inspect` as a process that a test talks to: with an environment, on a pseudo-terminal, ended by a signal.

import Foundation
import Glibc
import WarpFormat
import WarpTestSupport

/// A pseudo-terminal. What a program writes to its other end is read here.
final class PseudoTerminal {
  let master: Int32
  /// The path of the end that a program gets.
  let path: String
  private(set) var output: [UInt8] = []
  /// Held open, so that the terminal and its modes outlive the program.
  private let other: Int32

  init(columns: UInt16 = 80, rows: UInt16 = 24) throws {
    // Linux's own calls, because Swift's Glibc shows none of POSIX: unlock, and ask for the number.
    let (unlock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
    var (zero, number): (Int32, Int32) = (0, -1)
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    guard master >= 0, ioctl(master, unlock, &zero) == 0, ioctl(master, getNumber, &number) == 0 else {
      throw FormatError(.system, "no pseudo-terminal", errno: errno)
    }
    path = "/dev/pts/\(number)"
    other = open(path, O_RDWR | O_NOCTTY)
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
    resize(columns: columns, rows: rows)
  }

  deinit {
    close(other)
    close(master)
  }

  func resize(columns: UInt16, rows: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  /// The flags that tell how keys arrive.
  var localModes: tcflag_t {
    var modes = termios()
    tcgetattr(other, &modes)
    return modes.c_lflag
  }

  func type(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(master, $0.baseAddress, $0.count) } }

  /// Reads what there is.
  func drain() {
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    // Bound: what the terminal holds.
    while case let count = read(master, &bytes, bytes.count), count > 0 { output += bytes.prefix(count) }
  }

  /// Waits until the program wrote this; false if it did not in 20 s.
  func expect(_ text: String) -> Bool {
    let wanted = Array(text.utf8)
    for _ in 0..<2000 {
      drain()
      if Data(output).range(of: Data(wanted)) != nil { return true }
      usleep(10_000)
    }
    return false
  }

  func forget() { output = [] }
}

/// A running `warp-inspect`. Killed and waited for with this object.
final class Launch {
  let id: pid_t
  private let files: (output: String, errors: String)
  private var isReaped = false

  /// - Parameters:
  ///   - directory: where its output is kept.
  ///   - terminal: takes the place of standard input, and of standard output if `showsOutput`.
  ///   - environment: names and values beside those of this process; an empty value takes one away.
  init(
    _ arguments: [String], in directory: String, terminal: PseudoTerminal? = nil, showsOutput: Bool = true,
    environment: [String: String] = [:], wrapper: [String] = []
  ) throws {
    files = (directory + "/launch-output", directory + "/launch-errors")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, terminal?.path ?? "/dev/null", O_RDWR | O_NOCTTY, 0)
    if let terminal, showsOutput {
      posix_spawn_file_actions_addopen(&actions, 1, terminal.path, O_RDWR | O_NOCTTY, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 1, files.output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    posix_spawn_file_actions_addopen(&actions, 2, files.errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    // The threads of the tests have signals blocked, and some may be ignored; a program started by a shell has neither.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let words = wrapper + [try Inspection.executable()] + arguments
    var child: pid_t = 0
    let result = Launch.withStrings(words) { arguments in
      Launch.withStrings(Launch.environment(environment)) { environment in
        posix_spawn(&child, words[0], &actions, &attributes, arguments, environment)
      }
    }
    guard result == 0 else { throw FormatError(.system, "posix_spawn failed", path: words[0], errno: result) }
    id = child
  }

  deinit {
    guard !isReaped else { return }
    kill(id, SIGKILL)
    _ = waitpid(id, nil, 0)
  }

  private static func environment(_ changes: [String: String]) -> [String] {
    var values = ["TERM": "xterm", "COLUMNS": "", "LINES": ""]
    for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "SWIFT_BACKTRACE", "WARPKV_DIR"] {
      values[name] = System.environment(name) ?? ""
    }
    values.merge(changes) { $1 }
    return values.filter { !$0.value.isEmpty }.map { "\($0.key)=\($0.value)" }
  }

  private static func withStrings(
    _ words: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) -> Int32 {
    var strings: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for string in strings { free(string) } }
    return strings.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
  }

  var output: String { (try? TestFiles.read(files.output)).map { String(decoding: $0, as: UTF8.self) } ?? "" }
  var errors: String { (try? TestFiles.read(files.errors)).map { String(decoding: $0, as: UTF8.self) } ?? "" }

  /// Its exit status, the number of the signal that ended it as a negative number, or nil after 30 s.
  func wait(_ terminal: PseudoTerminal? = nil) -> Int32? {
    for _ in 0..<3000 {
      terminal?.drain()
      var status: Int32 = 0
      if waitpid(id, &status, WNOHANG) == id {
        isReaped = true
        terminal?.drain()
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
      }
      usleep(10_000)
    }
    return nil
  }

  /// Waits until its output has so many lines; false if it has not in 20 s.
  func hasLines(_ count: Int) -> Bool {
    for _ in 0..<2000 {
      if output.split(separator: "\n").count >= count { return true }
      usleep(10_000)
    }
    return false
  }
}
