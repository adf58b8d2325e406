// SPDX-License-Identifier: Apache-2.0
// `warp-inspect` on a terminal of 80 columns that shows colours, and fixtures as a test names them.

import Glibc
import WarpFormat
import WarpTestSupport

enum OnTerminal {
  /// What the command writes to the terminal. Bound: a minute.
  static func output(_ arguments: [String]) throws -> String {
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    guard master >= 0, call("grantpt", master) == 0, call("unlockpt", master) == 0, let path = name(of: master)
    else { throw FormatError(.system, "no terminal can be had", errno: errno) }
    defer { close(master) }
    // Ours keeps the terminal alive until all of the output is read.
    let slave = open(path, O_RDWR | O_NOCTTY)
    defer { close(slave) }
    let child = try spawn(arguments, on: path)
    var bytes: [UInt8] = []
    var hasEnded = false
    for _ in 0..<6000 {
      var waiting = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      if poll(&waiting, 1, hasEnded ? 0 : 10) > 0 {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(master, &buffer, buffer.count)
        if count > 0 { bytes += buffer.prefix(count) }
      } else if hasEnded {
        break
      } else {
        var status: Int32 = 0
        hasEnded = waitpid(child, &status, WNOHANG) == child
      }
    }
    if !hasEnded { kill(child, SIGKILL) }
    return String(decoding: bytes.filter { $0 != 0x0D }, as: UTF8.self)
  }

  /// What the C library has and its Swift module does not name.
  private static func call(_ name: String, _ descriptor: Int32) -> Int32 {
    guard let symbol = dlsym(nil, name) else { return -1 }
    return unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)(descriptor)
  }

  private static func name(of master: Int32) -> String? {
    typealias Name = @convention(c) (Int32, UnsafeMutablePointer<CChar>, Int) -> Int32
    var text = [CChar](repeating: 0, count: 64)
    guard let symbol = dlsym(nil, "ptsname_r"), unsafeBitCast(symbol, to: Name.self)(master, &text, text.count) == 0
    else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func spawn(_ arguments: [String], on terminal: String) throws -> pid_t {
    let program = try Inspection.executable()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, terminal, O_WRONLY | O_NOCTTY, 0)
    let environment = ["TERM=xterm-256color", "COLUMNS=80", "LINES=24"]
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer { for word in words + variables { free(word) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, program, &actions, nil, &words, &variables)
    guard result == 0 else { throw FormatError(.system, "posix_spawn failed", path: program, errno: result) }
    return child
  }
}

/// A fixture, and what a checker must find in it.
struct Fixture {
  let kind: String
  let name: String

  var path: String { Fixtures.path(kind, name) }
  /// The rule's letter and number, of an invalid one.
  var rule: String { String(name.prefix(3)) }
  /// Its header is sound, so that the rest can be looked at.
  var opens: Bool { kind == "valid" || !["G", "H"].contains(rule.prefix(1)) }

  static var all: [Fixture] {
    ["valid", "invalid"].flatMap { kind in
      Fixtures.names(kind).sorted().map { Fixture(kind: kind, name: $0) }
    }
  }

  /// The offset that the finding must name.
  var findingOffset: Int? {
    guard let bytes = try? TestFiles.read(String(path.dropLast(5)) + ".json") else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.firstMatch(of: /"offset": *(\d+)/).flatMap { Int($0.output.1) }
  }

  /// What a command prints about it and how it ends, without the place of the repository. The file is the argument "@",
  /// or the last one.
  func printed(_ arguments: [String], in directory: String) throws -> String {
    let words = arguments.contains("@") ? arguments.map { $0 == "@" ? path : $0 } : arguments + [path]
    let run = try Inspection(words, in: directory)
    let text =
      "== \(kind)/\(name): \(arguments.joined(separator: " "))\n" + run.output
      + (run.errors.isEmpty ? "" : "-- \(run.errors)") + (run.code == 0 ? "" : "-- status \(run.code)\n")
    for line in run.output.split(separator: "\n") where line.unicodeScalars.count > 80 && !line.hasPrefix(path) {
      throw FormatError(.invalidArgument, "\(line.unicodeScalars.count) columns: \(line)")
    }
    return text.replacing(Fixtures.directory + "/", with: "")
  }
}

/// Runs a command on fixtures and returns what it printed of each, after it was seen to change nothing.
func printed(_ fixtures: [Fixture], _ arguments: (Fixture) -> [[String]]) throws -> String {
  try withTemporaryDirectory { directory in
    let before = try Fixture.states()
    var text = ""
    for fixture in fixtures {
      for words in arguments(fixture) { text += try fixture.printed(words, in: directory) }
    }
    guard try Fixture.states() == before else {
      throw FormatError(.invalidArgument, "a fixture was changed")
    }
    return text
  }
}

extension Fixture {
  /// Of every fixture the bytes' hash and the time of the last change.
  static func states() throws -> [String] {
    try all.map { fixture in
      var info = stat()
      guard lstat(fixture.path, &info) == 0 else { throw FormatError(.system, "lstat failed", errno: errno) }
      let hash = XXH3.hash64(try TestFiles.read(fixture.path), seed: 0)
      return "\(fixture.name) \(hash) \(info.st_mtim.tv_sec) \(info.st_mtim.tv_nsec)"
    }
  }
}
