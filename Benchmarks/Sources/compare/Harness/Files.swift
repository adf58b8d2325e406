// SPDX-License-Identifier: Apache-2.0
// Whole files, read and written.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

enum Files {
  /// Nil if it can't be read.
  static func bytes(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count >= 0 else { return nil }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  static func text(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

  /// The first line.
  static func line(_ path: String) -> String? {
    text(path).map { String($0.prefix { $0 != "\n" }) }
  }

  static func write(_ text: String, to path: String) throws {
    try put(Array(text.utf8), to: path, flags: O_TRUNC, mode: 0o644)
  }

  /// A private copy; the other path must name nothing.
  static func copy(_ path: String, to other: String) throws {
    guard let bytes = bytes(path) else { throw BenchError("\(path) can't be read") }
    try put(bytes, to: other, flags: O_EXCL, mode: 0o600)
  }

  private static func put(_ bytes: [UInt8], to path: String, flags: Int32, mode: mode_t) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode)
    guard descriptor >= 0 else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Platform.write(descriptor, $0) }
      guard count > 0 else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
      rest = rest.dropFirst(count)
    }
  }

  static func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o700) == 0 else { throw BenchError("mkdir \(path): \(String(cString: strerror(errno)))") }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The directory of the checkout: the working directory or one above it or above the executable that has SPEC.md.
  static var checkout: String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let places = [
      getcwd(&buffer, buffer.count).map { String(cString: $0) }, CommandLine.arguments.first,
    ]
    for case var place? in places {
      while true {
        if exists(place + "/SPEC.md") { return place }
        guard let slash = place.lastIndex(of: "/"), !place.isEmpty else { break }
        place = String(place[..<slash])
      }
    }
    return nil
  }
}

private enum Platform {
  static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }
}
