// SPDX-License-Identifier: Apache-2.0
// The directory of a run's stores, in memory where there is /dev/shm, and the bound on what they take.
//
// It is removed at the end of the run, also of one that was interrupted; what a killed run left is removed by the next.

import WarpKV

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

final class Scratch {
  let path: String
  private var names = 0

  /// Bytes of one store, and of all that are alive at a time.
  static let mostOfOne = 2560 << 20
  static let mostOfAll = 6144 << 20

  private static let prefix = "warpkv-compare-"

  private static var base: String {
    #if os(Linux)
      "/dev/shm"
    #else
      getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    #endif
  }

  init() throws {
    Scratch.removeAbandoned()
    path = "\(Scratch.base)/\(Scratch.prefix)\(getpid())"
    guard mkdir(path, 0o700) == 0 else { throw BenchError("mkdir \(path): \(String(cString: strerror(errno)))") }
  }

  /// A path that nothing has yet.
  func file(_ name: String) -> String {
    names += 1
    return "\(path)/\(names)-\(name)"
  }

  func remove() { Scratch.removeTree(path) }

  /// Throws if a store of so many bytes is over the limit or finds no room.
  func reserve(_ bytes: Int) throws {
    guard bytes <= Scratch.mostOfOne else {
      throw BenchError("it would take \(bytes >> 20) MiB, and one store may take \(Scratch.mostOfOne >> 20)")
    }
    let alive = Scratch.allocated(path)
    guard alive + bytes <= Scratch.mostOfAll else {
      throw BenchError("it would take \(bytes >> 20) MiB, and \(alive >> 20) are alive already")
    }
    let free = Machine.availableMemory
    guard bytes + (512 << 20) <= free else {
      throw BenchError("it would take \(bytes >> 20) MiB, and the machine has \(free >> 20) free")
    }
  }

  // MARK: Trees

  static func names(_ directory: String) -> [String] {
    guard let handle = opendir(directory) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in names(path) { removeTree(path + "/" + name) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  static func allocated(_ path: String) -> Int {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    if status.st_mode & S_IFMT == S_IFDIR { return names(path).reduce(0) { $0 + allocated(path + "/" + $1) } }
    return Int(status.st_blocks) * 512
  }

  private static func removeAbandoned() {
    for name in names(base) where name.hasPrefix(prefix) {
      guard let process = pid_t(name.dropFirst(prefix.count)), kill(process, 0) != 0, errno == ESRCH else {
        continue
      }
      removeTree(base + "/" + name)
    }
  }
}
