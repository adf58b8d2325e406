// SPDX-License-Identifier: Apache-2.0
// System calls, continued: time, entropy, and what tells this process and this boot from others.

import CWarp

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

#if (canImport(Darwin) || canImport(Musl) || canImport(Glibc)) && !WARP_NO_POSIX
  extension System {
    package static func bootTime() -> Int64 { warp_boot_time() }

    package static func realTime() -> Int64 {
      var now = timespec()
      unsafe clock_gettime(CLOCK_REALTIME, &now)
      return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    package static func sleep(_ nanoseconds: Int64) {
      var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      unsafe nanosleep(&time, nil)
    }

    package static func yield() { sched_yield() }

    package static func entropy(_ count: Int) throws(FormatError) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: count)
      let result = unsafe bytes.withUnsafeMutableBytes { raw in unsafe warp_entropy(raw.baseAddress!, raw.count) }
      guard result == 0 else { throw error("getentropy", nil) }
      return bytes
    }

    /// A number that nobody can know before. Without randomness it is the time: a recovery must not fail for want of it.
    static func draw() -> UInt64 {
      guard let bytes = try? entropy(8) else { return UInt64(bitPattern: realTime()) &* 0x9E37_79B9_7F4A_7C15 }
      return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    package static func userID() -> UInt32 { geteuid() }

    package static func process() -> ProcessIdentity {
      let id = getpid()
      return ProcessIdentity(
        id: id, startTime: startTime(of: id) ?? 0, pidNamespace: namespace("pid"), timeNamespace: namespace("time"),
        userID: userID())
    }

    static func workingDirectory() -> String? {
      guard let path = unsafe getcwd(nil, 0) else { return nil }
      defer { unsafe free(path) }
      return unsafe String(cString: path)
    }

    package static func environment(_ name: String) -> String? {
      guard let value = unsafe getenv(name) else { return nil }
      return unsafe String(cString: value)
    }

    /// A text file of the kernel's up to its first `limit` bytes, nil if it can't be read.
    static func text(_ path: String, limit: Int = 4096) -> String? { try? readText(path, limit: limit) }

    private static func readText(_ path: String, limit: Int) throws(FormatError) -> String {
      let file = try open(path, .readOnly)
      defer { close(file) }
      return String(decoding: try read(file, at: 0, count: limit, path), as: UTF8.self)
    }

    /// The inode of a namespace of this process; 0 where there are none.
    static func namespace(_ kind: String) -> UInt64 {
      var info = stat()
      let result = unsafe stat("/proc/self/ns/\(kind)", &info)
      return result == 0 ? UInt64(info.st_ino) : 0
    }

    /// This boot's id; zeros where the system has none, or does not tell.
    package static func bootID() -> [UInt8] { (try? readBootID()) ?? [UInt8](repeating: 0, count: 16) }

    /// This boot's id; zeros where the system has none.
    ///
    /// - Throws: `system` if there is one that can't be read now, for want of a descriptor or memory.
    package static func readBootID() throws(FormatError) -> [UInt8] {
      let digits = (try bootText() ?? "").utf8.compactMap { (c: UInt8) -> UInt8? in
        switch c {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): c - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): c - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): c - UInt8(ascii: "A") + 10
        default: nil
        }
      }
      guard digits.count == 32 else { return [UInt8](repeating: 0, count: 16) }
      return (0..<16).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }

    private static func bootText() throws(FormatError) -> String? {
      #if canImport(Darwin)
        var size = 64
        var buffer = [CChar](repeating: 0, count: size)
        guard unsafe sysctlbyname("kern.bootsessionuuid", &buffer, &size, nil, 0) == 0 else { return nil }
        return unsafe String(cString: buffer)
      #else
        let path = "/proc/sys/kernel/random/boot_id"
        do throws(FormatError) {
          return try readText(path, limit: 4096)
        } catch {
          // Without /proc, or where it shows this to nobody, there is none.
          if error.code == .notFound || error.code == .readOnly { return nil }
          throw error
        }
      #endif
    }

    /// When a process of this PID namespace started, in the kernel's ticks; nil if it can't be seen.
    static func startTime(of process: Int32) -> UInt64? {
      if case .present(let startTime) = sight(of: process) { startTime } else { nil }
    }

    /// Whether /proc shows the processes of this PID namespace: a container may have another's.
    static var seesProcesses: Bool {
      var target = [CChar](repeating: 0, count: 16)
      let size = unsafe readlink("/proc/self", &target, 15)
      return size > 0 && String(decoding: target[..<size].map { UInt8($0) }, as: UTF8.self) == "\(getpid())"
    }

    /// Looks at a process of this PID namespace.
    static func sight(of process: Int32) -> ProcessSight {
      // Other numbers ask about groups of processes, and no process has them.
      guard process > 0 else { return .absent }
      if kill(process, 0) != 0, warp_errno() == ESRCH { return .absent }
      guard seesProcesses else { return .hidden }
      guard let status = processStatus(of: process) else { return .present(startTime: nil) }
      return status.isZombie ? .zombie : .present(startTime: status.startTime)
    }

    /// What the kernel tells of a process of this PID namespace; nil if it tells nothing.
    static func processStatus(of process: Int32) -> ProcessStatus? {
      guard let text = text("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
      // Behind the command's name, which may hold anything: the state first, the number of threads as the 18th word, the
      // start time as the 20th.
      let words = text[text.index(after: end)...].split(separator: " ")
      guard let state = words.first else { return nil }
      return ProcessStatus(
        state: String(state), startTime: words.count > 19 ? UInt64(words[19]) : nil,
        threads: words.count > 17 ? Int(words[17]) : nil)
    }

    /// Whether this process has no other thread than the one that asks; false where that can't be told.
    static var isSingleThreaded: Bool { seesProcesses && processStatus(of: getpid())?.threads == 1 }
  }
#endif
