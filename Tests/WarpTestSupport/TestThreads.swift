// SPDX-License-Identifier: Apache-2.0
// Plain threads for tests whose calls spin and block: the pool of Swift's tasks has one thread a core, so six tasks of
// that kind would never run at the same time.

import WarpFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One place for each thread, so that no two ever touch the same memory. (The thread sanitizer does not know Swift's
/// `Mutex`.)
public final class TestSlots<Element: Sendable>: @unchecked Sendable {
  // Sendable: each place belongs to one thread until that has been waited for.
  private let places: UnsafeMutableBufferPointer<Element?>

  public init(count: Int, of element: Element? = nil) {
    places = .allocate(capacity: count)
    places.initialize(repeating: element)
  }

  deinit {
    places.deinitialize()
    places.deallocate()
  }

  public func put(_ element: Element, at index: Int) { places[index] = element }
  public func take(at index: Int) -> Element? {
    defer { places[index] = nil }
    return places[index]
  }
}

public enum TestThreads {
  private final class Job: Sendable {
    let body: @Sendable (Int) throws -> Void
    let errors: TestSlots<any Error>

    init(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
      self.body = body
      errors = TestSlots(count: count)
    }

    func run(_ index: Int) {
      do {
        try body(index)
      } catch {
        errors.put(error, at: index)
      }
    }
  }

  private final class Start {
    let job: Job
    let index: Int

    init(_ job: Job, _ index: Int) {
      self.job = job
      self.index = index
    }
  }

  /// Runs `body` in `count` threads at once, waits for all, and returns what they threw.
  public static func run(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) -> [any Error] {
    let job = Job(count, body)
    var threads: [pthread_t] = []
    for index in 0..<count {
      #if canImport(Darwin)
        var thread: pthread_t?
      #else
        var thread = pthread_t()
      #endif
      let result = pthread_create(
        &thread, nil,
        { argument in
          #if canImport(Darwin)
            let raw: UnsafeMutableRawPointer? = argument
          #else
            let raw = argument
          #endif
          let start = Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue()
          start.job.run(start.index)
          return nil
        }, Unmanaged.passRetained(Start(job, index)).toOpaque())
      precondition(result == 0, "pthread_create failed")
      #if canImport(Darwin)
        threads.append(thread!)
      #else
        threads.append(thread)
      #endif
    }
    for thread in threads { pthread_join(thread, nil) }
    return (0..<count).compactMap { job.errors.take(at: $0) }
  }
}
