// SPDX-License-Identifier: Apache-2.0
// A file that a command writes because the user said so: made beside its place and moved there when it is whole, so
// that nobody sees half of it. It never takes the place of a store's file, nor of what is no file.

import WarpFormat

enum OutputFile {
  private static let suffix = ".part"

  /// - Throws: `invalidArgument` if something is in the way, `system`.
  static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
    try check(path)
    let part = path + suffix
    _ = try System.remove(part)
    let descriptor = try System.open(part, .createExclusive)
    do throws(FormatError) {
      try System.write(descriptor, bytes)
      System.close(descriptor)
      try System.rename(part, path)
    } catch {
      System.close(descriptor)
      _ = try? System.remove(part)
      throw error
    }
  }

  private static func check(_ path: String) throws(FormatError) {
    guard let status = try System.status(path: path) else { return }
    guard status.isRegular else {
      throw FormatError(.invalidArgument, "not written: something that is no file has this name", path: path)
    }
    let descriptor = try System.open(path, .readOnly)
    defer { System.close(descriptor) }
    let start = try System.read(descriptor, at: 0, count: Format.dataMagic.count, path)
    if start == Format.dataMagic || start == Format.lockMagic {
      throw FormatError(.invalidArgument, "not written: a file of a store has this name", path: path)
    }
  }
}
