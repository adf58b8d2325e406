// SPDX-License-Identifier: Apache-2.0
// System calls, continued: directories, what a name leads to, and the file systems that both are on.

import CWarp

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// What a name leads to, in words for people.
public enum FileKind: String, Sendable {
  case regular = "a file"
  case directory = "a directory"
  case symbolicLink = "a symbolic link"
  case pipe = "a pipe"
  case socket = "a socket"
  case device = "a device"
}

extension FileStatus {
  public var isRegular: Bool { kind == .regular }
  public var isDirectory: Bool { kind == .directory }
}

#if (canImport(Darwin) || canImport(Musl) || canImport(Glibc)) && !WARP_NO_POSIX
  extension FileKind {
    /// - Parameter type: the bits of a mode that tell the type.
    init(_ type: mode_t) {
      self =
        switch type {
        case S_IFREG: .regular
        case S_IFDIR: .directory
        case S_IFLNK: .symbolicLink
        case S_IFIFO: .pipe
        case S_IFSOCK: .socket
        default: .device
        }
    }
  }

  extension System {
    /// Makes one level, mode 0700; one that is there is fine.
    package static func makeDirectory(_ path: String) throws(FormatError) {
      if unsafe mkdir(path, 0o700) != 0, warp_errno() != EEXIST { throw error("mkdir", path) }
    }

    package static func openDirectory(_ path: String) throws(FormatError) -> Int32 {
      let fd = unsafe path.withCString { p in unsafe openFile(p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_DIRECTORY, 0)
      }
      if fd >= 0 { return fd }
      let number = warp_errno()
      if number == ELOOP || number == ENOTDIR {
        throw FormatError(
          .insecureDirectory, "it is a symbolic link or no directory: remove it", path: path, errno: number)
      }
      throw error("open", path, number)
    }

    /// The names in a directory, sorted, without "." and "..".
    package static func list(_ path: String) throws(FormatError) -> [String] {
      guard let directory = unsafe opendir(path) else { throw error("opendir", path) }
      defer { unsafe closedir(directory) }
      var names: [String] = []
      while let entry = unsafe readdir(directory) {
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { raw in
          unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { names.append(name) }
      }
      return names.sorted()
    }

    /// Bytes of the file system that this user may still take, and of all of it.
    static func space(_ descriptor: Int32, _ path: String) throws(FormatError) -> (free: Int, size: Int) {
      var info = statvfs()
      while unsafe fstatvfs(descriptor, &info) != 0 {
        if warp_errno() != EINTR { throw error("fstatvfs", path) }
      }
      func bytes(_ blocks: some BinaryInteger) -> Int {
        let (product, overflow) = Int(clamping: blocks).multipliedReportingOverflow(
          by: Int(clamping: info.f_frsize))
        return overflow ? .max : product
      }
      return (bytes(info.f_bavail), bytes(info.f_blocks))
    }
  }
#endif
