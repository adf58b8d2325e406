// SPDX-License-Identifier: Apache-2.0
// Where an export goes: standard output, or a file that gets its name when it is whole.

import WarpFormat

/// Bytes in large pieces to a stream or a new file.
final class ByteSink {
  private static let pieceSize = 1 << 16

  private let path: String?
  private let partial: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var offset = 0
  private var isDone = false

  /// - Parameter path: nil is standard output.
  /// - Throws: `invalidArgument` if the file is a store; what making a file throws.
  init(_ path: String?) throws(FormatError) {
    self.path = path
    guard let path else {
      (partial, descriptor) = ("", 1)
      return
    }
    try ByteSink.checkTarget(path)
    partial = "\(path).\(System.process().id).partial"
    try System.remove(partial)
    descriptor = try System.open(partial, .createExclusive)
  }

  deinit {
    guard path != nil else { return }
    System.close(descriptor)
    if !isDone { _ = try? System.remove(partial) }
  }

  /// A mistaken word must not cost a store.
  private static func checkTarget(_ path: String) throws(FormatError) {
    guard let status = try System.status(path: path) else { return }
    guard status.isRegular else {
      throw FormatError(.invalidArgument, "there is something of this name that is no file", path: path)
    }
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    let magic = try System.read(file, at: 0, count: Format.dataMagic.count, path)
    if magic == Format.dataMagic || magic == Format.lockMagic {
      throw FormatError(.invalidArgument, "that is a store's file, which an export does not replace", path: path)
    }
  }

  func write(_ bytes: [UInt8]) throws(FormatError) {
    buffer += bytes
    if buffer.count >= ByteSink.pieceSize { try flush() }
  }

  private func flush() throws(FormatError) {
    guard !buffer.isEmpty else { return }
    if path == nil {
      try Output.write(buffer)
    } else {
      try System.write(descriptor, at: offset, buffer, partial)
    }
    offset += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  /// All has been written: the file gets its name.
  func finish() throws(FormatError) {
    try flush()
    guard let path else { return }
    try System.sync(descriptor, partial)
    try System.rename(partial, path)
    isDone = true
  }
}

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
