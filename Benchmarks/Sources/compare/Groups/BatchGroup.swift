// SPDX-License-Identifier: Apache-2.0
// Sixteen keys in one call. The reference is a single get in C.

import WarpKV

extension BenchGroup {
  static let batch = BenchGroup(name: "batch", summary: "getMany of 16 keys, against a single get in C") {
    session in
    for entries in session.isQuick ? [100_000, 1_000_000] : [1000, 100_000, 1_000_000] {
      for distribution in session.isQuick ? [Distribution.zipf] : [.zipf, .uniform] {
        let place = try BenchStore(session.scratch, entries: entries, valueSize: 64)
        let series = session.series("batch", entries: entries, valueSize: 64, distribution.rawValue)
        let stream = session.stream(series, distribution)
        session.measure(
          series,
          [
            place.limitGet(stream, name: "single get in C"), many(place, stream), arrays(place, stream),
            place.get(stream, name: "single get"),
          ])
        if Interrupt.isRaised { return }
      }
    }
  }

  /// Into the caller's buffer, as the C get.
  private static func many(_ place: BenchStore, _ stream: Stream) -> Variant {
    let store = place.store
    let size = store.maxValueSize
    let buffer = Buffer(16 * size)
    return Variant(name: "getMany 16") { range in
      var results = [GetResult](repeating: .miss, count: 16)
      var sum: UInt64 = 0
      for start in stride(from: range.lowerBound, to: range.upperBound, by: 16) {
        let keys = UnsafeRawBufferPointer(start: stream.key(start).baseAddress, count: 16 * Content.keySize)
        var values = buffer.bytes.mutableBytes
        var span = results.mutableSpan
        _ = try! store.getMany(
          keys.bytes, keySize: Content.keySize, into: &values, valueSize: size, results: &span)
        for place in 0..<16 {
          guard case .hit(let found) = results[place] else { continue }
          sum &+= buffer.start.load(fromByteOffset: place * size, as: UInt64.self) &+ UInt64(found)
        }
      }
      return sum
    }
  }

  /// As an array for each value, from an array for each key.
  private static func arrays(_ place: BenchStore, _ stream: Stream) -> Variant {
    let store = place.store
    // The caller has its keys as arrays, as the function takes them; the groups are made outside the time.
    let groups = stride(from: 0, to: stream.count, by: 16).map { start in
      (start..<start + 16).map { [UInt8](stream.key($0)) }
    }
    return Variant(name: "getMany 16, arrays") { range in
      var sum: UInt64 = 0
      for group in range.lowerBound / 16..<range.upperBound / 16 {
        for value in try! store.getMany(groups[group]) {
          guard let value else { continue }
          sum &+= value.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } &+ UInt64(value.count)
        }
      }
      return sum
    }
  }
}
