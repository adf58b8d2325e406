// SPDX-License-Identifier: Apache-2.0
// Where the files of the input at hand lie: a private directory on tmpfs, removed with the process.

import WarpFormat
import WarpTestSupport

struct FuzzPlace {
  private static let zeros = [UInt8](repeating: 0, count: Format.pageSize)

  let directory: String
  var path: String { directory + "/fuzz.warp" }
  var lockPath: String { path + StoreFiles.lockSuffix }

  init() throws {
    directory = try makeTemporaryDirectory(in: System.environment("WARP_FUZZ_DIRECTORY"))
  }

  /// Removes every file.
  func clear() {
    for name in (try? System.list(directory)) ?? [] { _ = try? System.remove(directory + "/" + name) }
  }

  func remove() { removeTree(directory) }

  /// Puts the files of an input here. What is zero stays a hole, as in a store that is new.
  func write(_ image: Image) throws {
    clear()
    try write(path, image.data, size: image.dataSize)
    if let lock = image.lock { try write(lockPath, lock, size: image.lockSize) }
  }

  private func write(_ path: String, _ bytes: [UInt8], size: Int) throws {
    let file = try System.open(path, .createExclusive)
    defer { System.close(file) }
    try System.setSize(file, size, path)
    let page = Format.pageSize
    for start in stride(from: 0, to: min(bytes.count, size), by: page) {
      let range = start..<min(start + page, bytes.count, size)
      let isZero = bytes.withUnsafeBytes { $0[range].elementsEqual(FuzzPlace.zeros[0..<range.count]) }
      if !isZero { try System.write(file, at: start, Array(bytes[range]), path) }
    }
  }
}
