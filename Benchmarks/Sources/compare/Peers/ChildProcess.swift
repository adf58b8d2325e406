// SPDX-License-Identifier: Apache-2.0
// Processes that the benchmark starts, signals and waits for; only those, by their id.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

final class ChildProcess {
  let id: pid_t
  private var status: Int32?

  /// Starts a program, without standard input; its output goes to nowhere unless `showsOutput`.
  init(_ program: String, _ arguments: [String], showsOutput: Bool = false) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    if !showsOutput {
      posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    }
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var id = pid_t()
    let failure = posix_spawn(&id, program, &actions, nil, &words, environ)
    guard failure == 0 else {
      throw BenchError("\(program) can't be started: \(String(cString: strerror(failure)))")
    }
    self.id = id
  }

  deinit { end() }

  /// Whether it has not ended yet.
  var isRunning: Bool { poll(WNOHANG) == nil }

  /// Its wait status, once it has ended.
  private func poll(_ options: Int32) -> Int32? {
    if let status { return status }
    var found: Int32 = 0
    var result = waitpid(id, &found, options)
    while result < 0, errno == EINTR { result = waitpid(id, &found, options) }
    if result != 0 { status = result < 0 ? 0 : found }
    return status
  }

  /// Waits for its end, at most so long. Whether it ended by itself and well.
  func wait(milliseconds: Int) -> Bool {
    for _ in 0..<max(1, milliseconds / 5) where isRunning { Clocks.sleep(milliseconds: 5) }
    if isRunning { end() }
    return status == 0
  }

  func signal(_ number: Int32) { if isRunning { kill(id, number) } }

  /// Ends it, also if it is stopped.
  func end() {
    guard isRunning else { return }
    kill(id, SIGKILL)
    _ = poll(0)
  }

  // MARK: Names

  static var userName: String { getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "root" }

  /// A program of the search path.
  static func find(_ name: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/bin"]
    for directory in directories {
      let file = "\(directory)/\(name)"
      if access(file, X_OK) == 0 { return file }
    }
    return nil
  }

  /// This program.
  static var own: String {
    #if os(Linux)
      "/proc/self/exe"
    #else
      CommandLine.arguments[0]
    #endif
  }
}
