// SPDX-License-Identifier: Apache-2.0
// A worker that is a thread of this process. It is watched as a worker process is: asked now and then whether it ended.

import Synchronization
package import WarpTrace

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// A running thread. Whoever starts it asks for its ending until there is one.
package final class WorkerThread: Sendable {
  private let body: @Sendable () throws -> Void
  private let result = Mutex<String?>(nil)

  private init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }

  package static func start(_ body: @escaping @Sendable () throws -> Void) throws(TraceError) -> WorkerThread {
    let thread = WorkerThread(body)
    #if canImport(Darwin)
      var handle: pthread_t?
    #else
      var handle = pthread_t()
    #endif
    // The thread holds its own reference, so that it may outlive whoever gave up on it.
    let argument = Unmanaged.passRetained(thread)
    let result = pthread_create(&handle, nil, WorkerThread.main, argument.toOpaque())
    guard result == 0 else {
      argument.release()
      throw TraceError(.system, "starting a worker failed: \(String(cString: strerror(result)))")
    }
    #if canImport(Darwin)
      pthread_detach(handle!)
    #else
      pthread_detach(handle)
    #endif
    return thread
  }

  /// How it ended, in words, "" if well; nil while it runs.
  package var ending: String? { result.withLock { $0 } }

  private func run() {
    var words = ""
    do { try body() } catch { words = "failed: \(error)" }
    result.withLock { [words] in $0 = words }
  }

  #if canImport(Darwin)
    private static let main: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { argument in
      Unmanaged<WorkerThread>.fromOpaque(argument).takeRetainedValue().run()
      return nil
    }
  #else
    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
      Unmanaged<WorkerThread>.fromOpaque(argument!).takeRetainedValue().run()
      return nil
    }
  #endif
}
