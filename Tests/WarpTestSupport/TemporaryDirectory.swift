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
  let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
  var template = Array("\(parent)/warpkv-test-XXXXXX".utf8CString)
  let path = template.withUnsafeMutableBufferPointer { buffer in
    String(cString: mkdtemp(buffer.baseAddress!))
  }
  defer { removeTree(path) }
  return try body(path)
}

private func removeTree(_ path: String) {
  for name in (try? System.list(path)) ?? [] {
    let child = path + "/" + name
    if (try? System.status(path: child))?.isDirectory == true { removeTree(child) } else { unlink(child) }
  }
  rmdir(path)
}
