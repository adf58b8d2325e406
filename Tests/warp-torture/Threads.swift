// SPDX-License-Identifier: Apache-2.0
// Plain threads. Workers spin and block, which the cooperative pool of Swift's tasks must not.

import Glibc
import Synchronization
import WarpFormat

enum Threads {
  private final class Job: Sendable {
    let body: @Sendable (Int) throws -> Void
    let failures = Atomic<Int>(0)

    init(_ body: @escaping @Sendable (Int) throws -> Void) { self.body = body }
  }

  private final class Start {
    let job: Job
    let index: Int

    init(_ job: Job, _ index: Int) {
      self.job = job
      self.index = index
    }
  }

  /// Runs `body` in `count` threads at once; returns how many of them threw.
  static func run(count: Int, _ body: @escaping @Sendable (Int) throws -> Void) -> Int {
    let job = Job(body)
    var threads = [pthread_t](repeating: pthread_t(), count: count)
    for index in 0..<count {
      let start = Unmanaged.passRetained(Start(job, index)).toOpaque()
      let result = pthread_create(
        &threads[index], nil,
        { argument in
          let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
          do {
            try start.job.body(start.index)
          } catch {
            System.explain("thread \(start.index): \(error)\n")
            start.job.failures.add(1, ordering: .relaxed)
          }
          return nil
        }, start)
      precondition(result == 0, "pthread_create failed")
    }
    for thread in threads { pthread_join(thread, nil) }
    return job.failures.load(ordering: .relaxed)
  }
}

extension System {
  /// Writes to standard error at once, whole lines from any thread.
  static func explain(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let put = rest.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
      guard put > 0 else { return }
      rest = rest.dropFirst(put)
    }
  }
}
