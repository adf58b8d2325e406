// SPDX-License-Identifier: Apache-2.0
// Single gets of absent keys, each with its own time.

import WarpKV

struct LatencyProbe {
  private let place: BenchStore
  private let keys: Stream
  private let buffer: Buffer

  init(_ place: BenchStore, entries: Int) {
    self.place = place
    var random = SplitMix(seed: 99)
    keys = Stream(count: 4096, entries: entries, distribution: .uniform) { _ in
      entries + Int(random.next() % UInt64(entries))
    }
    buffer = Buffer(place.store.maxValueSize)
  }

  /// Nanoseconds of wall time of 4,096 gets, the two readings of the clock included.
  func probe() -> [Double] {
    (0..<keys.count).map { operation in
      let begin = Clocks.now(.wall)
      var target = buffer.bytes.mutableBytes
      _ = try! place.store.get(keys.key(operation).bytes, into: &target)
      return Double(Clocks.now(.wall) &- begin)
    }
  }
}
