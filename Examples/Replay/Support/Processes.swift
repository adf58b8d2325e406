// SPDX-License-Identifier: Apache-2.0
// Children, the clock and the terminal. Workers are this very executable, started anew: a fork would copy a process
// whose locks and mappings belong to its parent.

import Synchronization
package import WarpTrace

#if canImport(Darwin)
  @preconcurrency import Darwin
#elseif canImport(Musl)
  @preconcurrency import Musl
#elseif canImport(Glibc)
  @preconcurrency import Glibc
#endif

package enum Processes {
  /// The path of this executable, symbolic links resolved; what it was called by if it can't be found.
  package static func executable() -> String {
    let name = CommandLine.arguments.first ?? ""
    #if os(Linux)
      let link = "/proc/self/exe"
    #else
      let link = name
    #endif
    guard let resolved = realpath(link, nil) else { return name }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Starts this executable with other arguments; descriptors without close-on-exec go along.
  package static func spawn(_ arguments: [String]) throws(TraceError) -> Int32 {
    let words = [CommandLine.arguments.first ?? "warp-replay"] + arguments
    var vector = words.map { strdup($0) }
    vector.append(nil)
    defer { for word in vector { free(word) } }
    var process: pid_t = 0
    let result = posix_spawn(&process, executable(), nil, nil, vector, environ)
    guard result == 0 else {
      throw TraceError(.system, "starting a worker failed: \(String(cString: strerror(result)))")
    }
    return process
  }

  /// How a child ended, in words, "" if well; nil while it runs.
  package static func ending(_ process: Int32) -> String? {
    var status: Int32 = 0
    let result = waitpid(process, &status, WNOHANG)
    if result == 0 || (result < 0 && errno == EINTR) { return nil }
    guard result == process else { return "can't be waited for" }
    // The macros of sys/wait.h are not visible here: the low seven bits are the signal, the next byte the exit code.
    if status & 0x7F != 0 { return "was ended by signal \(status & 0x7F)" }
    let code = (status >> 8) & 0xFF
    return code == 0 ? "" : "ended with exit code \(code)"
  }

  /// The parent of this process; it changes when the parent dies.
  package static var parent: Int32 { getppid() }
  package static var identity: Int32 { getpid() }

  /// Nanoseconds of a clock that all processes share and nobody sets.
  package static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
  }

  package static func pause(milliseconds: Int) {
    var time = timespec(tv_sec: 0, tv_nsec: milliseconds * 1_000_000)
    nanosleep(&time, nil)
  }
}

/// Ctrl-C: the replay ends at the next block and tidies up, instead of leaving its store and its workers behind.
package enum Interrupt {
  private static let flag = Atomic<Bool>(false)

  package static var isRaised: Bool { flag.load(ordering: .relaxed) }

  package static func catchSignals() {
    // The handler must find the flag initialised.
    flag.store(false, ordering: .relaxed)
    signal(SIGINT) { _ in Interrupt.flag.store(true, ordering: .relaxed) }
    signal(SIGTERM) { _ in Interrupt.flag.store(true, ordering: .relaxed) }
  }

  /// For workers: the terminal's Ctrl-C reaches them, too, but it is the parent who stops them.
  package static func leaveToParent() { signal(SIGINT, SIG_IGN) }
}

package enum Terminal {
  package enum Stream: Int32 {
    case output = 1
    case errors = 2
  }

  package static func isTerminal(_ stream: Stream) -> Bool { isatty(stream.rawValue) == 1 }

  /// Writes text; a reader that went away is no reason to fail.
  package static func write(_ text: String, to stream: Stream) {
    try? Files.append(Array(text.utf8), to: stream.rawValue)
  }
}
