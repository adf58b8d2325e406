// SPDX-License-Identifier: Apache-2.0
// The same replay on a cache in this process: workers are threads, keys are the mixed ids themselves, values arrays of
// bytes with the same contents.

import ReplaySupport
import WarpKV
import WarpTrace

struct MemoryWorker: Sendable {
  typealias Cache = MemoryBackend<UInt64, [UInt8]>

  let index: Int
  let board: Board
  let trace: Trace
  let cache: Cache

  func run() throws {
    try Shift(worker: index, board: board, trace: trace).run(serve)
  }

  private func serve(_ request: Int, _ tally: inout Board.Tally) throws {
    let mixed = Content.mixed(trace.id(at: request))
    if let value = cache.get(mixed) {
      guard Content.matches(value, size: value.count, of: mixed) else {
        throw TraceError(
          .wrongValue,
          "request \(request): the cache gave \(value.count) bytes that are not what was set for its key")
      }
      tally.hits += 1
    } else {
      tally.misses += 1
      var value = [UInt8](repeating: 0, count: trace.size(at: request))
      Content.fill(&value, size: value.count, of: mixed)
      cache.set(mixed, to: value)
    }
  }
}
