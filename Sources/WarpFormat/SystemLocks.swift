// SPDX-License-Identifier: Apache-2.0
// System calls, continued: locks on files and on bytes of files.

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
    /// Waits for the exclusive lock on a file as a whole, in steps, at most `nanoseconds`.
    package static func lockFile(
      _ descriptor: Int32, waiting nanoseconds: Int64, _ path: String
    ) throws(FormatError) {
      let end = bootTime() + nanoseconds
      while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        let number = warp_errno()
        if number == EINTR { continue }
        if number != EWOULDBLOCK { throw error("flock", path, number) }
        if bootTime() >= end {
          throw FormatError(
            .busy, "another process holds the creation lock for too long: see who, and try again", path: path)
        }
        sleep(1_000_000)
      }
    }

    /// A lock that belongs to the open file description; false if another one holds it.
    package static func lockByte(
      _ descriptor: Int32, _ kind: LockKind, at offset: Int64, count: Int64 = 1, _ path: String
    ) throws(FormatError) -> Bool {
      let letter = CChar(UInt8(ascii: kind == .read ? "r" : kind == .write ? "w" : "u"))
      if warp_ofd_lock(descriptor, letter, offset, count) == 0 { return true }
      let number = warp_errno()
      if number == EAGAIN || number == EACCES { return false }
      if number == EINVAL || number == ENOTSUP || number == ENOLCK {
        throw FormatError(
          .unsupportedFileSystem,
          "the file system has no open-file-description locks: keep the store on a local file system",
          path: path, errno: number)
      }
      throw error("fcntl(F_OFD_SETLK)", path, number)
    }

    /// Whether no other open file description holds a lock on any of the bytes; false where that can't be told.
    static func isByteFree(_ descriptor: Int32, at offset: Int64, count: Int64 = 1) -> Bool {
      warp_ofd_held(descriptor, offset, count) == 0
    }

    /// Gives the lock of `lockFile` back, also one that a forked child has inherited.
    static func unlockFile(_ descriptor: Int32) { _ = flock(descriptor, LOCK_UN) }
  }
#endif
