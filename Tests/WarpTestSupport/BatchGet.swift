// SPDX-License-Identifier: Apache-2.0
// `getMany` with one buffer, as tests like to have it: arrays in, arrays out.

public import WarpKV

extension SharedStore {
  /// Gets keys of one size in one call.
  ///
  /// - Parameter room: bytes for each value.
  /// - Returns: what each get ended with, and the bytes of a hit.
  public func getBatch(_ keys: [[UInt8]], room: Int) throws -> [(result: GetResult, bytes: [UInt8])] {
    guard let size = keys.first?.count else { return [] }
    var values = [UInt8](repeating: 0, count: keys.count * room)
    var results = [GetResult](repeating: .busy, count: keys.count)
    var valueSpan = values.mutableSpan
    var bytes = valueSpan.mutableBytes
    var resultSpan = results.mutableSpan
    let joined = Array(keys.joined())
    _ = try getMany(joined.span.bytes, keySize: size, into: &bytes, valueSize: room, results: &resultSpan)
    return results.enumerated().map { (place, result) in
      guard case .hit(let size) = result else { return (result, []) }
      return (result, Array(values[place * room..<place * room + size]))
    }
  }

  /// The same for keys of any sizes, one batch for each size; the empty key alone. nil where there was no value.
  public func getBatches(_ keys: [[UInt8]], room: Int) throws -> [[UInt8]?] {
    var values = [[UInt8]?](repeating: nil, count: keys.count)
    for size in Set(keys.map(\.count)) {
      let places = keys.indices.filter { keys[$0].count == size }
      if size == 0 {
        for place in places { values[place] = try get(keys[place]) }
      } else {
        for (place, found) in zip(places, try getBatch(places.map { keys[$0] }, room: room)) {
          if found.result.isHit { values[place] = found.bytes }
        }
      }
    }
    return values
  }
}
