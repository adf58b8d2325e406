// SPDX-License-Identifier: Apache-2.0
// Text of others for people to see: names of processes and files, of which no byte may steer the terminal.

extension String {
  /// Printable ASCII; all else as "?".
  var plain: String {
    String(String.UnicodeScalarView(unicodeScalars.map { (0x20..<0x7F).contains($0.value) ? $0 : "?" }))
  }

  /// As it is if it is printable ASCII throughout, else quoted as in JSON.
  var shown: String { unicodeScalars.allSatisfy { (0x20..<0x7F).contains($0.value) } ? self : JSON.quoted(self) }

  /// At most `width` characters, the last one "…" if some are missing.
  func cut(_ width: Int) -> String {
    guard unicodeScalars.count > width else { return self }
    return String(String.UnicodeScalarView(unicodeScalars.prefix(max(0, width - 1)))) + (width > 0 ? "…" : "")
  }

  /// The same, but the end stays: of a path that is what tells.
  func cutLeft(_ width: Int) -> String {
    guard unicodeScalars.count > width else { return self }
    return (width > 0 ? "…" : "") + String(String.UnicodeScalarView(unicodeScalars.suffix(max(0, width - 1))))
  }
}
