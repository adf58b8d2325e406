// SPDX-License-Identifier: Apache-2.0
// Where a command writes what the user wants to keep: standard output, or a file that is made beside its place and gets
// its name when it is whole, so that nobody sees half of it. It never takes the place of a store's file, nor of what is
// no file.

import WarpFormat

enum OutputFile {
  /// A whole file at once.
  ///
  /// - Throws: as `ByteSink`.
  static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
    let sink = try ByteSink(path)
    try sink.write(bytes)
    try sink.finish()
  }
}

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
      throw FormatError(.invalidArgument, "not written: something that is no file has this name", path: path)
    }
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    let magic = try System.read(file, at: 0, count: Format.dataMagic.count, path)
    if magic == Format.dataMagic || magic == Format.lockMagic {
      throw FormatError(.invalidArgument, "not written: a file of a store has this name", path: path)
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
