// SPDX-License-Identifier: Apache-2.0
// What a store takes from the world: entropy, clocks, the boot's id, who we are. Tests and fixtures put their own in.

/// The world as a store sees it.
public struct Environment: Sendable {
  package var entropy: @Sendable (Int) throws(FormatError) -> [UInt8]
  /// Nanoseconds since the boot, suspend included.
  package var bootTime: @Sendable () -> Int64
  /// Nanoseconds since 1970.
  package var realTime: @Sendable () -> Int64
  /// 16 bytes.
  package var bootID: @Sendable () -> [UInt8]
  package var processID: @Sendable () -> Int32
  /// Whether lock files record the device and inode of their data file.
  package var recordsInode: Bool
  package var writerName: String
  /// The number of the file system of an open file.
  package var fileSystem: @Sendable (Int32) -> Int64

  #if canImport(Darwin) || canImport(Musl) || canImport(Glibc)
    /// The real one.
    public static let system = Environment(
      entropy: { (count) throws(FormatError) in try System.entropy(count) }, bootTime: System.bootTime,
      realTime: System.realTime, bootID: System.bootID, processID: System.processID, recordsInode: true,
      writerName: Format.writerName, fileSystem: System.fileSystem)
  #endif
}
