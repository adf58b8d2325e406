// SPDX-License-Identifier: Apache-2.0
// Programs that a test runs: `warp-inspect` as its users do, and processes that sleep until they are ended.

import Glibc
import WarpFormat
import WarpTestSupport

/// The environment of this process, which Swift may not name directly because it is a mutable global of C.
private var environ: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
  guard let symbol = dlsym(nil, "environ") else { return nil }
  return symbol.assumingMemoryBound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self).pointee
}

/// Starts a program; its standard output and error go to these files, if given.
func spawn(_ path: String, _ arguments: [String], output: String? = nil, error: String? = nil) throws
  -> pid_t
{
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for (number, file) in [(Int32(1), output), (2, error)] {
    guard let file else { continue }
    posix_spawn_file_actions_addopen(&actions, number, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  }
  var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
  words.append(nil)
  defer { for word in words { free(word) } }
  var child: pid_t = 0
  let result = posix_spawn(&child, path, &actions, nil, words, environ)
  guard result == 0 else { throw FormatError(.system, "posix_spawn failed", path: path, errno: result) }
  return child
}

/// What `warp-inspect` printed, and how it ended.
struct Inspection {
  let output: String
  let errors: String
  let code: Int32

  /// - Parameter directory: where its output may be kept.
  init(_ arguments: [String], in directory: String) throws {
    try self.init(running: Inspection.executable(), arguments, in: directory)
  }

  /// A script of the shell; "$0" is the tool.
  init(script: String, in directory: String) throws {
    // A build that counts lines would write its counts where a script's limits stop it.
    let script = "export LLVM_PROFILE_FILE=/dev/null; " + script
    try self.init(running: "/bin/sh", ["-c", script, Inspection.executable()], in: directory)
  }

  private init(running program: String, _ arguments: [String], in directory: String) throws {
    let (output, errors) = (directory + "/output", directory + "/errors")
    let child = try spawn(program, arguments, output: output, error: errors)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    // Ended by a signal: no code that it could have given itself.
    code = status & 0x7F == 0 ? (status >> 8) & 0xFF : -1
    self.output = String(decoding: try TestFiles.read(output), as: UTF8.self)
    self.errors = String(decoding: try TestFiles.read(errors), as: UTF8.self)
  }

  /// The build puts it beside the tests.
  static func executable() throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let words = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .split(separator: "/").dropLast()
    return "/" + words.joined(separator: "/") + "/warp-inspect"
  }
}

/// A process that does nothing. Ended and waited for with this object.
final class Sleeper {
  let id: pid_t
  private var isReaped = false

  /// - Parameter name: a symbolic link of this path is made, so that the process has its name.
  init(as name: String? = nil) throws {
    if let name { symlink("/bin/sleep", name) }
    id = try spawn(name ?? "/bin/sleep", ["3600"])
  }

  deinit { if !isReaped { reap() } }

  /// Returns once it is stopped.
  func stop() {
    kill(id, SIGSTOP)
    var status: Int32 = 0
    while waitpid(id, &status, WUNTRACED) < 0, errno == EINTR {}
  }

  /// Kills it and does not wait for it, so that it stays as a zombie.
  func end() {
    kill(id, SIGKILL)
    var information = siginfo_t()
    while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
  }

  /// Nothing is left of it.
  func reap() {
    kill(id, SIGKILL)
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    isReaped = true
  }
}
