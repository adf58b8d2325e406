// SPDX-License-Identifier: Apache-2.0
// Plain threads for tests, and the memory of this process. The tasks of Swift share a pool of as many threads as there
// are processors; locks are tested with more.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

public enum Threads {
  private final class Start: Sendable {
    let body: @Sendable (Int) -> Void
    let index: Int

    init(_ body: @escaping @Sendable (Int) -> Void, _ index: Int) {
      self.body = body
      self.index = index
    }
  }

  #if canImport(Darwin)
    private typealias Handle = pthread_t?
  #else
    private typealias Handle = pthread_t
  #endif

  /// Runs the body in several threads at once and waits for all.
  public static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let handles = (0..<count).map { index in start(Start(body, index)) }
    for handle in handles {
      #if canImport(Darwin)
        pthread_join(handle!, nil)
      #else
        pthread_join(handle, nil)
      #endif
    }
  }

  private static func start(_ start: Start) -> Handle {
    #if canImport(Darwin)
      var handle: Handle = nil
    #else
      var handle = Handle()
    #endif
    let result = pthread_create(
      &handle, nil,
      { argument in
        #if canImport(Darwin)
          let start = Unmanaged<Start>.fromOpaque(argument)
        #else
          let start = Unmanaged<Start>.fromOpaque(argument!)
        #endif
        let taken = start.takeRetainedValue()
        taken.body(taken.index)
        return nil
      }, Unmanaged.passRetained(start).toOpaque())
    precondition(result == 0, "pthread_create failed")
    return handle
  }

  /// Nanoseconds that this thread has run.
  public static func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
  }

  /// Bytes of this process's memory that are in use and in place; nil where the system does not say.
  public static func residentBytes() -> Int? {
    guard let file = fopen("/proc/self/statm", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let words = text.split(separator: " ")
    return words.count > 1 ? Int(words[1]).map { $0 * Int(getpagesize()) } : nil
  }
}
