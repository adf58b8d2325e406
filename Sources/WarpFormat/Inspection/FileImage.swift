// SPDX-License-Identifier: Apache-2.0
// A data file and its lock file as seen from outside: verified headers, and everything else as bytes to be judged
// (SPEC.md, "Verification").
//
// Invariants:
// - Read with `pread` only; see ByteFile.swift. No lock is taken, so nobody who uses the store is disturbed.
// - The data file's header was verified and its size is the geometry's, so every offset computed from the geometry is
//   inside the file, as long as it does not shrink.

/// A data file opened for inspection. Costs no memory beyond the header; safe to use from several threads.
public final class FileImage: Sendable {
  public let path: String
  public let header: Header
  /// The first page, as it is in the file.
  public let headerPage: [UInt8]
  /// nil if there is none, or none that belongs to this file; `lockProblem` says which.
  public let lock: LockImage?
  /// What is wrong with the lock file's header; nil if it is sound or there is no lock file.
  public let lockProblem: Finding?
  let file: ByteFile
  private let owned: [Int32]

  public var geometry: Geometry { header.geometry }

  /// Opens a data file, and the lock file beside it if there is one, for reading.
  ///
  /// - Throws: `notFound`, `insecureFile` for a symbolic link, `readOnly` without permission, what
  ///   `Header.init(verifying:fileSize:)` throws, `system`.
  public convenience init(path: String) throws(FormatError) {
    let descriptor = try System.open(path, .readOnly)
    var lockDescriptor: Int32?
    do {
      lockDescriptor = try System.open(path + StoreFiles.lockSuffix, .readOnly)
    } catch {
      if error.code != .notFound {
        System.close(descriptor)
        throw error.at(path + StoreFiles.lockSuffix)
      }
    }
    let owned = [descriptor] + (lockDescriptor.map { [$0] } ?? [])
    do {
      try self.init(descriptor: descriptor, lockDescriptor: lockDescriptor, path: path, owned: owned)
    } catch {
      for descriptor in owned { System.close(descriptor) }
      throw error
    }
  }

  /// The same over open descriptors, which stay the caller's and must stay open.
  package convenience init(descriptor: Int32, lockDescriptor: Int32?, path: String) throws(FormatError) {
    try self.init(descriptor: descriptor, lockDescriptor: lockDescriptor, path: path, owned: [])
  }

  private init(
    descriptor: Int32, lockDescriptor: Int32?, path: String, owned: [Int32]
  ) throws(FormatError) {
    self.path = path
    do {
      file = try ByteFile(descriptor: descriptor, path: path)
      headerPage = try System.read(descriptor, at: 0, count: Format.pageSize, path)
      header = try Header(verifying: headerPage, fileSize: file.size)
    } catch {
      throw error.at(path)
    }
    var lock: LockImage?
    var problem: Finding?
    if let lockDescriptor {
      do {
        lock = try LockImage(descriptor: lockDescriptor, path: path + StoreFiles.lockSuffix, of: header)
      } catch {
        guard let rule = error.rule else { throw error }
        problem = Finding(
          rule: rule, offset: error.offset ?? 0, message: "lock file: \(error.message)", shard: nil, slot: nil
        )
      }
    }
    self.lock = lock
    lockProblem = problem
    self.owned = owned
  }

  deinit {
    for descriptor in owned { System.close(descriptor) }
  }

  /// What the system says about the data file now.
  public func status() throws(FormatError) -> FileStatus { try System.status(file.descriptor, path) }

  /// The state block. Read until two copies agree, because whoever attaches may be writing it.
  public func state() throws(FormatError) -> [UInt8] {
    var page = try file.read(at: Format.stateOffset, count: Format.pageSize)
    for _ in 0..<Format.readerTries {
      let again = try file.read(at: Format.stateOffset, count: Format.pageSize)
      if again == page { break }
      page = again
    }
    return page
  }

  /// The offset of slot `slot` (from 1) of a shard.
  public func slotOffset(shard: Int, slot: Int) -> Int {
    geometry.shardOffset(shard) + geometry.slotsOffset + (slot - 1) * geometry.slotStride
  }

  public func metadataOffset(shard: Int, slot: Int) -> Int {
    geometry.shardOffset(shard) + geometry.metadataOffset + (slot - 1) * MetadataFields.structure.size
  }
}
