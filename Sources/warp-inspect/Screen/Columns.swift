// SPDX-License-Identifier: Apache-2.0
// Columns of text: what pads, cuts and wraps.

extension String {
  func padded(_ width: Int) -> String {
    let missing = width - unicodeScalars.count
    return missing > 0 ? self + String(repeating: " ", count: missing) : self
  }

  /// To the right end of a column.
  func leftPadded(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - unicodeScalars.count)) + self
  }
}

/// Lines of at most `width` columns, those behind the first indented. A longer word stays whole.
func wrapped(_ text: String, width: Int, indent: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, line.unicodeScalars.count + 1 + word.unicodeScalars.count > width {
      lines.append(line)
      line = String(repeating: " ", count: indent) + word
    } else {
      line += (line.isEmpty ? "" : " ") + word
    }
  }
  return lines + [line]
}

extension String {
  /// At most so many columns; what is cut off is told by three dots.
  func clipped(_ width: Int) -> String {
    let scalars = unicodeScalars
    guard scalars.count > width, width > 3 else { return self }
    return String(scalars.prefix(width - 3)) + "..."
  }
}

/// Lines of at most `width` columns; words that are longer go on in the next line.
func folded(_ text: String, width: Int) -> [String] {
  wrapped(text, width: width, indent: 0).flatMap { line in
    let scalars = Array(line.unicodeScalars)
    // An empty line stays one.
    return stride(from: 0, to: max(1, scalars.count), by: max(1, width)).map { start in
      String(String.UnicodeScalarView(scalars[start..<min(start + width, scalars.count)]))
    }
  }
}
