// SPDX-License-Identifier: Apache-2.0
// A store that is looked at again and again: by its name, so that a store that takes its place is followed.

import WarpFormat

struct Watch {
  /// What may come of another look.
  enum Look {
    case same(TopSample)
    /// Another data or lock file has the name.
    case other(TopSample)
    /// Nothing has the name.
    case gone
  }

  private let names: StoreNames
  let path: String
  private var image: FileImage
  private var files: [FileStatus?]

  init(_ names: StoreNames) throws(FormatError) {
    self.names = names
    path = try names.path
    files = try Watch.files(path)
    image = try names.open()
  }

  private static func files(_ path: String) throws(FormatError) -> [FileStatus?] {
    [try System.status(path: path), try System.status(path: path + StoreFiles.lockSuffix)]
  }

  private func isSame(_ now: [FileStatus?]) -> Bool {
    zip(files, now).allSatisfy { $0?.inode == $1?.inode && $0?.device == $1?.device }
  }

  /// Two renames make a replacement, so the lock file may come a moment after the data file; that is seen next time.
  mutating func look() throws(FormatError) -> Look {
    let now = try Watch.files(path)
    if now[0] == nil { return .gone }
    if isSame(now) { return .same(try TopSample(image)) }
    let isOther = files[0]?.inode != now[0]?.inode
    do throws(FormatError) {
      image = try names.open()
    } catch {
      if error.code == .notFound { return .gone }
      throw error
    }
    files = now
    let sample = try TopSample(image)
    return isOther ? .other(sample) : .same(sample)
  }
}
