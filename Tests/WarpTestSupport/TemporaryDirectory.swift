// SPDX-License-Identifier: Apache-2.0
// A directory of a test's own, on tmpfs where there is one, removed afterwards.

import WarpFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs a test in a new private directory and removes it with all its files.
public func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let path = try makeTemporaryDirectory()
  defer { removeTree(path) }
  return try body(path)
}

/// A new private directory, which the caller removes: on tmpfs where there is one, unless it is told where.
public func makeTemporaryDirectory(in parent: String? = nil) throws -> String {
  let parent = parent ?? (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")
  var template = Array("\(parent)/warpkv-test-XXXXXX".utf8CString)
  return try template.withUnsafeMutableBufferPointer { buffer in
    guard let path = mkdtemp(buffer.baseAddress!) else {
      throw FormatError(.system, "no directory can be made in \(parent)", errno: errno)
    }
    return String(cString: path)
  }
}

/// Removes a directory with all that is in it; what can't be removed stays.
public func removeTree(_ path: String) {
  for name in (try? System.list(path)) ?? [] {
    let child = path + "/" + name
    if (try? System.status(path: child))?.isDirectory == true { removeTree(child) } else { unlink(child) }
  }
  rmdir(path)
}
