// SPDX-License-Identifier: Apache-2.0
// The trace of the repository: lines "time_s,key,size_bytes" after a head, as a zstd file (Examples/Replay/Traces).

import CPeers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

struct TwitterTrace {
  /// Larger values are cut.
  static let mostSize = 1024

  let ids: [UInt32]
  let sizes: [Int]

  /// - Throws: ``BenchError`` if it is not there or can't be decompressed.
  init() throws {
    guard let checkout = Files.checkout,
      let packed = Files.bytes(checkout + "/Examples/Replay/Traces/twitter-c52.csv.zst")
    else { throw BenchError("Examples/Replay/Traces/twitter-c52.csv.zst is not above the working directory") }
    var size = 0
    var trouble: UnsafePointer<CChar>?
    guard let bytes = peers_unpack(packed, packed.count, &size, &trouble) else {
      throw BenchError(BenchGroup.reason(trouble))
    }
    defer { free(bytes) }
    var (ids, sizes): ([UInt32], [Int]) = ([], [])
    for line in UnsafeRawBufferPointer(start: bytes, count: size).split(separator: UInt8(ascii: "\n")).dropFirst() {
      let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      guard fields.count == 3, let id = UInt32(String(decoding: fields[1], as: UTF8.self)),
        let size = Int(String(decoding: fields[2], as: UTF8.self))
      else { throw BenchError("the trace has a line that is none") }
      ids.append(id)
      sizes.append(min(max(size, 8), TwitterTrace.mostSize))
    }
    guard ids.count > 100_000 else { throw BenchError("the trace has only \(ids.count) requests") }
    (self.ids, self.sizes) = (ids, sizes)
  }
}
