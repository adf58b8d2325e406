// SPDX-License-Identifier: Apache-2.0
// Where there is no POSIX: the names of System.swift, throwing `unsupportedPlatform`. Everything above compiles as it
// is, and a shared store can't be opened. `-DWARP_NO_POSIX` builds this file on any machine, so that it can't rot.

#if !(canImport(Darwin) || canImport(Musl) || canImport(Glibc)) || WARP_NO_POSIX
  /// The word of a gate that nobody ever opens.
  struct GateWord: Sendable {
    init(tracking descriptor: Int32, _ status: FileStatus, reopens: Bool) throws(FormatError) {}
    func load() -> UInt32 { 0 }
    func set(_ bit: UInt32) {}
    func track(_ mapping: Window?, writable: Bool) {}
    var isTracked: Bool { false }
    func lose() {}
    func untrack() {}
    func free() {}
  }

  extension FormatError {
    var isClosedDescriptor: Bool { false }
  }

  extension System {
    private static func unsupported() -> FormatError {
      FormatError(.unsupportedPlatform, "shared stores need POSIX files and memory: use the memory backend here")
    }
    static func error(_ call: String, _ path: String?) -> FormatError { unsupported() }

    package static func open(_ path: String, _ access: Access) throws(FormatError) -> Int32 { throw unsupported() }
    package static func close(_ descriptor: Int32) {}
    package static func status(_ descriptor: Int32, _ path: String) throws(FormatError) -> FileStatus {
      throw unsupported()
    }
    package static func status(path: String) throws(FormatError) -> FileStatus? { throw unsupported() }
    package static func read(
      _ descriptor: Int32, at offset: Int, count: Int, _ path: String
    ) throws(FormatError) -> [UInt8] { throw unsupported() }
    static func nextData(_ descriptor: Int32, from offset: Int) -> Range<Int>? { nil }
    package static func write(_ descriptor: Int32, _ bytes: [UInt8]) throws(FormatError) { throw unsupported() }
    package static func write(
      _ descriptor: Int32, at offset: Int, _ bytes: [UInt8], _ path: String
    ) throws(FormatError) { throw unsupported() }
    package static func readNext(_ descriptor: Int32, count: Int, _ path: String) throws(FormatError) -> [UInt8] {
      throw unsupported()
    }
    package static func openStream(_ path: String) throws(FormatError) -> Int32 { throw unsupported() }
    package static func isTerminal(_ descriptor: Int32) -> Bool { false }
    package static func setSize(_ descriptor: Int32, _ size: Int, _ path: String) throws(FormatError) {
      throw unsupported()
    }
    package static func allocate(
      _ descriptor: Int32, _ offset: Int, _ size: Int, _ path: String
    ) throws(FormatError) { throw unsupported() }
    package static func sync(_ descriptor: Int32, _ path: String) throws(FormatError) { throw unsupported() }
    package static func rename(_ from: String, _ to: String) throws(FormatError) { throw unsupported() }
    @discardableResult
    package static func remove(_ path: String) throws(FormatError) -> Bool { throw unsupported() }
    package static func fileSystem(_ descriptor: Int32) -> Int64 { 0 }
    package static func makeDirectory(_ path: String) throws(FormatError) { throw unsupported() }
    package static func openDirectory(_ path: String) throws(FormatError) -> Int32 { throw unsupported() }
    package static func list(_ path: String) throws(FormatError) -> [String] { throw unsupported() }
    static func space(_ descriptor: Int32, _ path: String) throws(FormatError) -> (free: Int, size: Int) {
      throw unsupported()
    }
    static func map(
      descriptor: Int32, size: Int, writable: Bool
    ) throws(FormatError) -> UnsafeMutableRawPointer { throw unsupported() }
    static func unmap(_ base: UnsafeMutableRawPointer, size: Int) {}
    static func discard(_ base: UnsafeMutableRawPointer, size: Int, writable: Bool) {}
    static func unlockFile(_ descriptor: Int32) {}
    package static var forkEpoch: UInt32 { 1 }
    static var forks: UInt32 { 0 }
    static func duplicate(_ descriptor: Int32, _ path: String) throws(FormatError) -> Int32 { throw unsupported() }
    static func isMapped(in process: Int32, asAt address: UnsafeRawPointer) -> Bool? { nil }
    package static func lockFile(
      _ descriptor: Int32, waiting nanoseconds: Int64, _ path: String
    ) throws(FormatError) { throw unsupported() }
    package static func lockByte(
      _ descriptor: Int32, _ kind: LockKind, at offset: Int64, count: Int64 = 1, _ path: String
    ) throws(FormatError) -> Bool { throw unsupported() }

    private static let origin = ContinuousClock.now

    package static func bootTime() -> Int64 {
      Int64(clamping: origin.duration(to: .now).attoseconds / 1_000_000_000)
    }
    package static func realTime() -> Int64 { 0 }
    package static func sleep(_ nanoseconds: Int64) {}
    package static func yield() {}
    package static func entropy(_ count: Int) throws(FormatError) -> [UInt8] { throw unsupported() }
    static func workingDirectory() -> String? { nil }
    static var isSingleThreaded: Bool { false }
    package static func environment(_ name: String) -> String? { nil }
    static func draw() -> UInt64 { 0 }
    package static func userID() -> UInt32 { 0 }
    package static func process() -> ProcessIdentity {
      ProcessIdentity(id: 0, startTime: 0, pidNamespace: 0, timeNamespace: 0, userID: 0)
    }
    static func sight(of process: Int32) -> ProcessSight { .present(startTime: nil) }
    static func processStatus(of process: Int32) -> ProcessStatus? { nil }
    static func text(_ path: String, limit: Int = 4096) -> String? { nil }
    static func isByteFree(_ descriptor: Int32, at offset: Int64, count: Int64 = 1) -> Bool { false }
    package static func readBootID() throws(FormatError) -> [UInt8] { throw unsupported() }
    package static func bootID() -> [UInt8] { [UInt8](repeating: 0, count: 16) }
  }
#endif
