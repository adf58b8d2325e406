// SPDX-License-Identifier: Apache-2.0
// A zstd file as a stream of chunks, behind the package trait `Zstd`: the one file of this target that knows zstd.
// Nothing is sized by what the stream claims; one input and one output buffer serve a trace of any length.

#if Zstd
  import CZstd
#endif

package enum ZstdFile {
  #if Zstd
    package static let isAvailable = true

    /// Decompresses a file and hands it on piece by piece. Frames may follow one another.
    ///
    /// - Throws: `traceMissing`, `traceTruncated`, `traceMalformed`, `system`, and what `body` throws.
    package static func forEachChunk(
      of path: String, _ body: (Span<UInt8>) throws(TraceError) -> Void
    ) throws(TraceError) {
      let descriptor = try Files.openForReading(path)
      defer { Files.closeFile(descriptor) }
      guard let stream = ZSTD_createDStream() else { throw TraceError(.system, "\(path): zstd has no memory") }
      defer { _ = ZSTD_freeDStream(stream) }
      var input = [UInt8](repeating: 0, count: ZSTD_DStreamInSize())
      var output = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
      // Of the last step: 0 where a frame has just ended, else a hint how much more it wants.
      var wanted = 0
      while true {
        let available = try Files.readSome(descriptor, into: &input, path)
        if available == 0 { break }
        var position = 0
        var outputWasFull = false
        // Each round takes input or fills the output, so the loop ends with this chunk.
        while position < available || outputWasFull {
          let step = decompress(stream, input, available, &position, &output)
          guard ZSTD_isError(step.wanted) == 0 else {
            throw TraceError(.traceMalformed, "\(path): it is no zstd file or is damaged: \(name(step.wanted))")
          }
          wanted = step.wanted
          // A full buffer may hide more that the stream holds back, unless the frame is through.
          outputWasFull = step.produced == output.count && wanted != 0
          try body(output.span.extracting(0..<step.produced))
        }
      }
      guard wanted == 0 else { throw TraceError(.traceTruncated, "\(path): the zstd stream is cut off") }
    }

    private static func decompress(
      _ stream: OpaquePointer, _ input: [UInt8], _ available: Int, _ position: inout Int, _ output: inout [UInt8]
    ) -> (wanted: Int, produced: Int) {
      input.withUnsafeBytes { source in
        output.withUnsafeMutableBytes { target in
          var from = ZSTD_inBuffer(src: source.baseAddress, size: available, pos: position)
          var to = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
          let wanted = ZSTD_decompressStream(stream, &to, &from)
          position = from.pos
          return (wanted, to.pos)
        }
      }
    }

    private static func name(_ code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
  #else
    package static let isAvailable = false

    package static func forEachChunk(
      of path: String, _ body: (Span<UInt8>) throws(TraceError) -> Void
    ) throws(TraceError) {
      // A missing file is the more useful complaint.
      Files.closeFile(try Files.openForReading(path))
      throw TraceError(
        .needsZstd,
        "\(path): this build can't read zstd: build with `swift build -c release --traits Zstd` "
          + "(needs apt-get install libzstd-dev pkg-config), or decompress the trace if it is a .u64.zst")
    }
  #endif
}
