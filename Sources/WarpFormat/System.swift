// SPDX-License-Identifier: Apache-2.0
// Every system call of the library, each with its error turned into a FormatError. Where there is no POSIX the same
// names throw `unsupportedPlatform`, and nothing above this file knows the difference.

import CWarp

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// What `fstat` says that matters to us.
public struct FileStatus: Equatable, Sendable {
  public var device: UInt64
  public var inode: UInt64
  public var size: Int
  /// Bytes of the blocks allocated.
  public var allocated: Int
  public var links: Int
  public var owner: UInt32
  /// Permission bits.
  public var permissions: UInt32
  public var kind: FileKind
}

/// The system calls; what they are given beside descriptors and paths.
@usableFromInline package enum System {
  package enum Access { case readOnly, readWrite, createExclusive, createOrOpen }
  package enum LockKind { case read, write, none }
}

#if (canImport(Darwin) || canImport(Musl) || canImport(Glibc)) && !WARP_NO_POSIX

  extension System {
    // MARK: Errors

    static func error(_ call: String, _ path: String?, _ number: Int32 = warp_errno()) -> FormatError {
      switch number {
      case ENOSPC, EDQUOT:
        return FormatError(
          .noSpace,
          "the file system is full: \(call) failed. Free space, raise the quota or mount a larger one "
            + "(containers: --shm-size)", path: path, errno: number)
      case EFBIG:
        return FormatError(
          .fileSizeLimit, "\(call) exceeds the file size limit: raise ulimit -f or lower capacity or sizes",
          path: path, errno: number)
      case ENOENT:
        return FormatError(.notFound, "\(call): there is no such file", path: path, errno: number)
      case EACCES, EPERM, EROFS:
        return FormatError(
          .readOnly, "\(call) is not permitted: check owner and mode, or open with access .readOnly",
          path: path, errno: number)
      case ELOOP, ENOTDIR, EISDIR, ENXIO:
        return FormatError(
          .insecureFile,
          "\(call) met a symbolic link, or something that is no file or no directory where one must be: remove it",
          path: path, errno: number)
      default:
        let text = unsafe String(cString: strerror(number))
        return FormatError(.system, "\(call) failed: \(text)", path: path, errno: number)
      }
    }

    // MARK: Files

    /// Opens a file that is no symbolic link; the descriptor closes on exec. Mode 0600 if it is created.
    package static func open(_ path: String, _ access: Access) throws(FormatError) -> Int32 {
      let flags: Int32 =
        switch access {
        case .readOnly: O_RDONLY
        case .readWrite: O_RDWR
        case .createExclusive: O_RDWR | O_CREAT | O_EXCL
        case .createOrOpen: O_RDWR | O_CREAT
        }
      // O_NONBLOCK: opening a FIFO must not wait for its other end.
      return try opened(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, planted(.fileForAll) ? 0o644 : 0o600)
    }

    /// Opens a file, again if a signal came in between.
    static func opened(_ path: String, _ flags: Int32, _ mode: mode_t) throws(FormatError) -> Int32 {
      while true {
        let descriptor = unsafe path.withCString { p in unsafe openFile(p, flags, mode) }
        if descriptor >= 0 { return descriptor }
        if warp_errno() != EINTR { throw error("open", path) }
      }
    }

    static func openFile(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t) -> Int32 {
      #if canImport(Darwin)
        unsafe Darwin.open(path, flags, mode)
      #elseif canImport(Musl)
        unsafe Musl.open(path, flags, mode)
      #else
        unsafe Glibc.open(path, flags, mode)
      #endif
    }

    package static func close(_ descriptor: Int32) {
      #if canImport(Darwin)
        _ = Darwin.close(descriptor)
      #elseif canImport(Musl)
        _ = Musl.close(descriptor)
      #else
        _ = Glibc.close(descriptor)
      #endif
    }

    /// Another number for the same open file description; it closes on exec.
    static func duplicate(_ descriptor: Int32, _ path: String) throws(FormatError) -> Int32 {
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
      guard copy >= 0 else { throw error("fcntl(F_DUPFD_CLOEXEC)", path) }
      return copy
    }

    package static func status(_ descriptor: Int32, _ path: String) throws(FormatError) -> FileStatus {
      var info = stat()
      guard unsafe fstat(descriptor, &info) == 0 else { throw error("fstat", path) }
      return FileStatus(info)
    }

    /// Of what the path names now, a symbolic link itself included; nil if there is nothing.
    package static func status(path: String) throws(FormatError) -> FileStatus? {
      var info = stat()
      if unsafe lstat(path, &info) == 0 { return FileStatus(info) }
      if warp_errno() == ENOENT { return nil }
      throw error("lstat", path)
    }

    /// Reads up to `count` bytes; fewer only at the end of the file.
    package static func read(
      _ descriptor: Int32, at offset: Int, count: Int, _ path: String
    ) throws(FormatError) -> [UInt8] {
      var failure: FormatError?
      let result = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        while initialized < count {
          let got = unsafe pread(
            descriptor, buffer.baseAddress! + initialized, count - initialized, off_t(offset + initialized))
          if got == 0 { break }
          if got < 0 {
            if warp_errno() == EINTR { continue }
            failure = error("pread", path)
            break
          }
          initialized += got
        }
      }
      if let failure { throw failure }
      return result
    }

    /// The next range at or behind `offset` that is not a hole; nil if there is none up to the end of the file. Where
    /// holes can't be told apart the rest of the file counts as data. Moves the descriptor's own position.
    static func nextData(_ descriptor: Int32, from offset: Int) -> Range<Int>? {
      #if canImport(Darwin)
        let (seekData, seekHole): (Int32, Int32) = (4, 3)
      #else
        let (seekData, seekHole): (Int32, Int32) = (3, 4)
      #endif
      let start = lseek(descriptor, off_t(offset), seekData)
      if start < 0 { return warp_errno() == ENXIO ? nil : offset..<Int.max }
      let end = lseek(descriptor, start, seekHole)
      return Int(start)..<(end > start ? Int(end) : Int.max)
    }

    /// Writes all bytes where the descriptor stands: a pipe, a terminal, a log.
    package static func write(_ descriptor: Int32, _ bytes: [UInt8]) throws(FormatError) {
      var done = 0
      while done < bytes.count {
        let put = unsafe bytes.withUnsafeBytes { raw in
          unsafe writeBytes(descriptor, raw.baseAddress! + done, raw.count - done)
        }
        if put < 0 {
          if warp_errno() == EINTR { continue }
          throw error("write", nil)
        }
        done += put
      }
    }

    private static func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
      #if canImport(Darwin)
        unsafe Darwin.write(descriptor, bytes, count)
      #elseif canImport(Musl)
        unsafe Musl.write(descriptor, bytes, count)
      #else
        unsafe Glibc.write(descriptor, bytes, count)
      #endif
    }

    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    package static func write(
      _ descriptor: Int32, at offset: Int, _ bytes: [UInt8], _ path: String
    ) throws(FormatError) {
      try checkSizeLimit(offset + bytes.count, path)
      var done = 0
      while done < bytes.count {
        let put = unsafe bytes.withUnsafeBytes { raw in
          unsafe pwrite(descriptor, raw.baseAddress! + done, raw.count - done, off_t(offset + done))
        }
        if put < 0 {
          if warp_errno() == EINTR { continue }
          throw error("pwrite", path)
        }
        done += put
      }
    }

    /// Passing the soft limit is a signal that would end the process, also for a write to bytes that are there.
    private static func checkSizeLimit(_ size: Int, _ path: String) throws(FormatError) {
      var limit = rlimit()
      #if canImport(Glibc)
        let resource = __rlimit_resource_t(1)
      #else
        let resource = RLIMIT_FSIZE
      #endif
      if unsafe getrlimit(resource, &limit) == 0, UInt64(limit.rlim_cur) < UInt64(size) {
        throw FormatError(
          .fileSizeLimit,
          "a file of \(size) bytes is over the process's limit of \(limit.rlim_cur): raise ulimit -f, or lower "
            + "capacity, maxKeySize or maxValueSize", path: path, errno: EFBIG)
      }
    }

    /// Sets the length without allocating blocks.
    package static func setSize(_ descriptor: Int32, _ size: Int, _ path: String) throws(FormatError) {
      try checkSizeLimit(size, path)
      guard ftruncate(descriptor, off_t(size)) == 0 else { throw error("ftruncate", path) }
    }

    /// Allocates the blocks of a range, so that a later store into it can't fail with a signal.
    package static func allocate(
      _ descriptor: Int32, _ offset: Int, _ size: Int, _ path: String
    ) throws(FormatError) {
      guard warp_allocate(descriptor, Int64(offset), Int64(size)) == 0 else { throw error("fallocate", path) }
    }

    package static func sync(_ descriptor: Int32, _ path: String) throws(FormatError) {
      while fsync(descriptor) != 0, !planted(.syncFailureIgnored) {
        if warp_errno() != EINTR { throw error("fsync", path) }
      }
    }

    package static func rename(_ from: String, _ to: String) throws(FormatError) {
      #if canImport(Darwin)
        let result = unsafe Darwin.rename(from, to)
      #elseif canImport(Musl)
        let result = unsafe Musl.rename(from, to)
      #else
        let result = unsafe Glibc.rename(from, to)
      #endif
      guard result == 0 else { throw error("rename", to) }
    }

    /// Removes a name; returns whether there was one.
    @discardableResult
    package static func remove(_ path: String) throws(FormatError) -> Bool {
      if unsafe unlink(path) == 0 { return true }
      if warp_errno() == ENOENT { return false }
      throw error("unlink", path)
    }

    package static func fileSystem(_ descriptor: Int32) -> Int64 { warp_file_system(descriptor) }

    // MARK: Memory

    static func map(
      descriptor: Int32, size: Int, writable: Bool
    ) throws(FormatError) -> UnsafeMutableRawPointer {
      let flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED
      let pointer = unsafe mmap(
        nil, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, flags, descriptor, 0)
      guard let pointer = unsafe pointer, unsafe pointer != MAP_FAILED else { throw error("mmap", nil) }
      return unsafe pointer
    }

    static func unmap(_ base: UnsafeMutableRawPointer, size: Int) { unsafe munmap(base, size) }

    /// Puts private zeros that take no memory in the place of a mapping.
    static func discard(_ base: UnsafeMutableRawPointer, size: Int, writable: Bool) {
      _ = unsafe mmap(
        base, size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
        MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    }
  }

  extension FileStatus {
    init(_ info: stat) {
      self.init(
        device: UInt64(info.st_dev), inode: UInt64(info.st_ino), size: Int(info.st_size),
        allocated: Int(info.st_blocks) * 512, links: Int(info.st_nlink), owner: info.st_uid,
        permissions: UInt32(info.st_mode) & 0o7777,
        kind: FileKind(info.st_mode & S_IFMT))
    }
  }
#endif
