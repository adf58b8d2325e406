// SPDX-License-Identifier: Apache-2.0
// One process of a crew. Its parent chooses what it does.

import ArgumentParser
import CPeers
import WarpKV

struct Worker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

  @Option var board: String
  @Option var workers: Int
  @Option var windows: Int
  @Option var index: Int
  @Option var job: String
  @Option var store: String
  @Option var entries: Int
  @Option var nanoseconds: UInt64
  @Option var modes: String

  func run() throws {
    guard let job = ProcessCrew.Job(rawValue: job) else { throw ValidationError("there is no job \(job)") }
    let page = try Board(inherited: board, workers: workers, windows: windows)
    let modes = modes.split(separator: ",").compactMap { Int($0) }
    guard !modes.isEmpty else { throw ValidationError("no modes") }
    let step = try step(job)
    WindowWork.run(page, index: index, modes: modes, nanoseconds: nanoseconds, step: step)
  }

  /// Each worker has a stream of its own, on the same hot keys: the ranks are dealt out by the same seed.
  private func step(_ job: ProcessCrew.Job) throws -> () -> Int {
    let stream = try stream(job)
    var at = 0
    func advance() -> Int {
      let start = at
      at = (at + 256) % stream.count
      return start
    }
    if job == .readOldEngine {
      let size = old_engine_size(UInt64(entries), UInt32(Content.keySize), 64)
      let engine = OpaquePointer(try Board.map(store, size, 0))
      return {
        Int(
          truncatingIfNeeded: old_engine_sum(
            engine, stream.key(advance()).baseAddress, Content.keySize, Content.keySize, 256))
      }
    }
    let handle = try SharedStore.open(
      path: store,
      StoreConfiguration(
        access: job == .readQuietly ? .readOnly : .readWrite, ifDifferent: .useExisting, createIfMissing: false))
    let value = Buffer(handle.maxValueSize)
    let place = WorkerPlace(handle: handle, stream: stream, value: value)
    switch job {
    case .write: return { place.steps(advance(), writesInHundred: 100) }
    case .mix: return { place.steps(advance(), writesInHundred: 5) }
    default: return { place.reads(advance()) }
    }
  }

  private func stream(_ job: ProcessCrew.Job) throws -> Stream {
    let count = 1 << 18
    var random = SplitMix(seed: UInt64(1000 + index))
    // Keys behind the entries are never there.
    if job == .miss {
      return Stream(count: count, entries: entries, distribution: .uniform) { _ in
        entries + Int(random.next() % UInt64(entries))
      }
    }
    var dealer = SplitMix(seed: 1 &+ UInt64(entries))
    let deal = (0..<UInt32(entries)).shuffled(using: &dealer)
    var zipf = Zipf(count: entries)
    return Stream(count: count, entries: entries, distribution: .zipf) { _ in Int(deal[zipf.rank(&random) - 1]) }
  }
}

/// What a worker uses again and again.
private struct WorkerPlace {
  let handle: SharedStore
  let stream: Stream
  let value: Buffer

  func reads(_ start: Int) -> Int {
    var sum = 0
    for operation in start..<start + 256 {
      var target = value.bytes.mutableBytes
      if case .hit(let size) = try! handle.get(stream.key(operation).bytes, into: &target) { sum &+= size }
    }
    return sum
  }

  /// Sets are spread evenly among the gets. A set that another process keeps waiting for too long is a failure.
  func steps(_ start: Int, writesInHundred: Int) -> Int {
    var sum = 0
    for operation in start..<start + 256 {
      if operation * writesInHundred % 100 < writesInHundred {
        let bytes = UnsafeRawBufferPointer(value.bytes)
        _ = try! handle.set(stream.key(operation).bytes, to: bytes.bytes)
      } else {
        var target = value.bytes.mutableBytes
        if case .hit(let size) = try! handle.get(stream.key(operation).bytes, into: &target) { sum &+= size }
      }
    }
    return sum
  }
}
