// SPDX-License-Identifier: Apache-2.0
// What a test measures of its own process.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

public enum TestProcess {
  /// Nanoseconds that this thread has run.
  public static func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
  }

  /// Bytes of this process's memory that are in use and in place; nil where the system does not say.
  public static func residentBytes() -> Int? {
    guard let words = line(of: "/proc/self/statm", startingWith: "")?.split(separator: " ") else { return nil }
    return words.count > 1 ? Int(words[1]).map { $0 * Int(getpagesize()) } : nil
  }

  /// The first line of a short text file that starts like this; nil if there is none.
  private static func line(of path: String, startingWith prefix: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix(prefix) { return text }
    }
    return nil
  }

  #if os(Linux)
    /// Bytes that were in place at most, since the last reset; then counts afresh from now on. Nil where the system does
    /// not say.
    public static func resetPeakResidentBytes() -> Int? {
      let words = line(of: "/proc/self/status", startingWith: "VmHWM:")?.split(separator: " ") ?? []
      let peak = words.dropFirst().first.flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 }
      guard let file = fopen("/proc/self/clear_refs", "w") else { return nil }
      fputs("5", file)
      fclose(file)
      return peak
    }
  #endif
}
