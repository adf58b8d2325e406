// SPDX-License-Identifier: Apache-2.0
// System calls, continued: reading from where a descriptor stands, as pipes and terminals are read.

import CWarp

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

#if (canImport(Darwin) || canImport(Musl) || canImport(Glibc)) && !WARP_NO_POSIX
  extension System {
    /// What there is, at most `count` bytes; nothing at the end.
    package static func readNext(_ descriptor: Int32, count: Int, _ path: String) throws(FormatError) -> [UInt8] {
      var failure: Int32 = 0
      let result = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        while true {
          let got = unsafe readBytes(descriptor, buffer.baseAddress!, count)
          if got >= 0 {
            initialized = got
            return
          }
          failure = warp_errno()
          if failure != EINTR { return }
          failure = 0
        }
      }
      if failure != 0 { throw error("read", path, failure) }
      return result
    }

    private static func readBytes(_ descriptor: Int32, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
      #if canImport(Darwin)
        unsafe Darwin.read(descriptor, bytes, count)
      #elseif canImport(Musl)
        unsafe Musl.read(descriptor, bytes, count)
      #else
        unsafe Glibc.read(descriptor, bytes, count)
      #endif
    }

    /// Opens what is read or written as a stream: unlike a store's files it may be a pipe or a symbolic link.
    package static func openStream(_ path: String) throws(FormatError) -> Int32 {
      try opened(path, O_RDONLY | O_CLOEXEC, 0)
    }
  }
#endif
