// SPDX-License-Identifier: Apache-2.0
// warp-replay: what a cache is for, on requests that a real one has seen. Workers share one store and one trace; each
// takes the next 64 requests, gets every key, and fills in what it did not find. They are processes, or with
// --backend memory threads of this one.
//
// The command line is this file; Replay runs it, Worker is what the children do.

import ArgumentParser
import ReplaySupport
import WarpFormat
import WarpKV
import WarpTrace

@main
struct WarpReplay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warp-replay",
    abstract:
      "Replays a cache trace through a shared store or a cache in memory: get, else fill, by several workers.",
    discussion: """
      Without arguments it replays one million requests to a Twitter cache and keeps the store to look at. Keys are the \
      trace's ids, mixed, as 16 hex digits. Values have the recorded sizes in a .csv trace and 64 bytes in a .u64 \
      one; their bytes follow from the key, and every hit is checked. In memory the keys are the mixed ids themselves. Traces in zstd need a build with --traits Zstd.
      """)

  enum Backend: String, ExpressibleByArgument, CaseIterable { case shared, memory }

  @Option(help: "The trace: FILE.u64, FILE.csv, or one with .zst. (default: the Twitter trace of the checkout)")
  var trace: String?

  @Option(help: "Where the cache lives: in a store that processes share, or in this process.")
  var backend: Backend = .shared

  @Option(help: "Entries the store holds. (default: a tenth of the trace's distinct keys)")
  var capacity: Int?

  @Option(help: "Shards of the store, a power of two. (default: by capacity)")
  var shards: Int?

  @Option(help: "Workers, 1 to 256: processes, or threads with --backend memory.")
  var workers: Int = 2

  @Option(help: "Keep the store at this path; a store that is there is deleted first. (default: a temporary one)")
  var path: String?

  @Flag(help: "Print one JSON object instead of the table.")
  var json = false

  @Flag(help: "Keep the temporary store.")
  var keep = false

  @Flag(help: "Let the store record its requests, for warp-inspect advise.")
  var record = false

  @OptionGroup(visibility: .private)
  var worker: WorkerOptions

  static let mostWorkers = 256

  func validate() throws {
    if let capacity, capacity < 1 { throw ValidationError("--capacity \(capacity): it must be at least 1.") }
    guard (1...WarpReplay.mostWorkers).contains(workers) else {
      throw ValidationError("--workers \(workers): it must be 1 to \(WarpReplay.mostWorkers).")
    }
    if let path, path.isEmpty { throw ValidationError("--path: the path is empty.") }
    if backend == .memory, path != nil || keep || record {
      throw ValidationError("--path, --keep and --record are for stores: --backend memory leaves none.")
    }
  }

  func run() throws {
    do {
      if worker.isWorker {
        try Worker(worker, store: path).run()
      } else {
        try Replay(self).run()
      }
    } catch let error as TraceError where error.isUsage {
      throw ValidationError(error.description)
    } catch let error as TraceError where error.code == .interrupted {
      // What shells expect of a program that Ctrl-C ended.
      throw ExitCode(130)
    } catch let error as WarpError where error.isUsage {
      throw ValidationError(error.description)
    }
  }
}

/// What a parent tells its workers; people have no use for it.
struct WorkerOptions: ParsableArguments {
  @Option var workerIndex: Int?
  @Option var boardDescriptor: Int32?
  @Option var idsDescriptor: Int32?
  @Option var sizesDescriptor: Int32?
  @Option var largestSize: Int = Trace.plainSize

  var isWorker: Bool { workerIndex != nil }
}

extension WarpError {
  /// Whether the numbers on the command line were wrong.
  var isUsage: Bool {
    switch code {
    case .invalidCapacity, .invalidShardCount, .invalidValueSize, .invalidArgument: true
    default: false
    }
  }
}
