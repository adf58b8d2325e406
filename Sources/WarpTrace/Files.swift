// SPDX-License-Identifier: Apache-2.0
// The few system calls on files that traces need: a trace read or mapped, a scratch file that vanishes with its last
// user, and shared memory for the counters of a replay. Descriptors are ints here and nowhere else but in the command
// line of a replay's worker.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

package enum Files {
  /// What the system said last, as an error about a file.
  static func failure(_ call: String, _ path: String) -> TraceError {
    let number = errno
    let reason = String(cString: strerror(number))
    return TraceError(number == ENOENT ? .traceMissing : .system, "\(path): \(call) failed: \(reason)")
  }

  package static func exists(_ path: String) -> Bool { access(path, R_OK) == 0 }

  /// Opens a regular file for reading. Workers inherit the descriptor, so it stays open across exec.
  package static func openForReading(_ path: String) throws(TraceError) -> Int32 {
    // O_NONBLOCK: opening a FIFO must not wait for its other end; the next check refuses it.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("open", path) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw TraceError(.traceMissing, "\(path): a trace must be a regular file")
    }
    return descriptor
  }

  package static func size(_ descriptor: Int32, _ path: String) throws(TraceError) -> Int {
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw failure("fstat", path) }
    return Int(info.st_size)
  }

  static func closeFile(_ descriptor: Int32) { _ = close(descriptor) }

  /// Reads once, at most the buffer's size; 0 at the end of the file.
  static func readSome(
    _ descriptor: Int32, into buffer: inout [UInt8], _ path: String
  ) throws(TraceError) -> Int {
    while true {
      let got = buffer.withUnsafeMutableBytes { raw in read(descriptor, raw.baseAddress, raw.count) }
      if got >= 0 { return got }
      if errno != EINTR { throw failure("read", path) }
    }
  }

  /// Hands a file on piece by piece.
  static func forEachChunk(
    of path: String, _ body: (Span<UInt8>) throws(TraceError) -> Void
  ) throws(TraceError) {
    let descriptor = try openForReading(path)
    defer { closeFile(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    // Ends with the file: each round takes at least one byte of it.
    while true {
      let count = try readSome(descriptor, into: &buffer, path)
      if count == 0 { return }
      try body(buffer.span.extracting(0..<count))
    }
  }

  /// A file without a name: it goes when the last process that has it open ends, however that process ends.
  package static func makeScratch() throws(TraceError) -> Int32 {
    let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(directory)/warp-trace-XXXXXX".utf8CString)
    return try template.withUnsafeMutableBufferPointer { (name) throws(TraceError) in
      let descriptor = mkstemp(name.baseAddress!)
      guard descriptor >= 0 else { throw failure("mkstemp", directory) }
      unlink(name.baseAddress!)
      return descriptor
    }
  }

  package static func append(_ bytes: [UInt8], to descriptor: Int32) throws(TraceError) {
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes { raw in write(descriptor, raw.baseAddress! + done, raw.count - done) }
      if put >= 0 {
        done += put
      } else if errno != EINTR {
        throw failure("write", "scratch file")
      }
    }
  }

  package static func setSize(_ descriptor: Int32, _ size: Int) throws(TraceError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw failure("ftruncate", "scratch file") }
  }
}

/// A whole file in memory, shared with every process that maps the same descriptor.
///
/// It must not shrink while it is mapped: nobody can shrink a scratch file, and a trace under replay is its owner's to
/// leave alone.
package final class MappedFile {
  package let descriptor: Int32
  package let size: Int
  package let base: UnsafeMutableRawPointer

  /// Takes the descriptor over, also when it throws. `size` is at least 1.
  package init(_ descriptor: Int32, size: Int, writable: Bool = false) throws(TraceError) {
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    guard let base = mmap(nil, size, protection, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      let error = Files.failure("mmap", "descriptor \(descriptor)")
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.size = size
    self.base = base
  }

  /// Maps what a parent process handed down.
  package convenience init(inherited descriptor: Int32, writable: Bool = false) throws(TraceError) {
    let size = try Files.size(descriptor, "descriptor \(descriptor)")
    guard size > 0 else { throw TraceError(.system, "descriptor \(descriptor) is an empty file") }
    try self.init(descriptor, size: size, writable: writable)
  }

  /// Whether no one has cut the file since it was mapped: bytes behind its end can't be read.
  var isWhole: Bool {
    var info = stat()
    return fstat(descriptor, &info) == 0 && Int(info.st_size) >= size
  }

  deinit {
    munmap(base, size)
    close(descriptor)
  }
}

/// All of it is constant but the mapped bytes. Those of a trace are written before it is handed on and only read then;
/// those of a board are atomic words.
extension MappedFile: @unchecked Sendable {}
