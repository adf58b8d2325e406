// SPDX-License-Identifier: Apache-2.0
// A hit of a shared store, copied into the caller's buffer, against the same steps in C.

import CLimit
import WarpKV

extension BenchGroup {
  static let get = BenchGroup(name: "get", summary: "a shared hit into a buffer, against the same steps in C") {
    session in
    for entries in session.isQuick ? [1000, 100_000, 1_000_000] : [1000, 100_000, 1_000_000, 10_000_000] {
      for size in [64, 1024, 4096] where !session.isQuick || size == 64 || (size == 1024 && entries <= 100_000) {
        do {
          try measure(session, entries: entries, valueSize: size)
        } catch let error as BenchError {
          session.findings.skip("get, \(Figure.count(entries)), \(Figure.size(size))", error.description)
        }
        if Interrupt.isRaised { return }
      }
    }
  }

  private static func measure(_ session: Session, entries: Int, valueSize: Int) throws {
    let place = try BenchStore(session.scratch, entries: entries, valueSize: valueSize)
    // A second handle on the same files, for what a handle can choose.
    let verifying = try SharedStore.open(
      path: place.path, StoreConfiguration(verifyReads: true, ifDifferent: .useExisting, createIfMissing: false))
    defer { verifying.close() }
    for distribution in session.isQuick ? [Distribution.zipf] : [.zipf, .uniform] {
      let series = session.series("get", entries: entries, valueSize: valueSize, distribution.rawValue)
      let stream = session.stream(series, distribution)
      session.measure(
        series,
        [
          place.limitGet(stream), place.get(stream),
          place.get(stream, name: "get with verifyReads", from: verifying), place.bareGet(stream),
          copies(valueSize),
        ])
    }
  }

  /// What moving the bytes alone costs.
  private static func copies(_ size: Int) -> Variant {
    let (source, target) = (Buffer(size), Buffer(size))
    return Variant(name: "memcpy", isComparable: false) { range in
      for _ in range { limit_copy(target.start, source.start, size) }
      return target.word
    }
  }
}
