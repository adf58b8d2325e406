// SPDX-License-Identifier: Apache-2.0
// Lines on standard error, for what can't wait for the end.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

enum Progress {
  /// Whether somebody watches.
  static let isShown = isatty(2) == 1

  static func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }
}
