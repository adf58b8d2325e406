// SPDX-License-Identifier: Apache-2.0
// The one file that knows zstd (SPEC.md §8.4, codec 1), behind the package trait `Zstd`.
//
// A stored value is one frame with its content size in it. The size is checked against the entry's and the store's
// before anything is allocated, so a frame can't claim more memory than the geometry allows.

#if Zstd
  import CZstd
#endif

/// zstd, if this build has it.
public enum Compression {
  #if Zstd
    public static let isAvailable = true
  #else
    public static let isAvailable = false
  #endif

  /// The error of a store that needs what this build lacks.
  package static func missing(path: String?) -> FormatError {
    FormatError(
      .needsZstd,
      "the store holds zstd values, and this build has no zstd: build with the package trait Zstd "
        + "(apt-get install libzstd-dev)", path: path, field: "compression")
  }

  /// The frame, or nil if it would not be smaller than `limit` bytes or there is no zstd.
  package static func compress(_ bytes: UnsafeRawBufferPointer, level: Int, limit: Int) -> [UInt8]? {
    #if Zstd
      guard limit > 0 else { return nil }
      var size = 0
      let frame = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
        // zstd gives up with an error as soon as the frame would be over the limit.
        size = unsafe ZSTD_compress(
          buffer.baseAddress, limit, bytes.baseAddress, bytes.count, Int32(clamping: level))
        initialized = ZSTD_isError(size) != 0 ? 0 : size
      }
      return frame.isEmpty ? nil : frame
    #else
      return nil
    #endif
  }

  /// Whether a frame declares exactly this content size; asked before anything is allocated for it.
  package static func declares(_ frame: UnsafeRawBufferPointer, _ size: Int) -> Bool {
    #if Zstd
      let declared = unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
      if planted(.uncheckedFrame) { _ = [UInt8](repeating: 0, count: Int(declared)) }
      return declared == UInt64(size)
    #else
      return false
    #endif
  }

  /// Decodes one frame into exactly `target.count` bytes; false if it is anything else.
  package static func decompress(_ frame: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer)
    -> Bool
  {
    #if Zstd
      // A skippable frame would pass for an empty value.
      guard frame.count >= 4, unsafe frame.loadUnaligned(as: UInt32.self).littleEndian == ZSTD_MAGICNUMBER,
        unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count) == UInt64(target.count),
        unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count) == frame.count
      else { return false }
      let size = unsafe ZSTD_decompress(target.baseAddress, target.count, frame.baseAddress, frame.count)
      return size == target.count
    #else
      return false
    #endif
  }

  /// The decoded value of a frame that declares this size; nil if it is anything else.
  package static func value(_ frame: [UInt8], rawSize: Int) -> [UInt8]? {
    guard unsafe frame.withUnsafeBytes({ unsafe declares($0, rawSize) }) else { return nil }
    var value = [UInt8](repeating: 0, count: rawSize)
    let isRight = unsafe frame.withUnsafeBytes { frame in
      unsafe value.withUnsafeMutableBytes { target in unsafe decompress(frame, into: target) }
    }
    return isRight ? value : nil
  }
}
