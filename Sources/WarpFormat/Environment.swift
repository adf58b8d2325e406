// SPDX-License-Identifier: Apache-2.0
// What a store takes from the world: entropy, clocks, the boot's id, who we are. Tests and fixtures put their own in.

/// What tells one process from another that has, or had, the same number.
package struct ProcessIdentity: Equatable, Sendable {
  package var id: Int32
  /// In the kernel's ticks since the boot.
  package var startTime: UInt64
  /// Inodes of the namespaces; 0 where there are none.
  package var pidNamespace: UInt64
  package var timeNamespace: UInt64
  package var userID: UInt32

  package init(id: Int32, startTime: UInt64, pidNamespace: UInt64, timeNamespace: UInt64, userID: UInt32) {
    self.id = id
    self.startTime = startTime
    self.pidNamespace = pidNamespace
    self.timeNamespace = timeNamespace
    self.userID = userID
  }
}

/// The world as a store sees it.
public struct Environment: Sendable {
  package var entropy: @Sendable (Int) throws(FormatError) -> [UInt8]
  /// Nanoseconds since the boot, suspend included.
  package var bootTime: @Sendable () -> Int64
  /// Nanoseconds since 1970.
  package var realTime: @Sendable () -> Int64
  /// 16 bytes, zeros where the system has none.
  package var bootID: @Sendable () throws(FormatError) -> [UInt8]
  package var process: @Sendable () -> ProcessIdentity
  /// Whether lock files record the device and inode of their data file.
  package var recordsInode: Bool
  package var writerName: String
  /// The number of the file system of an open file.
  package var fileSystem: @Sendable (Int32) -> Int64

  /// The real one.
  public static let system = Environment(
    entropy: { (count) throws(FormatError) in try System.entropy(count) }, bootTime: System.bootTime,
    realTime: System.realTime, bootID: { () throws(FormatError) in try System.readBootID() },
    process: System.process, recordsInode: true,
    writerName: Format.writerName, fileSystem: System.fileSystem)
}
