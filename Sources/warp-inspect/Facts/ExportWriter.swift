// SPDX-License-Identifier: Apache-2.0
// An export in one of its two forms (SPEC.md 24): lines of JSON, or frames.

import WarpFormat

/// What an export is written with: one form or the other.
struct ExportWriter {
  private enum Form {
    case lines(UInt64)
    case frames(ExportFrames)
  }

  private let header: ExportHeader
  private var form: Form

  /// - Parameter first: receives the bytes of the header.
  init(_ header: ExportHeader, isBinary: Bool, first: inout [UInt8]) {
    self.header = header
    if isBinary {
      first = header.encoded()
      form = .frames(ExportFrames(first))
    } else {
      let line = ExportLines.line(header)
      first = line + [0x0A]
      form = .lines(ExportLines.digest(line, after: 0))
    }
  }

  mutating func bytes(_ entry: ExportedEntry) -> [UInt8] {
    switch form {
    case .lines(let digest):
      let line = ExportLines.line(entry, header)
      form = .lines(ExportLines.digest(line, after: digest))
      return line + [0x0A]
    case .frames(var frames):
      let frame = frames.frame(.entry, entry.payload())
      form = .frames(frames)
      return frame
    }
  }

  func bytes(_ end: ExportEnd) -> [UInt8] {
    switch form {
    case .lines(let digest): return ExportLines.line(end, digest: digest) + [0x0A]
    case .frames(var frames): return frames.frame(.end, end.payload())
    }
  }
}
